"""From the journals into the tables: every whole line once, whatever dies when.

The new offsets are stored in the transaction that stores the events. A torn last line waits for its rest; a line that
cannot be understood is kept in `rejected_events` and the others apply.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...entities import HISTORY_TAG, RunStatus
from ...errors import StoreError
from ...journal import Process
from ...journal.syncing import sync_folder
from ...journal.writer import RETURNED
from ...query.sql import number_in
from ...tags import KILLED, RUN_NAME
from ..sql.base import Cursor, transaction

CHUNK_BYTES = 64 * 1024 * 1024
"""Most that one transaction takes, so that memory stays bounded however long nobody has read."""

_DEFAULT_LONGEST_LINE = 16 * 1024 * 1024

CUT_SHORT = "its writer died while writing it"
"""Why the last line of a dead writer is kept aside. Its call never returned, so nothing is missing."""

_WORK = ("staging", "known", "points", "summaries", "last_tags", "last_models", "last_artifacts")
"""The temporary tables, each made anew where it is used, …"""
_MANY = 20_000
"""… and dropped after so many lines: the process would keep them in memory, up to a hundred megabytes."""

_KINDS = {
    "open": "TRUE",
    "close": "TRUE",
    # The rest of a run is texts, each of which must be there: their sum is NULL where one is not.
    "run": "r IS NOT NULL AND TRY_CAST(d->>'experiment_id' AS BIGINT) IS NOT NULL "
    "AND TRY_CAST(d->>'start_time' AS BIGINT) IS NOT NULL AND (d->>'name') || (d->>'user_id') || (d->>'artifact_uri') "
    "IS NOT NULL",
    "metric": "r IS NOT NULL AND k IS NOT NULL AND s IS NOT NULL AND t IS NOT NULL AND v IS NOT NULL",
    # list_count leaves out what is NULL.
    "series": "r IS NOT NULL AND k IS NOT NULL AND list_count(ss) = len(ss) AND list_count(tt) = len(ss) "
    "AND list_count(vv) = len(ss) AND len(tt) = len(ss) AND len(vv) = len(ss)",
    "param": "r IS NOT NULL AND k IS NOT NULL AND t IS NOT NULL AND x IS NOT NULL",
    "tag": "r IS NOT NULL AND k IS NOT NULL AND x IS NOT NULL",
    "untag": "r IS NOT NULL AND k IS NOT NULL",
    "model": "r IS NOT NULL AND k IS NOT NULL AND json_type(TRY_CAST(x AS JSON)) = 'OBJECT'",
    "status": f"r IS NOT NULL AND x IN {RunStatus.ALL}",
    "artifact": "r IS NOT NULL AND k IS NOT NULL AND s IS NOT NULL AND t IS NOT NULL",
    "input": "r IS NOT NULL AND k IS NOT NULL AND x IS NOT NULL AND t IS NOT NULL "
    "AND (d->>'source_type') || (d->>'source') IS NOT NULL",
}
_UNDERSTOOD = " OR ".join(f"(e = '{kind}' AND {condition})" for kind, condition in _KINDS.items())

_NEW_RUNS = """
    INSERT INTO runs (run, run_id, experiment_id, name, user_id, status, start_time, artifact_uri, lifecycle_stage,
                      deleted_time, writer)
    SELECT (SELECT COALESCE(MAX(run), 0) FROM runs) + ROW_NUMBER() OVER (ORDER BY seq), r,
           CAST(d->>'experiment_id' AS BIGINT), d->>'name', d->>'user_id', 'RUNNING',
           CAST(d->>'start_time' AS BIGINT), d->>'artifact_uri', COALESCE(d->>'lifecycle_stage', 'active'),
           TRY_CAST(d->>'deleted_time' AS BIGINT), d->>'writer'
    FROM (SELECT * FROM staging WHERE e = 'run' AND understood
          QUALIFY ROW_NUMBER() OVER (PARTITION BY r ORDER BY seq) = 1) AS new
    WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = new.r)
