"""From the journals into the tables: every whole line once, whatever dies when.

The new offsets are stored in the transaction that stores the events. A torn last line waits for its rest; a line that
cannot be understood is kept in `rejected_events` and the others apply.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..entities import RunStatus
from ..journal import Process
from .base import Cursor, transaction

CHUNK_BYTES = 64 * 1024 * 1024
"""Most that one transaction takes, so that memory stays bounded however long nobody has read."""

_DEFAULT_LONGEST_LINE = 16 * 1024 * 1024

_KINDS = {
    "open": "TRUE",
    "close": "TRUE",
    # The rest of a run is texts, each of which must be there: their sum is NULL where one is not.
    "run": "r IS NOT NULL AND TRY_CAST(d->>'experiment_id' AS BIGINT) IS NOT NULL "
    "AND TRY_CAST(d->>'start_time' AS BIGINT) IS NOT NULL AND (d->>'name') || (d->>'user_id') || (d->>'artifact_uri') "
    "IS NOT NULL",
    "metric": "r IS NOT NULL AND k IS NOT NULL AND s IS NOT NULL AND t IS NOT NULL AND v IS NOT NULL",
    "param": "r IS NOT NULL AND k IS NOT NULL AND t IS NOT NULL AND x IS NOT NULL",
    "tag": "r IS NOT NULL AND k IS NOT NULL AND x IS NOT NULL",
    "untag": "r IS NOT NULL AND k IS NOT NULL",
    "status": f"r IS NOT NULL AND x IN {RunStatus.ALL}",
}
_UNDERSTOOD = " OR ".join(f"(e = '{kind}' AND {condition})" for kind, condition in _KINDS.items())

_IS_REJECTED = f"""
    (({_UNDERSTOOD}) IS NOT TRUE
     OR (e NOT IN ('open', 'close') AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = staging.r)))
"""
_REJECTED = f"""
    SELECT seq, CASE WHEN e IS NULL THEN 'not a line of nbtrack''s journal'
                     WHEN ({_UNDERSTOOD}) THEN 'no such run'
                     ELSE 'unknown kind of event, or a field is missing' END
    FROM staging WHERE {_IS_REJECTED} ORDER BY seq
"""

_NEW_RUNS = f"""
    INSERT INTO runs (run_id, experiment_id, name, user_id, status, start_time, artifact_uri, lifecycle_stage, writer)
    SELECT r, CAST(d->>'experiment_id' AS BIGINT), d->>'name', d->>'user_id', 'RUNNING',
           CAST(d->>'start_time' AS BIGINT), d->>'artifact_uri', 'active', d->>'writer'
    FROM staging WHERE e = 'run' AND ({_UNDERSTOOD}) AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = staging.r)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY r ORDER BY seq) = 1
"""

# The order in which points count as the latest: step, then timestamp, then value; NaN behind every number.
_METRICS = """
    INSERT INTO metrics (run_id, key, step, timestamp, value) SELECT r, k, s, t, v FROM staging WHERE e = 'metric'
"""
_LATEST = """
    MERGE INTO latest_metrics AS old USING (
        SELECT r, k, s, t, v, points FROM (
            SELECT r, k, s, t, v, COUNT(*) OVER (PARTITION BY r, k) AS points, ROW_NUMBER() OVER (
                PARTITION BY r, k ORDER BY s DESC, t DESC, CASE WHEN v = 'NaN' THEN 1 ELSE 0 END, v DESC) AS rank
            FROM staging WHERE e = 'metric') AS ranked
        WHERE rank = 1) AS new
    ON old.run_id = new.r AND old.key = new.k
    WHEN MATCHED AND (new.s > old.step OR (new.s = old.step AND (new.t > old.timestamp OR (new.t = old.timestamp
            AND new.v <> 'NaN' AND (old.value = 'NaN' OR new.v > old.value)))))
        THEN UPDATE SET step = new.s, timestamp = new.t, value = new.v, points = old.points + new.points
    WHEN MATCHED THEN UPDATE SET points = old.points + new.points
    WHEN NOT MATCHED THEN INSERT (run_id, key, step, timestamp, value, points)
        VALUES (new.r, new.k, new.s, new.t, new.v, new.points)
