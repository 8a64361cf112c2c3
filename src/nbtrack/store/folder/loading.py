"""From the journals into the tables: every whole line once, whatever dies when.

The new offsets are stored in the transaction that stores the events. A line that cannot be understood is kept in
`rejected_events`, and the others apply. `journal/reading.py` finds the lines, `loading_sql.py` has the statements.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from ...entities import RunStatus
from ...errors import StoreError
from ...journal import events, reading
from ...journal.reading import JournalFolder, Segment
from ...tags import KILLED
from ..sql.base import Cursor, transaction
from .loading_sql import IS_REJECTED, KNOWN, NEW_RUNS, REJECTED, STATEMENTS, TEMPORARY, staging

CUT_SHORT = "its writer died while writing it"
"""Why the last line of a dead writer is kept aside. Its call never returned, so nothing is missing."""

MANY = 20_000
"""After so many lines the temporary tables are dropped: the process would keep up to a hundred megabytes in memory."""

_DEFAULT_LONGEST_LINE = 16 * 1024 * 1024


class Journals:
    """Loads the journal folder of a store into its tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = JournalFolder(folder)
        self._warned: set[str] = set()
        self._known: dict[str, int] = {}
        """Bytes of each journal that are known to be applied; there may be more by now, never fewer."""

    def apply(self, cursor: Cursor, own: Path | None) -> int:
        """Bring everything that is pending into the tables; the number of lines taken.

        `own` is the file that this process writes, which is never removed. The caller holds the store's lock.
        """
        sizes = self._files.sizes()
        if all(path == own and size == self._known.get(path.name, 0) for path, size in sizes.items()):
            return 0
        taken = 0
        applied: dict[str, int] = dict(cursor.execute("SELECT journal, applied_bytes FROM journals").fetchall())
        while segments := self._files.segments(sizes, applied):
            taken += self._take(cursor, segments)
            applied.update((segment.path.name, segment.end) for segment in segments)
        self._known = dict(applied)
        if taken > MANY:
            for table in TEMPORARY:
                cursor.execute(f"DROP TABLE IF EXISTS temp.{table}")
        self._retire(cursor, own, applied)
        return taken

    def forget(self) -> None:
        """Ask the database again how far each journal is applied: it is another one now."""
        self._known.clear()

    def retry_rejected(self, cursor: Cursor) -> tuple[int, int]:
        """Try again what was kept aside; how many lines are in the tables now, and how many still are not understood.

        The caller holds the store's lock.
        """
        rows = cursor.execute(
            "SELECT journal, position, line FROM rejected_events WHERE reason <> $1 ORDER BY rowid", [CUT_SHORT]
        ).fetchall()
        if not rows:
            return 0, 0
        segments = [Segment(Path(name), position, line.encode() + b"\n") for name, position, line in rows]
        stage(cursor, b"".join(segment.data for segment in segments))
        self._warned.update(name for name, _, _ in rows)
        with transaction(cursor):
            cursor.execute("DELETE FROM rejected_events WHERE reason <> $1", [CUT_SHORT])
            self._bring_in(cursor, segments)
        (left,) = cursor.execute("SELECT COUNT(*) FROM rejected_events WHERE reason <> $1", [CUT_SHORT]).fetchall()[0]
        return len(rows) - left, left

    def _take(self, cursor: Cursor, segments: Sequence[Segment]) -> int:
        count = stage(cursor, b"".join(segment.data for segment in segments))
        with transaction(cursor):
            warnings_due = self._bring_in(cursor, segments)
            _store_offsets(cursor, segments)
        for text in warnings_due:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return count

    def _bring_in(self, cursor: Cursor, segments: Sequence[Segment]) -> list[str]:
        """From the table `staging`, which holds the segments' lines, into the others; what to tell once committed."""
        warnings_due: list[str] = []
        kinds = {kind for (kind,) in cursor.execute("SELECT DISTINCT e FROM staging").fetchall()}
        if "run" in kinds:
            cursor.execute(NEW_RUNS)
        cursor.execute(KNOWN)
        rejected = cursor.execute(REJECTED).fetchall()
        if rejected:
            warnings_due = self._reject(cursor, segments, rejected)
        for wanted, statements in STATEMENTS:
            if kinds & wanted:
                for statement in statements:
                    cursor.execute(statement)
        return warnings_due

    def _reject(self, cursor: Cursor, segments: Sequence[Segment], rejected: list[tuple[int, str]]) -> list[str]:
        """Keep these lines aside; what to tell about it once that is committed."""
        # DuckDB numbers lines as this does: without the blank ones.
        lines = list(reading.lines(segments))
        texts = []
        for seq, reason in rejected:
            name, position, line = lines[seq]
            _keep_aside(cursor, name, position, line, reason)
            if name not in self._warned:
                self._warned.add(name)
                texts.append(
                    f"nbtrack cannot read a line of the journal {name} (byte {position:,}): {reason}. "
                    "It is kept in the table rejected_events; the other lines are applied."
                )
        cursor.execute(f"DELETE FROM staging WHERE {IS_REJECTED}")
        return texts

    def _retire(self, cursor: Cursor, own: Path | None, applied: dict[str, int]) -> None:
        """Remove the files that are done with, and forget the offsets of those that are gone."""
        paths = self._files.files()
        for path in paths:
            if path != own:
                self._retire_file(cursor, path, applied.get(path.name, 0))
        for name in self._files.forgettable(applied.keys() - {path.name for path in paths}):
            cursor.execute("DELETE FROM journals WHERE journal = $1", [name])

    def _retire_file(self, cursor: Cursor, path: Path, applied: int) -> None:
        """Remove a journal whose writer is done with it; end the runs that a dead writer left open."""
        finished = reading.finished(path, applied)
        if finished is None:
            return
        if finished.dead is not None:
            with transaction(cursor):
                _end_open_runs(cursor, finished.dead, finished.last_written)
                if finished.torn:
                    _keep_aside(cursor, path.name, applied, finished.torn, CUT_SHORT)
        path.unlink(missing_ok=True)