"""
# Each run that the lines speak of, with its number: the ids are compared here, and once.
_KNOWN = """
    CREATE OR REPLACE TEMP TABLE known AS
    SELECT r, run FROM (SELECT DISTINCT r FROM staging WHERE r IS NOT NULL) AS named JOIN runs ON runs.run_id = named.r
"""
_IS_REJECTED = """
    (understood IS NOT TRUE
     OR (e NOT IN ('open', 'close') AND NOT EXISTS (SELECT 1 FROM known WHERE known.r = staging.r)))
"""
_REJECTED = f"""
    SELECT seq, CASE WHEN e IS NULL THEN 'not a line of nbtrack''s journal'
                     WHEN understood THEN 'no such run'
                     ELSE 'unknown kind of event, or a field is missing' END
    FROM staging WHERE {_IS_REJECTED} ORDER BY seq
"""


def summary(by: str, source: str, points: str) -> str:
    """SQL for what each series of points comes to: the columns of `latest_metrics` but for its own number.

    `by` are the columns of the series' run and key, `points` is the alias of the points in `source`. The last point is
    the one with the highest step, then timestamp, then value, NaN behind every number; the first the one with the
    lowest. NaN, which DuckDB takes for the highest value, counts for no minimum, maximum or mean unless all are NaN.
    """
    step, timestamp, value = (f"{points}.{column}" for column in ("step", "timestamp", "value"))
    # In a struct DuckDB takes the sign off -0.0.
    number = f"v := {value}, negative := signbit({value})"
    return f"""
        SELECT * EXCLUDE (latest, earliest),
               latest.s AS step, latest.t AS timestamp, {_signed("latest")} AS value,
               earliest.s AS first_step, earliest.t AS first_timestamp, {_signed("earliest")} AS first_value
        FROM (SELECT {by}, COUNT(*) AS points,
                     MAX(struct_pack(s := {step}, t := {timestamp}, is_number := {value} <> 'NaN', {number})) AS latest,
                     MIN(struct_pack(s := {step}, t := {timestamp}, is_nan := {value} = 'NaN', {number})) AS earliest,
                     MIN({value}) AS min_value,
                     COALESCE(MAX({value}) FILTER (WHERE {value} <> 'NaN'), 'NaN') AS max_value,
                     COALESCE(SUM({value}) FILTER (WHERE {value} <> 'NaN'), 0) AS total,
                     COUNT(*) FILTER (WHERE {value} <> 'NaN') AS numbers
              FROM {source} GROUP BY ALL) AS grouped
    """


def _signed(point: str) -> str:
    return f"CASE WHEN {point}.negative AND {point}.v = 0 THEN -{point}.v ELSE {point}.v END"


_POINTS = """
    CREATE OR REPLACE TEMP TABLE points AS
    SELECT run, k AS key, s AS step, t AS timestamp, v AS value FROM staging JOIN known ON known.r = staging.r
    WHERE e = 'metric'
    UNION ALL
    SELECT run, k, UNNEST(ss), UNNEST(tt), UNNEST(vv) FROM staging JOIN known ON known.r = staging.r
    WHERE e = 'series'
"""
_SUMMARIES = f"""
    CREATE OR REPLACE TEMP TABLE summaries AS
    SELECT COALESCE(old.series, (SELECT COALESCE(MAX(series), 0) FROM latest_metrics)
                    + ROW_NUMBER() OVER (PARTITION BY old.series IS NULL ORDER BY new.run, new.key)) AS series, new.*
    FROM ({summary("run, key", "points", "points")}) AS new
    LEFT JOIN latest_metrics AS old ON old.run = new.run AND old.key = new.key
"""
# Points of a series lie together in the file, so that a curve is read from few blocks.
_METRICS = """
    INSERT INTO metrics (series, step, timestamp, value)
    SELECT series, points.step, points.timestamp, points.value FROM points
    JOIN summaries ON summaries.run = points.run AND summaries.key = points.key ORDER BY series, points.step