"""

_PARAMS = (
    """
    INSERT INTO param_history (run_id, key, value, timestamp)
    SELECT run_id, key, value, timestamp FROM (
        SELECT run_id, key, value, timestamp, LEAD(value) OVER (PARTITION BY run_id, key ORDER BY seq) AS next
        FROM (SELECT params.run_id, params.key, params.value, params.timestamp, -1 AS seq FROM params
              WHERE EXISTS (SELECT 1 FROM staging WHERE e = 'param' AND r = params.run_id AND k = params.key)
              UNION ALL SELECT r, k, x, t, seq FROM staging WHERE e = 'param') AS all_values) AS followed
    WHERE next IS NOT NULL AND next <> value
    """,
    """
    MERGE INTO params AS old USING (
        SELECT r, k, t, x FROM (
            SELECT r, k, t, x, ROW_NUMBER() OVER (PARTITION BY r, k ORDER BY seq DESC) AS rank
            FROM staging WHERE e = 'param') AS ranked
        WHERE rank = 1) AS new
    ON old.run_id = new.r AND old.key = new.k
    WHEN MATCHED AND old.value <> new.x THEN UPDATE SET value = new.x, timestamp = new.t
    WHEN NOT MATCHED THEN INSERT (run_id, key, value, timestamp) VALUES (new.r, new.k, new.x, new.t)
    """,
)

_LAST_TAGS = """
    SELECT e, r, k, x FROM (
        SELECT e, r, k, x, ROW_NUMBER() OVER (PARTITION BY r, k ORDER BY seq DESC) AS rank
        FROM staging WHERE e IN ('tag', 'untag')) AS ranked
    WHERE rank = 1
"""
_TAGS = (
    f"DELETE FROM tags WHERE EXISTS (SELECT 1 FROM ({_LAST_TAGS}) AS new WHERE r = run_id AND k = key)",
    f"INSERT INTO tags (run_id, key, value) SELECT r, k, x FROM ({_LAST_TAGS}) AS new WHERE e = 'tag'",
    f"""
    UPDATE runs SET name = new.x FROM ({_LAST_TAGS}) AS new
    WHERE new.r = runs.run_id AND new.e = 'tag' AND new.k = 'mlflow.runName'
    """,
)

# A status that says nothing of the writer (`d` is null) leaves it; a resumed run belongs to who resumed it.
_STATUS = """
    UPDATE runs SET status = new.x, end_time = new.t, writer = COALESCE(new.writer, runs.writer)
    FROM (SELECT r, x, t, d->>'writer' AS writer, ROW_NUMBER() OVER (PARTITION BY r ORDER BY seq DESC) AS rank
          FROM staging WHERE e = 'status') AS new
    WHERE new.rank = 1 AND new.r = runs.run_id
"""


@dataclass(slots=True)
class _Segment:
    """The whole lines of one journal that no transaction has taken yet."""

    path: Path
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class Journals:
    """The journal folder of a store, as a reader sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._warned: set[str] = set()
        self._known: dict[str, int] = {}
        """Bytes of each journal that are known to be applied; there may be more by now, never fewer."""

    def apply(self, cursor: Cursor, own: Path | None) -> int:
        """Bring everything that is pending into the tables; the number of lines taken.

        `own` is the file that this process writes, which is never removed. The caller holds the store's lock.
        """
        # As of now: whoever goes on logging must not keep a reader reading.
        sizes = {path: path.stat().st_size for path in self._files()}
        if all(path == own and size <= self._known.get(path.name, 0) for path, size in sizes.items()):
            return 0
        taken = 0
        applied: dict[str, int] = dict(cursor.execute("SELECT journal, applied_bytes FROM journals").fetchall())
        while segments := list(self._pending(sizes, applied)):
            taken += self._take(cursor, segments)
            applied.update((segment.path.name, segment.end) for segment in segments)
        self._known = dict(applied)
        for path in self._files():
            offset = applied.pop(path.name, 0)
            if path != own:
                self._retire(cursor, path, offset)
        # An offset is forgotten only after its file is gone: the other order could apply the file again.
        for name in applied:
            cursor.execute("DELETE FROM journals WHERE journal = $1", [name])
        return taken

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def _pending(self, sizes: dict[Path, int], applied: dict[str, int]) -> Iterator[_Segment]:
        room = CHUNK_BYTES
        for path, size in sizes.items():
            start = applied.get(path.name, 0)
            if size <= start:
                continue
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(min(room, size - start))
                whole = data.rfind(b"\n") + 1
                if not whole and len(data) == room:
                    # One line is longer than a chunk.
                    data += file.readline()
                    whole = len(data) if data.endswith(b"\n") else 0
            if whole:
                yield _Segment(path, start, data[:whole])
            room -= len(data)
            if room <= 0:
                # Not a line of a later file before the rest of this one: they may have the same writer.
                return

    def _take(self, cursor: Cursor, segments: list[_Segment]) -> int:
        count = stage(cursor, b"".join(segment.data for segment in segments))
        warnings_due: list[str] = []
        with transaction(cursor):
            cursor.execute(_NEW_RUNS)
            rejected = cursor.execute(_REJECTED).fetchall()
            if rejected:
                warnings_due = self._reject(cursor, segments, rejected)
            kinds = {kind for (kind,) in cursor.execute("SELECT DISTINCT e FROM staging").fetchall()}
            if "metric" in kinds:
                cursor.execute(_METRICS)
                cursor.execute(_LATEST)
            if "param" in kinds:
                for statement in _PARAMS:
                    cursor.execute(statement)
            if kinds & {"tag", "untag"}:
                for statement in _TAGS:
                    cursor.execute(statement)
            if "status" in kinds:
                cursor.execute(_STATUS)
            for segment in segments:
                _store_offset(cursor, segment.path, segment.end)
        for text in warnings_due:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return count

    def _reject(self, cursor: Cursor, segments: list[_Segment], rejected: list[tuple[int, str]]) -> list[str]:
        """Keep these lines aside; what to tell about it once that is committed."""
        lines = list(_lines(segments))
        texts = []
        for seq, reason in rejected:
            name, position, line = lines[seq]
            cursor.execute(
                "INSERT INTO rejected_events (journal, position, line, reason) VALUES ($1, $2, $3, $4)",
                [name, position, line.decode(errors="backslashreplace").replace("\0", "\\x00"), reason],
            )
            if name not in self._warned:
                self._warned.add(name)
                texts.append(
                    f"nbtrack cannot read a line of the journal {name} (byte {position:,}): {reason}. "
                    "It is kept in the table rejected_events; the other lines are applied."
                )
        cursor.execute(f"DELETE FROM staging WHERE {_IS_REJECTED}")
        return texts

    def _retire(self, cursor: Cursor, path: Path, applied: int) -> None:
        """Remove a journal whose writer is done with it; end the runs that a dead writer left open."""
        with path.open("rb") as file:
            header = file.readline()
            file.seek(max(applied - 64, 0))
            tail = file.read()
        closed = tail[: min(applied, 64)].rstrip(b"\n").rpartition(b"\n")[2].startswith(b'{"e":"close"')
        if not closed:
            writer = _writer(header)
            if writer is None or not writer[1].is_dead():
                return
            torn = tail[min(applied, 64) :]
            if b"\n" in torn:
                # Its last lines came between our reading and its death: the next apply takes them.
                return
            with transaction(cursor):
                _end_open_runs(cursor, *writer, int(path.stat().st_mtime * 1000))
                if torn:
                    cursor.execute(
                        "INSERT INTO rejected_events (journal, position, line, reason) VALUES ($1, $2, $3, $4)",
                        [
                            path.name,
                            applied,
                            torn.decode(errors="backslashreplace"),
                            "its writer died while writing it",
                        ],
                    )
        path.unlink(missing_ok=True)


