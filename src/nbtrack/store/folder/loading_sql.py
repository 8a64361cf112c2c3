"""The SQL that loads events: it stages lines, finds those to reject, and has the statements for each kind.

It is DuckDB's SQL. The columns and the condition that a line must meet are derived from the table of kinds in
`journal/kinds.py`. PostgreSQL will need its own statements, of which `next_number` differs first.
"""

from __future__ import annotations

from ...entities import RunStatus
from ...journal.kinds import COLUMNS, KINDS, LISTS, Kind, Type
from ...query.sql import number_in
from ...tags import HISTORY_TAG, LOGGED_ARTIFACTS, RUN_NAME
from .summaries import is_behind, summary

TEMPORARY = ("staging", "known", "points", "summaries", "last_tags", "last_models", "new_tables", "last_artifacts")
"""The temporary tables. Each is created again when it is used."""


# -- numbers -----------------------------------------------------------------------------------------------------


def next_number(column: str, table: str, over: str) -> str:
    """Return the expression that numbers new rows in the order of the window `over`.

    The numbers of runs and series are assigned only here. The folder's store continues from the highest number in the
    table, which is safe under the store's lock. PostgreSQL does not have this lock, and would use sequences.
    """
    return f"(SELECT COALESCE(MAX({column}), 0) FROM {table}) + ROW_NUMBER() OVER ({over})"


# -- staging -----------------------------------------------------------------------------------------------------

_COLUMN_TYPES = {
    Type.STRING: "VARCHAR",
    Type.WHOLE: "BIGINT",
    Type.NUMBER: "DOUBLE",
    Type.OBJECT: "JSON",
    Type.WHOLES: "BIGINT[]",
    Type.NUMBERS: "DOUBLE[]",
}
_TYPES = {column: _COLUMN_TYPES[type] for column, type in COLUMNS.items()}


def staging(file: str, longest: int, with_lists: bool) -> str:
    """Return the statement that loads a file of lines into `staging`, and marks the valid ones as `understood`.

    Args:
        file: The path of the file.
        longest: The size in bytes of the longest line, with its newline.
        with_lists: Whether any line has lists. Reading the columns of lists costs a second per million lines.
    """
    columns = {column: type for column, type in _TYPES.items() if with_lists or column not in LISTS}
    read = ", ".join(f"{column}: '{type}'" for column, type in columns.items())
    absent = "".join(f", CAST(NULL AS {_TYPES[column]}) AS {column}" for column in LISTS if not with_lists)
    return f"""
        CREATE OR REPLACE TEMP TABLE staging AS
        SELECT *, {UNDERSTOOD} AS understood FROM (
            SELECT row_number() OVER () - 1 AS seq, *{absent} FROM read_json(
                '{file.replace("'", "''")}', format = 'newline_delimited', ignore_errors = true,
                maximum_object_size = {longest}, columns = {{{read}}}))
    """


def _understood(kind: Kind) -> str:
    """Return the condition that a line of this kind must meet. A field of the wrong type was read as NULL."""
    conditions = [_holds(column, field.type) for column, field in kind.fields.items() if field.required]
    conditions += [_detail_holds(name, field.type) for name, field in kind.details.items() if field.required]
    first, *others = [column for column in LISTS if column in kind.fields] or [""]
    conditions += [f"len({column}) = len({first})" for column in others]
    return " AND ".join([f"e = '{kind.name}'", *conditions])


def _holds(column: str, type: Type) -> str:
    if type in (Type.WHOLES, Type.NUMBERS):
        # list_count does not count NULLs.
        return f"list_count({column}) = len({column})"
    if type is Type.STATUS:
        return f"{column} IN {RunStatus.ALL}"
    if type is Type.OBJECT_STRING:
        return f"json_type(TRY_CAST({column} AS JSON)) = 'OBJECT'"
    return f"{column} IS NOT NULL"


def _detail_holds(name: str, type: Type) -> str:
    value = f"d->>'{name}'"
    return f"TRY_CAST({value} AS BIGINT) IS NOT NULL" if type in (Type.WHOLE, Type.ID) else f"({value}) IS NOT NULL"


UNDERSTOOD = " OR ".join(f"({_understood(kind)})" for kind in KINDS.values())


# -- rejected lines ----------------------------------------------------------------------------------------------

# The number of each run that the lines mention, so that IDs are compared only once, and only here.
KNOWN = """
    CREATE OR REPLACE TEMP TABLE known AS
    SELECT r, run FROM (SELECT DISTINCT r FROM staging WHERE r IS NOT NULL) AS named JOIN runs ON runs.run_id = named.r
"""
IS_REJECTED = """
    (understood IS NOT TRUE
     OR (e NOT IN ('open', 'close') AND NOT EXISTS (SELECT 1 FROM known WHERE known.r = staging.r)))
"""
# Of each rejected line, whether it is an event all the same. Then its run does not exist.
REJECTED = f"SELECT seq, understood IS TRUE FROM staging WHERE {IS_REJECTED} ORDER BY seq"


# -- the kinds ---------------------------------------------------------------------------------------------------