"""


def _is_behind(new: str, old: str, *, first: bool) -> str:
    """Whether point `new` comes behind point `old` (before it, for the first) in the order of `summary`."""
    prefix, sign = ("first_", "<") if first else ("", ">")
    step, timestamp, value = (
        (f"{new}.{prefix}{column}", f"{old}.{prefix}{column}") for column in ("step", "timestamp", "value")
    )
    return (
        f"({step[0]} {sign} {step[1]} OR ({step[0]} = {step[1]} AND ({timestamp[0]} {sign} {timestamp[1]} "
        f"OR ({timestamp[0]} = {timestamp[1]} AND {value[0]} <> 'NaN' "
        f"AND ({value[1]} = 'NaN' OR {value[0]} {sign} {value[1]})))))"
    )


def _either(prefix: str, condition: str) -> str:
    return ", ".join(
        f"{prefix}{column} = CASE WHEN {condition} THEN new.{prefix}{column} ELSE old.{prefix}{column} END"
        for column in ("step", "timestamp", "value")
    )


_LATEST = f"""
    MERGE INTO latest_metrics AS old USING summaries AS new ON old.series = new.series
    WHEN MATCHED THEN UPDATE SET
        {_either("", _is_behind("new", "old", first=False))},
        {_either("first_", _is_behind("new", "old", first=True))},
        min_value = LEAST(old.min_value, new.min_value),
        max_value = CASE WHEN old.max_value = 'NaN' THEN new.max_value WHEN new.max_value = 'NaN' THEN old.max_value
                         ELSE GREATEST(old.max_value, new.max_value) END,
        points = old.points + new.points, total = old.total + new.total, numbers = old.numbers + new.numbers
    WHEN NOT MATCHED THEN INSERT BY NAME
"""

_PARAMS = (
    """
    INSERT INTO param_history (run, key, value, timestamp)
    SELECT run, key, value, timestamp FROM (
        SELECT run, key, value, timestamp, LEAD(value) OVER (PARTITION BY run, key ORDER BY seq) AS next
        FROM (SELECT params.run, params.key, params.value, params.timestamp, -1 AS seq FROM params
              WHERE EXISTS (SELECT 1 FROM staging JOIN known ON known.r = staging.r
                            WHERE e = 'param' AND known.run = params.run AND k = params.key)
              UNION ALL SELECT run, k, x, t, seq FROM staging JOIN known ON known.r = staging.r
              WHERE e = 'param') AS all_values) AS followed
    WHERE next IS NOT NULL AND next <> value
    """,
    f"""
    MERGE INTO params AS old USING (
        SELECT run, k, t, x, {number_in("x")} AS number FROM (
            SELECT run, k, t, x, ROW_NUMBER() OVER (PARTITION BY run, k ORDER BY seq DESC) AS rank
            FROM staging JOIN known ON known.r = staging.r WHERE e = 'param') AS ranked
        WHERE rank = 1 ORDER BY run, k) AS new
    ON old.run = new.run AND old.key = new.k
    WHEN MATCHED AND old.value <> new.x THEN UPDATE SET value = new.x, number = new.number, timestamp = new.t
    WHEN NOT MATCHED THEN INSERT (run, key, value, number, timestamp) VALUES (new.run, new.k, new.x, new.number, new.t)
    """,
)

_TAGS = (
    """
    CREATE OR REPLACE TEMP TABLE last_tags AS SELECT e, run, k, x FROM (
        SELECT e, run, k, x, ROW_NUMBER() OVER (PARTITION BY run, k ORDER BY seq DESC) AS rank
        FROM staging JOIN known ON known.r = staging.r WHERE e IN ('tag', 'untag')) AS ranked
    WHERE rank = 1
    """,
    "DELETE FROM tags USING last_tags AS new WHERE new.run = tags.run AND new.k = tags.key",
    f"""
    INSERT INTO tags (run, key, value, number)
    SELECT run, k, x, {number_in("x")} FROM last_tags WHERE e = 'tag' ORDER BY run, k
    """,
    f"""
    UPDATE runs SET name = new.x FROM last_tags AS new
    WHERE new.run = runs.run AND new.e = 'tag' AND new.k = '{RUN_NAME}'
    """,
)

# Into MLflow's list of a run's models, each in the place of one that was logged to the same path before.
_MODELS = (
    f"""
    CREATE OR REPLACE TEMP TABLE last_models AS
    WITH new AS (
        SELECT run, k AS path, CAST(x AS JSON) AS entry, seq FROM staging JOIN known ON known.r = staging.r
        WHERE e = 'model' QUALIFY ROW_NUMBER() OVER (PARTITION BY run, k ORDER BY seq DESC) = 1),
    lists AS (
        SELECT run, CASE json_type(TRY_CAST(value AS JSON)) WHEN 'ARRAY' THEN CAST(CAST(value AS JSON) AS JSON[])
                    END AS entries
        FROM tags WHERE key = '{HISTORY_TAG}' AND run IN (SELECT run FROM new)),
    old AS (
        SELECT run, entry->>'artifact_path' AS path, entry, position
        FROM (SELECT run, UNNEST(entries) AS entry, generate_subscripts(entries, 1) AS position FROM lists) AS one)
    SELECT run, CAST(to_json(list(entry ORDER BY is_new, place)) AS VARCHAR) AS value FROM (
        SELECT run, entry, FALSE AS is_new, position AS place FROM old
        WHERE NOT EXISTS (SELECT 1 FROM new WHERE new.run = old.run AND new.path = old.path)
        UNION ALL SELECT run, entry, TRUE, seq FROM new) AS every
    GROUP BY run
    """,
    f"DELETE FROM tags USING last_models AS new WHERE new.run = tags.run AND tags.key = '{HISTORY_TAG}'",
    f"INSERT INTO tags (run, key, value) SELECT run, '{HISTORY_TAG}', value FROM last_models ORDER BY run",
)

# A status that says nothing of the writer (`d` is null) leaves it; a resumed run belongs to who resumed it.
_STATUS = """
    UPDATE runs SET status = new.x, end_time = new.t, writer = COALESCE(new.writer, runs.writer)
    FROM (SELECT run, x, t, d->>'writer' AS writer, ROW_NUMBER() OVER (PARTITION BY run ORDER BY seq DESC) AS rank
          FROM staging JOIN known ON known.r = staging.r WHERE e = 'status') AS new
    WHERE new.rank = 1 AND new.run = runs.run