def stage(cursor: Cursor, data: bytes) -> int:
    """Load lines into the temporary table `staging`, numbered from 0, with whether each is understood; how many."""
    longest = _DEFAULT_LONGEST_LINE
    if len(data) > longest:
        longest = max(longest, max(map(len, data.split(b"\n"))) + 1)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(data)
        file.flush()
        cursor.execute(staging(file.name, longest, with_lists=events.has_lists(data)))
    (count,) = cursor.execute("SELECT COUNT(*) FROM staging").fetchall()[0]
    lines = data.count(b"\n")
    if count < lines and count < (lines := sum(1 for line in data.split(b"\n") if line.strip())):
        raise StoreError(f"DuckDB has read {count:,} of {lines:,} lines.")
    return int(count)


def _store_offsets(cursor: Cursor, segments: Sequence[Segment]) -> None:
    names = [segment.path.name for segment in segments]
    cursor.execute("DELETE FROM journals WHERE journal = ANY($1)", [names])
    cursor.execute(
        "INSERT INTO journals (journal, applied_bytes) SELECT UNNEST($1), UNNEST($2)",
        [names, [segment.end for segment in segments]],
    )


def _keep_aside(cursor: Cursor, journal: str, position: int, line: bytes, reason: str) -> None:
    text = line.decode(errors="backslashreplace").replace("\0", "\\x00")
    cursor.execute(
        "INSERT INTO rejected_events (journal, position, line, reason) VALUES ($1, $2, $3, $4)",
        [journal, position, text, reason],
    )


def _end_open_runs(cursor: Cursor, header: events.Header, ended: int) -> None:
    orphans = cursor.execute(
        "SELECT run FROM runs WHERE writer = $1 AND status = $2", [header.writer, RunStatus.RUNNING]
    ).fetchall()
    for (run,) in orphans:
        cursor.execute(
            "UPDATE runs SET status = $1, end_time = GREATEST($2, start_time) WHERE run = $3",
            [RunStatus.KILLED, ended, run],
        )
        cursor.execute("DELETE FROM tags WHERE run = $1 AND key = $2", [run, KILLED])
        cursor.execute(
            "INSERT INTO tags (run, key, value) VALUES ($1, $2, $3)",
            [run, KILLED, f"{header.process} died before the run was ended"],
        )
