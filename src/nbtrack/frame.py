"""Runs as a DataFrame with MLflow's columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .entities import Run

if TYPE_CHECKING:
    import pandas

_INFO = ("run_id", "experiment_id", "status", "artifact_uri")
_TIMES = ("start_time", "end_time")


def runs_to_frame(runs: Sequence[Run]) -> pandas.DataFrame:
    """One row a run: run_id, experiment_id, status, artifact_uri, start_time and end_time (UTC), then `metrics.*`,
    `params.*` and `tags.*`. A metric that a run lacks is NaN, a param or a tag None.
    """
    import pandas

    columns: dict[str, Any] = {
        name: pandas.Series([getattr(run.info, name) for run in runs], dtype="str") for name in _INFO
    }
    for name in _TIMES:
        times = pandas.array([getattr(run.info, name) for run in runs], dtype="Int64")
        columns[name] = pandas.to_datetime(pandas.Series(times), unit="ms", utc=True, errors="coerce")
    for kind in ("metrics", "params", "tags"):
        data = [getattr(run.data, kind) for run in runs]
        missing = float("nan") if kind == "metrics" else None
        for key in sorted({key for values in data for key in values}):
            columns[f"{kind}.{key}"] = [values.get(key, missing) for values in data]
    return pandas.DataFrame(columns)
