"""Artifacts of the active run: files, strings, figures, images and tables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..client import Client
from .experiments import active_experiment_id
from .runs import ensure_run, target

if TYPE_CHECKING:
    import pandas


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy a local file or folder to the artifacts of a run.

    Links whose target does not exist, and anything else in a folder that is not a file, are left out with a warning
    that names them.

    Args:
        local_path: The file or folder. A folder is copied with its name, unlike with `log_artifacts`.
        artifact_path: Folder below the run's artifacts to copy into. Defaults to the root of the artifacts.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        NotFound: If the file or folder does not exist, or if no run has this ID.
        InvalidParameter: If `artifact_path` is not a relative path below the artifacts.
    """
    client, run_id = target(run_id)
    client.log_artifact(run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy the files and folders in a local folder to the artifacts of a run.

    Links whose target does not exist, and anything else in the folder that is not a file, are left out with a warning
    that names them.

    Args:
        local_dir: The folder. Its content is copied without the folder itself, unlike with `log_artifact`.
        artifact_path: Folder below the run's artifacts to copy into. Defaults to the root of the artifacts.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        NotFound: If the folder does not exist, or if no run has this ID.
        InvalidParameter: If `local_dir` is a file, or if `artifact_path` is not a relative path below the artifacts.
    """
    client, run_id = target(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Log a string as a text file, encoded as UTF-8.

    Args:
        text: The content of the file.
        artifact_file: Path below the run's artifacts, for example "notes/summary.txt". An existing file is replaced.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        InvalidParameter: If `text` is not a string, or if `artifact_file` is not a relative path below the artifacts.

    Example:
        >>> log_text("3 of 12 images are blurred", "notes/images.txt")
    """
    client, run_id = target(run_id)
    client.log_text(run_id, text, artifact_file)


def log_dict(dictionary: Mapping[str, Any] | Sequence[Any], artifact_file: str, run_id: str | None = None) -> None:
    """Log a dict or a list as a JSON or YAML file.

    Args:
        dictionary: The data. NumPy arrays become lists, sets become sorted lists, and values that JSON does not know,
            such as dates, become strings.
        artifact_file: Path below the run's artifacts. The suffixes .yml and .yaml write YAML, all others JSON. An
            existing file is replaced.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        InvalidParameter: If `artifact_file` is not a relative path below the artifacts.

    Example:
        >>> log_dict({"classes": ["cat", "dog"]}, "classes.json")
    """
    client, run_id = target(run_id)
    client.log_dict(run_id, dictionary, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Log a matplotlib or plotly figure.

    Args:
        figure: The figure. For matplotlib's current figure, pass `plt.gcf()`.
        artifact_file: Path below the run's artifacts. The suffix determines the format: any that matplotlib can write,
            or .html, .png, .jpeg, .webp, .svg or .pdf for plotly. HTML files contain plotly.js, so that they can be
            opened without a network. An existing file is replaced.
        save_kwargs: Further arguments for the figure's `savefig` (matplotlib), `to_html` or `to_image` (plotly).

    Raises:
        InvalidParameter: If `figure` is neither kind of figure, or if the suffix is missing or not supported.

    Example:
        >>> log_figure(figure, "plots/loss.png", save_kwargs={"dpi": 150})  # doctest: +SKIP
    """
    client, run_id = target(None)
    client.log_figure(run_id, figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,
) -> None:
    """Log an image as a file or as one step of an image series.

    Requires Pillow.

    Args:
        image: A PIL image, or an array of shape (H, W) or (H, W, 1) for grayscale, (H, W, 3) for RGB, or (H, W, 4) for
            RGBA. Integer arrays must hold 0-255. Float arrays must hold 0.0-1.0 and are scaled to 0-255; if they hold
            other values, their range is scaled to 0.0-1.0 with a warning. Boolean arrays become black and white.
        artifact_file: Path below the run's artifacts, for example "plots/confusion.png". The suffix must be one that
            Pillow can write. An existing file is replaced.
        key: Name of an image series, instead of `artifact_file`. The image becomes a PNG file in the folder "images".
            The name must not contain any of + ~ % # or a backslash.
        step: Training step of the image in its series. Defaults to 0.
        timestamp: Milliseconds since the epoch of the image in its series. Defaults to now.
        synchronous: Ignored. MLflow has this parameter.

    Raises:
        InvalidParameter: If the shape, the dtype or an integer value is not one of the above, if the array has NaN or
            infinite values, if neither or both of `artifact_file` and `key` are given, or if Pillow is not installed.

    Example:
        >>> log_image(pixels, key="reconstruction", step=3)  # doctest: +SKIP
    """
    client, run_id = target(None)
    client.log_image(run_id, image, artifact_file, key, step, timestamp)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log a table as a JSON or Parquet file, or append rows to a table that was logged before.

    The run's tag `mlflow.loggedArtifacts` lists the tables, as in MLflow.

    Args:
        data: A pandas DataFrame, or a dict of columns, such as `{"question": ["2 + 2"], "answer": [4]}`. Columns are
            lists or arrays of the same length. A single value is in every row. Floats keep all of their digits.
            In JSON, times become ISO 8601 strings, and NaN and infinite values null. Images of Pillow become files in
            the folder "table_images", which the cells name.
        artifact_file: Path below the run's artifacts, ending with .json or .parquet. If the file exists, the rows are
            appended to it. A column that one of the tables does not have is null in the rows of that table.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.

    Raises:
        InvalidParameter: If `data` is not such a table, if the columns differ in length, if the path does not end with
            .json or .parquet, if a column has images and other values, if Parquet cannot store the values, or if the
            existing file is not a table.

    Example:
        >>> log_table({"question": ["2 + 2"], "answer": [4]}, "answers.json")
    """
    client, run_id = target(run_id)
    client.log_table(run_id, data, artifact_file)


def load_table(
    artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: Sequence[str] | None = None
) -> pandas.DataFrame:
    """Return a table that `log_table` logged, from one or more runs.

    Args:
        artifact_file: Path of the table below the artifacts of each run, ending with .json or .parquet.
        run_ids: The runs to read. A warning names those without the table. By default, all active runs of the active
            experiment that have the table.
        extra_columns: Columns with what is known about the run of each row, such as "run_id", "status", "start_time",
            "params.lr", "metrics.loss" or "tags.kind". They are missing for runs that do not have the value. If the
            table has a column of this name, an underscore is added.

    Returns:
        The rows of all runs, in the order of `run_ids`, or those of the newest run first.

    Raises:
        NotFound: If no run has the table, or if a run of `run_ids` does not exist.
        InvalidParameter: If a file of this name is not a table, or if an extra column is not known.

    Example:
        >>> log_table({"question": ["2 + 2"], "answer": [4]}, "sums.json")
        >>> load_table("sums.json", run_ids=[active_run().info.run_id])["answer"].tolist()
        [4]
    """
    client = Client()
    experiment_id = "" if run_ids is not None else active_experiment_id()
    return client.load_table(experiment_id, artifact_file, run_ids, extra_columns)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Return the URI of the active run's artifacts. A run is started if none is active.

    Args:
        artifact_path: Path below the run's artifacts. It need not exist.

    Returns:
        The URI of the artifact, or of the folder of all artifacts by default.
    """
    root = ensure_run().info.artifact_uri
    return f"{root}/{artifact_path}" if artifact_path else root
