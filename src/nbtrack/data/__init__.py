"""Datasets: what a run was given, named by a digest of the content. MLflow's names and arguments.

>>> import pandas as pd
>>> import nbtrack
>>> frame = pd.DataFrame({"x": [1, 2, 3], "label": [0, 1, 0]})
>>> dataset = nbtrack.data.from_pandas(frame, source="train.csv", targets="label")
>>> with nbtrack.start_run():
...     nbtrack.log_input(dataset, context="training")
"""

from __future__ import annotations

from .arrays import from_numpy
from .dataset import Dataset
from .files import from_file
from .frames import from_pandas, from_polars

__all__ = ["Dataset", "from_file", "from_numpy", "from_pandas", "from_polars"]
