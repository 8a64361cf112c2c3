"""Imports the runs of other trackers and other stores, and exports tables as Parquet and CSV.

The caller passes a store with the capability "transfer", whose tables are read and written in bulk.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidParameter
from .exports import Format, write_tables
from .nbtrack_store import NbtrackStore, OpenFolder
from .registry import import_models
from .report import Problem, Report
from .settings import import_settings
from .sources import KINDS, open_source
from .writer import RunWriter

if TYPE_CHECKING:
    from ..store.folder.store import FolderStore

__all__ = ["KINDS", "Format", "Problem", "Report", "import_source", "write_tables"]


def import_source(
    store: FolderStore,
    source: str | os.PathLike[str],
    open_folder: OpenFolder,
    *,
    kind: str | None = None,
    experiment: str | None = None,
    artifacts: Path | None = None,
    follow_links: bool = False,
) -> Report:
    """Import everything in `source` into a store; see `nbtrack.import_runs`.

    `open_folder` opens the source if it is another nbtrack store.
    """
    report = Report()
    with closing(open_source(source, kind, report, open_folder, artifacts)) as found:
        report.store = str(store.folder)
        if store.folder.resolve() == Path(report.source).resolve() or (
            found.is_store and store.folder.resolve() == Path(found.name).resolve()
        ):
            raise InvalidParameter(f"The store {store.folder} cannot be imported into itself. Name another store.")
        RunWriter(store, found, report, experiment, follow_links).write()
        import_models(store, found, report)
        if isinstance(found, NbtrackStore):
            import_settings(store, found)
        # Applies what is in the journal, so that the next program that opens the file sees all of it.
        with store.reading():
            pass
    return report.finish()
