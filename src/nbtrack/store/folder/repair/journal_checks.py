"""Checks of the journal files as bytes, for damage that applying them would not show or would fail on."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ....journal import events, now
from ....journal.reading import JournalFolder, end_line, header_of, lines_of
from ...sql.base import Cursor
from .findings import LOST, REPAIRED, Report, counted


def check_journals(folder: Path, cursor: Cursor | None, report: Report, repair: bool) -> None:
    """Check for journals without a header, with unreadable lines, or shorter than what was applied of them.

    The caller holds the store's lock. Complete lines stay for the next apply.
    """
    applied = applied_bytes(cursor)
    for path in JournalFolder(folder).files():
        size, offset = path.stat().st_size, applied.get(path.name, 0)
        if offset > size:
            _check_short(cursor, path, size, offset, report, repair)
        if header_of(path) is None:
            _check_headless(path, report, repair)
        elif (bad := sum(events.fields_of(line) is None for line in lines_of(path, offset))) > 0:
            finding = report.add(
                "journal",
                f"{path.name} has {counted(bad, 'line')} that cannot be read among those not applied yet.",
                "Unreadable lines are kept in the table rejected_events, and all others are applied.",
            )
            if repair:
                finding.state = LOST


def runs_without_a_beginning(source: Path | Iterable[bytes]) -> set[str]:
    """Return the runs that these lines, or all journals in a folder, mention but do not create."""
    mentioned: set[str] = set()
    created: set[str] = set()
    sources = [lines_of(path) for path in JournalFolder(source).files()] if isinstance(source, Path) else [source]
    for line in itertools.chain.from_iterable(sources):
        run_id, creates_it = events.run_of(line)
        if run_id is not None:
            (created if creates_it else mentioned).add(run_id)
    return mentioned - created


def applied_bytes(cursor: Cursor | None) -> dict[str, int]:
    """Return how many bytes of each journal are applied; {} if the database cannot be read."""
    return dict(cursor.execute("SELECT journal, applied_bytes FROM journals").fetchall()) if cursor else {}


def _check_short(cursor: Cursor | None, path: Path, size: int, offset: int, report: Report, repair: bool) -> None:
    finding = report.add(
        "journal",
        f"{path.name} has {counted(size, 'byte')}, but {offset:,} were applied, so the end of the file is missing. "
        "Data that was applied is not lost.",
        "Data that is written to the file from now on is applied too.",
    )
    if repair and cursor is not None:
        cursor.execute("UPDATE journals SET applied_bytes = $1 WHERE journal = $2", [end_line(path), path.name])
        finding.state = REPAIRED


def _check_headless(path: Path, report: Report, repair: bool) -> None:
    """Close a journal without a header.

    Without it, no process can tell whether the writer is alive. The journal would stay forever, and its runs RUNNING.
    """
    if _is_in_use(path):
        return
    finding = report.add(
        "journal",
        f"{path.name} has lost its first line, which identifies the process that writes it.",
        "Everything that can be read is applied, and the file is closed.",
    )
    if repair:
        end_line(path)
        with path.open("ab") as file:
            file.write(events.closed(now()))
        finding.state = REPAIRED


def _is_in_use(path: Path) -> bool:
    """Return whether a process has the file open or, if that cannot be seen, has written it in the last hour."""
    found_any = False
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            for entry in folder.iterdir():
                found_any = True
                with suppress(OSError):
                    if entry.stat().st_ino == path.stat().st_ino and os.path.samefile(entry, path):
                        return True
    return not found_any and time.time() - path.stat().st_mtime < 3600
