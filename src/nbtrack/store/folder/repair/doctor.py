"""Check and repair a store: the database file, the journals, the rescue files, the tables and the artifacts.

Nothing is changed unless a repair is asked for. Before a file is replaced, the original is kept under a name that
contains the time.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ....artifact_store.local import PARTIAL, path_of_uri
from ....errors import NbtrackError, StoreDamaged, StoreError, StoreNotWritable, StoreTooNew
from ....names import storable
from ...sql import schema
from ...sql.base import Cursor
from .. import sql_views
from ..loading import CUT_SHORT, NO_SUCH_RUN
from .blob_checks import check_blobs, check_unshared
from .checks import add_run, check_numbers, check_tables, check_writers
from .file_repair import check_file
from .findings import LOST, REPAIRED, Report, counted
from .journal_checks import applied_bytes, check_journals, runs_without_a_beginning
from .rescue import check_rescue_files, check_rescued_artifacts

if TYPE_CHECKING:
    from ..store import FolderStore

_OLD_PARTIAL_SECONDS = 86_400.0


def doctor(store: FolderStore, repair: bool = False, rescue: Sequence[Path] = (), *, contents: bool = False) -> Report:
    """Check a store, and repair it if `repair` is set.

    Args:
        store: The store.
        repair: Repair the problems that are found. Without it, nothing is changed.
        rescue: Rescue files to apply that are neither in the temp folder nor in the home folder, or that a process on
            another machine wrote.
        contents: Read every artifact and compare it with its digest, which takes a second or more per gigabyte. With
            `repair`, equal files that are not deduplicated yet are then stored only once.

    Raises:
        NotFound: If the store or a file in `rescue` does not exist.
        InvalidParameter: If a file in `rescue` is not a rescue file.
        StoreLocked: If another program holds the store.
        StoreTooNew: If a newer version of nbtrack has written the store.
        StoreNotWritable: If `repair` is set and the folder cannot be written.
        StoreDamaged: If logged data cannot be applied to the repaired database.
    """
    report = Report(store.folder)
    store.check_exists()
    if repair and not os.access(store.folder, os.W_OK):
        raise StoreNotWritable(
            f"The store {store.folder} cannot be repaired because it cannot be written. Grant write permission."
        )
    with store.alone():
        try:
            readable = check_file(store, report, repair)
        except OSError as error:
            raise StoreError(f"The check cannot continue: {error}. {store.database} was not changed.") from error
    with _session(store, repair, readable) as cursor:
        check_rescue_files(store, applied_bytes(cursor), report, repair, rescue)
        check_journals(store.journals.folder, cursor, report, repair)
        if repair and cursor is not None:
            check_numbers(cursor, report, repair=True)
            _add_unknown_runs(store, cursor, runs_without_a_beginning(store.journals.folder))
    if repair:
        with store.writing() as cursor:
            if store.is_behind:
                raise StoreDamaged(
                    f"Data logged to {store.folder} cannot be applied to the database. The warning before this error "
                    "says why."
                )
            cursor.execute(sql_views.CREATE)
            check_rescued_artifacts(store, cursor, report, repair=True)
            _check_all(store, cursor, report, repair=True)
            _check_rejected(store, cursor, report)
        _retry_rejected(store, report)
    else:
        check_rescued_artifacts(store, None, report, repair=False)
        if readable:
            _check_unchanged(store, report)
    check_blobs(store, report, repair, contents=contents)
    if contents:
        check_unshared(store, report, repair)
    return report


def _session(store: FolderStore, repair: bool, readable: bool) -> AbstractContextManager[Cursor | None]:
    """Open the database before anything pending is applied; yield None if it cannot be read."""
    if repair:
        return store.before_applying()
    return store.as_it_is() if readable else nullcontext()


def _check_unchanged(store: FolderStore, report: Report) -> None:
    with store.as_it_is() as cursor:
        row = cursor.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        version = int(row[0]) if row else schema.VERSION
        if version > schema.VERSION:
            raise StoreTooNew(
                f"The store {store.folder} was created by a newer version of nbtrack. Run doctor with that version."
            )
        if version < schema.VERSION:
            report.notes.append(
                f"The store has the older schema {version}, so its tables were not checked. The first read, or "
                f"--repair, migrates it to schema {schema.VERSION}."
            )
            return
        _check_all(store, cursor, report, repair=False)
        _check_rejected(store, cursor, report)


def _check_all(store: FolderStore, cursor: Cursor, report: Report, repair: bool) -> None:
    check_tables(cursor, report, repair)
    check_writers(cursor, store.journals.folder, report, repair)
    _check_artifacts(store, cursor, report, repair)


# -- pending events ----------------------------------------------------------------------------------------------


def _add_unknown_runs(store: FolderStore, cursor: Cursor, mentioned: set[str]) -> None:
    """Create the runs that events mention but the store does not have, so that the events are not rejected."""
    known = {run_id for (run_id,) in cursor.execute("SELECT run_id FROM runs").fetchall()}
    for run_id in sorted(mentioned - known):
        add_run(cursor, run_id=run_id, experiment_id=_experiment_of(store, run_id))


def _experiment_of(store: FolderStore, run_id: str) -> int:
    """Return the experiment that a run belonged to, as the place of its artifacts shows; 0 if it has none."""
    for folder in store.artifacts.glob(f"*/{run_id}"):
        if folder.parent.name.isdigit():
            return int(folder.parent.name)
    return 0


def _check_rejected(store: FolderStore, cursor: Cursor, report: Report) -> None:
    rows = cursor.execute(
        "SELECT reason, COUNT(*) FROM rejected_events WHERE reason <> $1 GROUP BY reason ORDER BY reason", [CUT_SHORT]
    ).fetchall()
    if rows:
        reasons = ", ".join(f"{count:,} ({reason})" for reason, count in rows)
        report.add("rejected", f"Journal lines were rejected: {reasons}.", "The lines are applied again.")


def _retry_rejected(store: FolderStore, report: Report) -> None:
    finding = next((finding for finding in report.findings if finding.kind == "rejected"), None)
    if finding is None:
        return
    with store.writing() as cursor:
        rows = cursor.execute("SELECT line FROM rejected_events WHERE reason = $1", [NO_SUCH_RUN]).fetchall()
        _add_unknown_runs(store, cursor, runs_without_a_beginning(line.encode() for (line,) in rows))
    with store.reading() as cursor:
        done, left = store.journals.retry_rejected(cursor)
    finding.repair = (
        f"{counted(done, 'line was', 'lines were')} applied; "
        f"{counted(left, 'line stays', 'lines stay')} in the table rejected_events."
    )
    finding.state = LOST if left else REPAIRED


# -- artifacts ---------------------------------------------------------------------------------------------------


def _check_artifacts(store: FolderStore, cursor: Cursor, report: Report, repair: bool) -> None:
    roots: dict[int, Path] = {}
    for run, uri in cursor.execute("SELECT run, artifact_uri FROM runs").fetchall():
        # Artifacts outside the file system are not checked.
        with suppress(NbtrackError):
            roots[run] = path_of_uri(store.locate(uri))
    rows = cursor.execute("SELECT run, path FROM artifacts ORDER BY run, path").fetchall()
    missing = [(run, path) for run, path in rows if run in roots and not _is_there(roots[run] / path)]
    if missing:
        finding = report.add(
            "artifact",
            f"{counted(len(missing), 'logged file is', 'logged files are')} missing, such as {missing[0][1]!r:.100}.",
            "Missing files are deleted from the table artifacts.",
        )
        if repair:
            for run, path in missing:
                cursor.execute("DELETE FROM artifacts WHERE run = $1 AND path = $2", [run, path])
            finding.state = LOST
    leftovers = [
        path
        for path in store.artifacts.rglob(f"{PARTIAL}*")
        if time.time() - path.stat().st_mtime > _OLD_PARTIAL_SECONDS
    ]
    if leftovers:
        finding = report.add(
            "artifact",
            f"{counted(len(leftovers), 'file is', 'files are')} incomplete, because the writing process was killed.",
            "Incomplete files are deleted.",
        )
        if repair:
            for path in leftovers:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            finding.state = REPAIRED


def _is_there(path: Path) -> bool:
    """Return whether a file exists, also if its name had to be changed to be stored in a table."""
    if path.is_file():
        return True
    with suppress(OSError):
        return any(storable(name) == path.name for name in os.listdir(path.parent))
    return False