NEW_RUNS = f"""
    INSERT INTO runs (run, run_id, experiment_id, name, user_id, status, start_time, artifact_uri, lifecycle_stage,
                      deleted_time, writer)
    SELECT {next_number("run", "runs", "ORDER BY seq")}, r,
           CAST(d->>'experiment_id' AS BIGINT), d->>'name', d->>'user_id', 'RUNNING',
           CAST(d->>'start_time' AS BIGINT), d->>'artifact_uri', COALESCE(d->>'lifecycle_stage', 'active'),
           TRY_CAST(d->>'deleted_time' AS BIGINT), d->>'writer'
    FROM (SELECT * FROM staging WHERE e = 'run' AND understood
          QUALIFY ROW_NUMBER() OVER (PARTITION BY r ORDER BY seq) = 1) AS new
    WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = new.r)
"""

_POINTS = """
    CREATE OR REPLACE TEMP TABLE points AS
    SELECT run, k AS key, s AS step, t AS timestamp, v AS value FROM staging JOIN known ON known.r = staging.r
    WHERE e = 'metric'
    UNION ALL
    SELECT run, k, UNNEST(ss), UNNEST(tt), UNNEST(vv) FROM staging JOIN known ON known.r = staging.r
    WHERE e = 'series'
"""
_NEXT_SERIES = next_number("series", "latest_metrics", "PARTITION BY old.series IS NULL ORDER BY new.run, new.key")
_SUMMARIES = f"""
    CREATE OR REPLACE TEMP TABLE summaries AS
    SELECT COALESCE(old.series, {_NEXT_SERIES}) AS series, new.*
    FROM ({summary("run, key", "points", "points")}) AS new
    LEFT JOIN latest_metrics AS old ON old.run = new.run AND old.key = new.key
"""
# Points of a series are stored next to each other, so that a curve is read from few blocks.
_METRICS = """
    INSERT INTO metrics (series, step, timestamp, value)
    SELECT series, points.step, points.timestamp, points.value FROM points
    JOIN summaries ON summaries.run = points.run AND summaries.key = points.key ORDER BY series, points.step
"""


def _either(prefix: str, condition: str) -> str:
    return ", ".join(
        f"{prefix}{column} = CASE WHEN {condition} THEN new.{prefix}{column} ELSE old.{prefix}{column} END"
        for column in ("step", "timestamp", "value")
    )


_LATEST = f"""
    MERGE INTO latest_metrics AS old USING summaries AS new ON old.series = new.series
    WHEN MATCHED THEN UPDATE SET
        {_either("", is_behind("new", "old", first=False))},
        {_either("first_", is_behind("new", "old", first=True))},
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

# Each model is added to MLflow's list of the run's models, and replaces one that was logged to the same path before.
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

# Each table is added to MLflow's list of the run's tables, unless it is there already.
_TABLES = (
    f"""
    CREATE OR REPLACE TEMP TABLE new_tables AS
    WITH new AS (
        SELECT run, k AS path, MIN(seq) AS place FROM staging JOIN known ON known.r = staging.r
        WHERE e = 'table' GROUP BY run, k),
    lists AS (
        SELECT run, CASE json_type(TRY_CAST(value AS JSON)) WHEN 'ARRAY' THEN CAST(CAST(value AS JSON) AS JSON[])
                    END AS entries
        FROM tags WHERE key = '{LOGGED_ARTIFACTS}' AND run IN (SELECT run FROM new)),
    old AS (
        SELECT run, entry, position AS place
        FROM (SELECT run, UNNEST(entries) AS entry, generate_subscripts(entries, 1) AS position FROM lists) AS one)
    SELECT run, CAST(to_json(list(entry ORDER BY is_new, place)) AS VARCHAR) AS value FROM (
        SELECT run, entry, FALSE AS is_new, place FROM old
        UNION ALL SELECT run, json_object('path', path, 'type', 'table'), TRUE, place FROM new
        WHERE NOT EXISTS (
            SELECT 1 FROM old
            WHERE old.run = new.run AND old.entry->>'path' = new.path AND old.entry->>'type' = 'table')) AS every
    GROUP BY run
    """,
    f"DELETE FROM tags USING new_tables AS new WHERE new.run = tags.run AND tags.key = '{LOGGED_ARTIFACTS}'",
    f"INSERT INTO tags (run, key, value) SELECT run, '{LOGGED_ARTIFACTS}', value FROM new_tables ORDER BY run",
)

# A status without a writer (`d` is null) leaves the writer unchanged. A resumed run belongs to the process that resumed
# it.
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

STATEMENTS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset({"metric", "series"}), (_POINTS, _SUMMARIES, _METRICS, _LATEST)),
    (frozenset({"param"}), _PARAMS),
    (frozenset({"tag", "untag"}), _TAGS),
    (frozenset({"model"}), _MODELS),
    (frozenset({"table"}), _TABLES),
    (frozenset({"status"}), (_STATUS,)),
    (frozenset({"artifact"}), _ARTIFACTS),
    (frozenset({"input"}), (_INPUTS,)),
)
"""The statements for each group of event kinds."""
