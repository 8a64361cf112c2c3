"""Moving in and out: what other trackers and other stores hold, brought here; what is here, as Parquet and CSV."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from ..errors import InvalidParameter
from ..store import open_store
from .exports import export
from .registry import bring_models
from .report import Problem, Report
from .sources import KINDS, open_source
from .writer import RunWriter

__all__ = ["KINDS", "Problem", "Report", "export", "import_runs", "merge"]


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
    report = Report()
    with closing(open_source(source, kind, report, None if artifacts is None else Path(artifacts).absolute())) as found:
        store = open_store()
        report.store = str(store.folder)
        if store.folder.resolve() == Path(report.source).resolve() or (
            found.is_store and store.folder.resolve() == Path(found.name).resolve()
        ):
            raise InvalidParameter(f"{store.folder} cannot be brought into itself. Name another store.")
        RunWriter(store, found, report, experiment, follow_links).write()
        bring_models(store, found, report)
        # What waits in the journal is applied, so that whoever opens the file next sees all of it.
        with store.reading():
            pass
    return report.finish()


def merge(other: str | os.PathLike[str]) -> Report:
    """Unite another nbtrack store with the current one; the other stays as it is.

    Runs of one id are one run and get each other's points; experiments and models go by name. Merged again, or the
    other way round, the content is the same; only a model version whose number is taken here gets another one.

    >>> report = merge("../colleague/.nbtrack")  # doctest: +SKIP
    """
    return import_runs(other, kind="nbtrack")
