"""Import into, merge into and export from the current store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..entities import ViewType
from ..errors import InvalidParameter
from ..names import check_list, check_path, check_string
from ..store.folder.store import FolderStore
from ..store.opening import open_store
from ..transfer import Format, Report, import_source, write_tables
from . import Client

__all__ = ["export", "import_runs", "merge"]


def import_runs(
    source: str | os.PathLike[str],
    *,
    kind: str | None = None,
    experiment: str | None = None,
    artifacts: str | os.PathLike[str] | None = None,
    follow_links: bool = False,
) -> Report:
    """Import runs, and registered models if there are any, from another tracker or store into the current store.

    Runs that were imported before are not imported again, so an import can be repeated.

    Args:
        source: An MLflow folder (`mlruns`) or SQLite file (`mlflow.db` or `sqlite:///mlflow.db`), a folder with
            TensorBoard event files, a folder with offline runs of W&B, or another nbtrack store.
        kind: The kind of the source, if it is not recognized: see `nbtrack import --help`.
        experiment: Name of an experiment to import all runs into. By default, the experiments of the source are used.
        artifacts: Where the artifacts of an MLflow store are, if they were moved.
        follow_links: Whether to import also files outside a run's folder if a symbolic link in the folder points to
            them.

    Returns:
        A report of what was found, what was imported, and what could not be imported and why. `str(report)` is
        readable.

    Raises:
        NotFound: If the source does not exist.
        InvalidParameter: If the source is not recognized, or if it is the current store.
        NotSupported: If a package that reads the source is not installed.

    Example:
        >>> report = import_runs("mlruns")  # doctest: +SKIP
    """
    return import_source(
        Client().capability("transfer"),
        source,
        _open_folder,
        kind=kind,
        experiment=experiment,
        artifacts=None if artifacts is None else Path(check_path(artifacts, "artifacts")).absolute(),
        follow_links=follow_links,
    )


def merge(other: str | os.PathLike[str]) -> Report:
    """Merge another nbtrack store into the current one. The other store is not changed.

    Runs with the same ID are one run, which gets the points of both. Experiments and registered models with the same
    name are one. A model version whose number is taken gets another number; apart from that, the result does not depend
    on the order of merges, and merging again changes nothing.

    Args:
        other: The folder of the other store, or the project folder that contains it.

    Returns:
        A report of what was found, what was merged, and what could not be merged and why.

    Raises:
        NotFound: If the folder does not exist.
        InvalidParameter: If it is not an nbtrack store, or if it is the current store.

    Example:
        >>> report = merge("../colleague/.nbtrack")  # doctest: +SKIP
    """
    return import_runs(check_path(other, "other"), kind="nbtrack")


def export(
    folder: str | os.PathLike[str],
    *,
    format: Format = "parquet",
    filter_string: str = "",
    experiment_names: Sequence[str] | str | None = None,
    run_view_type: ViewType = ViewType.ACTIVE_ONLY,
) -> dict[str, int]:
    """Write runs with their data, and the model registry, to a new folder of Parquet or CSV files.

    As Parquet, each table of run data is a folder with one folder per experiment, such as `metrics/experiment_id=1/`,
    and has the experiment's name in the column `experiment`. As CSV, each table is one file. The folder appears when it
    is complete.

    Args:
        folder: The folder to write. It must not exist, or be empty.
        format: "parquet" or "csv".
        filter_string: A filter for the runs; see `nbtrack guide query`. Defaults to all runs.
        experiment_names: The experiments to export, or one of them. Defaults to all experiments.
        run_view_type: `ViewType.ACTIVE_ONLY` (the default) for runs that are not deleted, `ViewType.DELETED_ONLY` for
            deleted ones, or `ViewType.ALL` for both.

    Returns:
        The number of rows by table. With a filter or experiments, the registry's tables contain only the versions that
        came from the exported runs.

    Raises:
        InvalidParameter: If the folder exists and is not empty, if the format is unknown, or if `experiment_names` or
            `run_view_type` has a wrong type.
        QueryError: If the filter is not valid.
        NotFound: If an experiment or the store does not exist.
        StoreError: If the folder cannot be written. Nothing is left of it then.

    Example:
        >>> rows = export("out", filter_string="metrics.loss < 0.1")  # doctest: +SKIP
    """
    names = [experiment_names] if isinstance(experiment_names, str) else experiment_names
    if names is not None:
        names = [check_string(name, "Experiment name") for name in check_list(names, "experiment_names")]
    if not isinstance(run_view_type, ViewType):
        raise InvalidParameter(
            f"run_view_type must be ViewType.ACTIVE_ONLY, DELETED_ONLY or ALL, not {run_view_type!r:.80}."
        )
    store = Client().capability("transfer")
    return write_tables(store, folder, format, filter_string, names, run_view_type)


def _open_folder(folder: Path) -> FolderStore:
    store = open_store(str(folder))
    assert isinstance(store, FolderStore)
    return store