"""

_ARTIFACTS = (
    """
    CREATE OR REPLACE TEMP TABLE last_artifacts AS SELECT run, k, s, t FROM (
        SELECT run, k, s, t, ROW_NUMBER() OVER (PARTITION BY run, k ORDER BY seq DESC) AS rank
        FROM staging JOIN known ON known.r = staging.r WHERE e = 'artifact') AS ranked
    WHERE rank = 1
    """,
    "DELETE FROM artifacts USING last_artifacts AS new WHERE new.run = artifacts.run AND new.k = artifacts.path",
    "INSERT INTO artifacts (run, path, size, timestamp) SELECT run, k, s, t FROM last_artifacts ORDER BY run, k",
)

# The same dataset in the same context is one input of a run, however often it is logged.
_INPUTS = """
    INSERT INTO inputs (run, name, digest, source_type, source, schema, profile, context, tags, timestamp)
    SELECT run, k, x, d->>'source_type', d->>'source', d->>'schema', d->>'profile', d->>'context', d->>'tags', t
    FROM (SELECT * FROM staging JOIN known ON known.r = staging.r WHERE e = 'input'
          QUALIFY ROW_NUMBER() OVER (PARTITION BY run, k, x, d->>'context' ORDER BY seq) = 1) AS new
    WHERE NOT EXISTS (SELECT 1 FROM inputs AS old WHERE old.run = new.run AND old.name = new.k AND old.digest = new.x
                      AND old.context IS NOT DISTINCT FROM new.d->>'context')
    ORDER BY seq
