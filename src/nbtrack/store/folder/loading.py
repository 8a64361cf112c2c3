"""Load the journals into the tables. Every complete line is applied exactly once, whenever a process is killed.

The new offsets are stored in the transaction that stores the events. An invalid line is kept in `rejected_events`, and
the others are applied. `journal/reading.py` finds the lines, and `loading_sql.py` has the statements.
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
"""The reason for rejecting the last line of a dead writer. Its log call never returned, so no data is missing."""

NO_SUCH_RUN = "no such run"
"""The reason for rejecting an event of a run that does not exist."""

MANY = 20_000
"""Drop the temporary tables after more lines than this; they would take up to a hundred megabytes of memory."""

_DEFAULT_LONGEST_LINE = 16 * 1024 * 1024


class Journals:
    """The journal folder of a store, which is loaded into its tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = JournalFolder(folder)
        self._warned: set[str] = set()
        self._known: dict[str, int] = {}
        """Bytes of each journal that are known to be applied. By now there may be more, but never fewer."""

    def apply(self, cursor: Cursor, own: Path | None) -> int:
        """Apply everything that is pending and return the number of lines.

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
        """Read again how far each journal is applied, because the database file was replaced."""
        self._known.clear()

    def retry_rejected(self, cursor: Cursor) -> tuple[int, int]:
        """Apply rejected lines again, and return how many were applied and how many were rejected again.

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
            self._load(cursor, segments)
        (left,) = cursor.execute("SELECT COUNT(*) FROM rejected_events WHERE reason <> $1", [CUT_SHORT]).fetchall()[0]
        return len(rows) - left, left

    def _take(self, cursor: Cursor, segments: Sequence[Segment]) -> int:
        count = stage(cursor, b"".join(segment.data for segment in segments))
        with transaction(cursor):
            warnings_due = self._load(cursor, segments)
            _store_offsets(cursor, segments)
        for text in warnings_due:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return count

    def _load(self, cursor: Cursor, segments: Sequence[Segment]) -> list[str]:
        """Load the table `staging`, which holds the segments' lines, and return the warnings to give once committed."""
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

    def _reject(self, cursor: Cursor, segments: Sequence[Segment], rejected: list[tuple[int, bool]]) -> list[str]:
        """Store rejected lines, and return the warnings to give once that is committed."""
        # Like DuckDB, this numbers the lines without the blank ones.
        lines = list(reading.lines(segments))
        texts = []
        for seq, is_event in rejected:
            name, position, line = lines[seq]
            reason = NO_SUCH_RUN if is_event else events.problem(line)
            _keep_aside(cursor, name, position, line, reason)
            if name not in self._warned:
                self._warned.add(name)
                texts.append(
                    f"nbtrack cannot apply a line of the journal {name} (byte {position:,}): {reason}. The line is "
                    "kept in the table rejected_events, and all other lines are applied."
                )
        cursor.execute(f"DELETE FROM staging WHERE {IS_REJECTED}")
        return texts

    def _retire(self, cursor: Cursor, own: Path | None, applied: dict[str, int]) -> None:
        """Remove the files of finished writers, and forget the offsets of removed files."""
        paths = self._files.files()
        for path in paths:
            if path != own:
                self._retire_file(cursor, path, applied.get(path.name, 0))
        for name in self._files.forgettable(applied.keys() - {path.name for path in paths}):
            cursor.execute("DELETE FROM journals WHERE journal = $1", [name])

    def _retire_file(self, cursor: Cursor, path: Path, applied: int) -> None:
        """Remove a journal whose writer has finished, and end the runs that a dead writer left running."""
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
    """Load lines into the temporary table `staging`, numbered from 0, and return how many there are.

    The column `understood` says whether a line is valid.
    """
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
        raise StoreError(f"DuckDB has read only {count:,} of {lines:,} lines.")
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
