"""Moving in and out of the current store: import, merge and export."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..entities import ViewType
from ..store.folder.store import FolderStore
from ..store.opening import open_store
from ..transfer import Format, Report, bring, write_tables
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
    """Bring everything that `source` holds into the current store; what is here already is not brought again.

    `source` is an MLflow folder (`mlruns`) or SQLite file (`mlflow.db`, `sqlite:///mlflow.db`), a folder with
    TensorBoard event files, a W&B folder with offline runs, or another nbtrack store; `kind` says which where it is
    not recognised. `experiment` puts all runs into the experiment of this name. `artifacts` is where an MLflow store's
    files are by now, if they were moved; `follow_links` also takes files that lie outside a run's folder and are
    linked from it. Raises NotFound and InvalidParameter for what is no such place, NotSupported where a package is
    missing that reads it.

    >>> report = import_runs("mlruns")  # doctest: +SKIP
    """
    return bring(
        Client().capability("transfer"),
        source,
        _open_folder,
        kind=kind,
        experiment=experiment,
        artifacts=None if artifacts is None else Path(artifacts).absolute(),
        follow_links=follow_links,
    )


def merge(other: str | os.PathLike[str]) -> Report:
    """Unite another nbtrack store with the current one; the other stays as it is.

    Runs of one id are one run and get each other's points; experiments and models go by name. Merged again, or the
    other way round, the content is the same; only a model version whose number is taken here gets another one.

    >>> report = merge("../colleague/.nbtrack")  # doctest: +SKIP
    """
    return import_runs(other, kind="nbtrack")


def export(
    folder: str | os.PathLike[str],
    *,
    format: Format = "parquet",
    filter_string: str = "",
    experiment_names: Sequence[str] | str | None = None,
    run_view_type: ViewType = ViewType.ACTIVE_ONLY,
) -> dict[str, int]:
    """Write runs and all that belongs to them into a new folder; the number of rows of each table.

    As Parquet, each table of runs is a folder with one folder an experiment in it (`metrics/experiment_id=1/…`), and
    has the experiment's name in the column `experiment`; as CSV it is one file. The registry comes along: with a
    filter or experiments, the versions that the exported runs made. The folder appears when it is whole. Raises
    InvalidParameter where it is there already and not empty, QueryError for a wrong filter, NotFound for an unknown
    experiment and where there is no store.

    >>> rows = export("out", filter_string="metrics.loss < 0.1")  # doctest: +SKIP
    """
    store = Client().capability("transfer")
    return write_tables(store, folder, format, filter_string, experiment_names, run_view_type)


def _open_folder(folder: Path) -> FolderStore:
    store = open_store(str(folder))
    assert isinstance(store, FolderStore)
    return store