"""

_STATEMENTS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset({"metric", "series"}), (_POINTS, _SUMMARIES, _METRICS, _LATEST)),
    (frozenset({"param"}), _PARAMS),
    (frozenset({"tag", "untag"}), _TAGS),
    (frozenset({"model"}), _MODELS),
    (frozenset({"status"}), (_STATUS,)),
    (frozenset({"artifact"}), _ARTIFACTS),
    (frozenset({"input"}), (_INPUTS,)),
)
"""What is done for which kinds of events."""


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
        sizes = self._sizes()
        if all(path == own and size == self._known.get(path.name, 0) for path, size in sizes.items()):
            return 0
        taken = 0
        applied: dict[str, int] = dict(cursor.execute("SELECT journal, applied_bytes FROM journals").fetchall())
        while segments := list(self._pending(sizes, applied)):
            taken += self._take(cursor, segments)
            applied.update((segment.path.name, segment.end) for segment in segments)
        self._known = dict(applied)
        if taken > _MANY:
            for table in _WORK:
                cursor.execute(f"DROP TABLE IF EXISTS temp.{table}")
        for path in self._files():
            offset = applied.pop(path.name, 0)
            if path != own:
                self._retire(cursor, path, offset)
        # An offset is forgotten only after its file is gone: the other order could apply the file again. That of a
        # rescue file that came back is kept: see journal/writer.py.
        gone = [name for name in applied if not name.endswith(RETURNED)]
        if gone:
            # Gone for good: DuckDB syncs its commits, so after a power cut the file could be back and the offset not.
            sync_folder(self.folder)
        for name in gone:
            cursor.execute("DELETE FROM journals WHERE journal = $1", [name])
        return taken

    def forget(self) -> None:
        """Ask the database again how far each journal is applied: it is another one now."""
        self._known.clear()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def _sizes(self) -> dict[Path, int]:
        """Bytes of each file as of now: whoever goes on logging must not keep a reader reading."""
        # A listing is no snapshot. It can have a writer's newest file and not the one before, if both came meanwhile;
        # but what was there when the first listing ended is in the second.
        newest = {_writer_of(path): path.name for path in self._files()}
        sizes = {}
        for path in self._files():
            if path.name <= newest.get(_writer_of(path), ""):
                with suppress(FileNotFoundError):
                    sizes[path] = path.stat().st_size
        return sizes

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
        with transaction(cursor):
            warnings_due = self._bring_in(cursor, segments)
            _store_offsets(cursor, segments)
        for text in warnings_due:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return count

    def _bring_in(self, cursor: Cursor, segments: list[_Segment]) -> list[str]:
        """From the table `staging`, which holds the segments' lines, into the others; what to tell once committed."""
        warnings_due: list[str] = []
        kinds = {kind for (kind,) in cursor.execute("SELECT DISTINCT e FROM staging").fetchall()}
        if "run" in kinds:
            cursor.execute(_NEW_RUNS)
        cursor.execute(_KNOWN)
        rejected = cursor.execute(_REJECTED).fetchall()
        if rejected:
            warnings_due = self._reject(cursor, segments, rejected)
        for wanted, statements in _STATEMENTS:
            if kinds & wanted:
                for statement in statements:
                    cursor.execute(statement)
        return warnings_due

    def retry_rejected(self, cursor: Cursor) -> tuple[int, int]:
        """Try again what was kept aside; how many lines are in the tables now, and how many still are not understood.

        The caller holds the store's lock.
        """
        rows = cursor.execute(
            "SELECT journal, position, line FROM rejected_events WHERE reason <> $1 ORDER BY rowid", [CUT_SHORT]
        ).fetchall()
        if not rows:
            return 0, 0
        segments = [_Segment(Path(name), position, line.encode() + b"\n") for name, position, line in rows]
        stage(cursor, b"".join(segment.data for segment in segments))
        self._warned.update(name for name, _, _ in rows)
        with transaction(cursor):
            cursor.execute("DELETE FROM rejected_events WHERE reason <> $1", [CUT_SHORT])
            self._bring_in(cursor, segments)
        (left,) = cursor.execute("SELECT COUNT(*) FROM rejected_events WHERE reason <> $1", [CUT_SHORT]).fetchall()[0]
        return len(rows) - left, left

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
        last, rest = tail[: min(applied, 64)], tail[min(applied, 64) :]
        # A thread may have logged on after its process said that it was done.
        closed = not rest and last.rstrip(b"\n").rpartition(b"\n")[2].startswith(b'{"e":"close"')
        if not closed:
            writer = _writer(header)
            if writer is None or not writer[1].is_dead():
                return
            if b"\n" in rest:
                # Its last lines came between our reading and its death: the next apply takes them.
                return
            with transaction(cursor):
                _end_open_runs(cursor, *writer, int(path.stat().st_mtime * 1000))
                if rest:
                    cursor.execute(
                        "INSERT INTO rejected_events (journal, position, line, reason) VALUES ($1, $2, $3, $4)",
                        [
                            path.name,
                            applied,
                            rest.decode(errors="backslashreplace"),
                            CUT_SHORT,
                        ],
                    )
        path.unlink(missing_ok=True)