def stage(cursor: Cursor, data: bytes) -> int:
    """Load lines into the temporary table `staging`, numbered from 0; how many there are."""
    longest = _DEFAULT_LONGEST_LINE
    if len(data) > longest:
        longest = max(longest, max(map(len, data.split(b"\n"))) + 1)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(data)
        file.flush()
        cursor.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE staging AS
            SELECT row_number() OVER () - 1 AS seq, * FROM read_json(
                '{file.name.replace("'", "''")}', format = 'newline_delimited', ignore_errors = true,
                maximum_object_size = {longest},
                columns = {{e: 'VARCHAR', r: 'VARCHAR', k: 'VARCHAR', s: 'BIGINT', t: 'BIGINT', v: 'DOUBLE',
                            x: 'VARCHAR', d: 'JSON'}})
            """
        )
    row = cursor.execute("SELECT COUNT(*) FROM staging").fetchone()
    return int(row[0]) if row else 0


def _lines(segments: list[_Segment]) -> Iterator[tuple[str, int, bytes]]:
    """The lines in the order of `staging.seq`: journal, position in bytes, text. DuckDB passes over blank lines."""
    for segment in segments:
        position = segment.start
        for line in segment.data.split(b"\n")[:-1]:
            if line.strip():
                yield segment.path.name, position, line
            position += len(line) + 1


def _store_offset(cursor: Cursor, path: Path, end: int) -> None:
    cursor.execute("DELETE FROM journals WHERE journal = $1", [path.name])
    cursor.execute("INSERT INTO journals (journal, applied_bytes) VALUES ($1, $2)", [path.name, end])


def _writer(header: bytes) -> tuple[str, Process] | None:
    """The writer's id and process, or None where the first line does not tell (a foreign file)."""
    try:
        fields = json.loads(header)
        return str(fields["x"]), Process.from_dict(fields["d"])
    except (ValueError, KeyError, TypeError):
        return None


def _end_open_runs(cursor: Cursor, writer: str, process: Process, ended: int) -> None:
    orphans = cursor.execute(
        "SELECT run_id FROM runs WHERE writer = $1 AND status = $2", [writer, RunStatus.RUNNING]
    ).fetchall()
    for (run_id,) in orphans:
        cursor.execute(
            "UPDATE runs SET status = $1, end_time = $2 WHERE run_id = $3", [RunStatus.KILLED, ended, run_id]
        )
        cursor.execute("DELETE FROM tags WHERE run_id = $1 AND key = 'nbtrack.killed'", [run_id])
        cursor.execute(
            "INSERT INTO tags (run_id, key, value) VALUES ($1, 'nbtrack.killed', $2)",
            [run_id, f"{process} died before the run was ended"],
        )