def stage(cursor: Cursor, data: bytes) -> int:
    """Load lines into the temporary table `staging`, numbered from 0, with whether each is understood; how many."""
    longest = _DEFAULT_LONGEST_LINE
    if len(data) > longest:
        longest = max(longest, max(map(len, data.split(b"\n"))) + 1)
    # Lists cost a second more for a million lines, so they are looked for only where there are any.
    lists = ", ss: 'BIGINT[]', tt: 'BIGINT[]', vv: 'DOUBLE[]'" if b'"e":"series"' in data else ""
    none = "" if lists else ", CAST(NULL AS BIGINT[]) AS ss, CAST(NULL AS BIGINT[]) AS tt, CAST(NULL AS DOUBLE[]) AS vv"
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(data)
        file.flush()
        cursor.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE staging AS
            SELECT *, {_UNDERSTOOD} AS understood FROM (
                SELECT row_number() OVER () - 1 AS seq, *{none} FROM read_json(
                    '{file.name.replace("'", "''")}', format = 'newline_delimited', ignore_errors = true,
                    maximum_object_size = {longest},
                    columns = {{e: 'VARCHAR', r: 'VARCHAR', k: 'VARCHAR', s: 'BIGINT', t: 'BIGINT', v: 'DOUBLE',
                                x: 'VARCHAR', d: 'JSON'{lists}}}))
            """
        )
    (count,) = cursor.execute("SELECT COUNT(*) FROM staging").fetchall()[0]
    lines = data.count(b"\n")
    if count < lines and count < (lines := sum(1 for line in data.split(b"\n") if line.strip())):
        raise StoreError(f"DuckDB has read {count:,} of {lines:,} lines.")
    return int(count)


def _lines(segments: list[_Segment]) -> Iterator[tuple[str, int, bytes]]:
    """The lines in the order of `staging.seq`: journal, position in bytes, text. DuckDB passes over blank lines."""
    for segment in segments:
        position = segment.start
        for line in segment.data.split(b"\n")[:-1]:
            if line.strip():
                yield segment.path.name, position, line
            position += len(line) + 1


def _writer_of(path: Path) -> str:
    return path.name.rpartition("-")[0]


def _store_offsets(cursor: Cursor, segments: list[_Segment]) -> None:
    names = [segment.path.name for segment in segments]
    cursor.execute("DELETE FROM journals WHERE journal = ANY($1)", [names])
    cursor.execute(
        "INSERT INTO journals (journal, applied_bytes) SELECT UNNEST($1), UNNEST($2)",
        [names, [segment.end for segment in segments]],
    )


def _writer(header: bytes) -> tuple[str, Process] | None:
    """The writer's id and process, or None where the first line does not tell (a foreign file)."""
    try:
        fields = json.loads(header)
        return str(fields["x"]), Process.from_dict(fields["d"])
    except (ValueError, KeyError, TypeError):
        return None


def _end_open_runs(cursor: Cursor, writer: str, process: Process, ended: int) -> None:
    orphans = cursor.execute(
        "SELECT run FROM runs WHERE writer = $1 AND status = $2", [writer, RunStatus.RUNNING]
    ).fetchall()
    for (run,) in orphans:
        cursor.execute(
            "UPDATE runs SET status = $1, end_time = GREATEST($2, start_time) WHERE run = $3",
            [RunStatus.KILLED, ended, run],
        )
        cursor.execute("DELETE FROM tags WHERE run = $1 AND key = $2", [run, KILLED])
        cursor.execute(
            "INSERT INTO tags (run, key, value) VALUES ($1, $2, $3)",
            [run, KILLED, f"{process} died before the run was ended"],
        )
