"""The views that users query in SQL: the schema `nbtrack` of the database file, with IDs, names and timestamps.

The tables may change from version to version, but the views keep their columns, which `guide/sql.md` lists. The views
are replaced if the store has other ones than these. Their SQL names no database, so that the file can be attached under
any name.
"""

from __future__ import annotations

import hashlib

from ...tags import PARENT
from ..sql.base import Cursor
from ..times import LAST_TIME

SCHEMA = "nbtrack"


def _time(column: str) -> str:
    """Convert epoch milliseconds to a timestamp in UTC. Values beyond the calendar become NULL, not an error."""
    return f"make_timestamp_ms(CASE WHEN {column} <= {LAST_TIME} THEN {column} END)"


VIEWS: dict[str, str] = {
    "experiments": f"""
        SELECT CAST(experiment_id AS VARCHAR) AS experiment_id, name, artifact_location, lifecycle_stage,
               {_time("creation_time")} AS creation_time, {_time("last_update_time")} AS last_update_time
        FROM main.experiments
    """,
    "runs": f"""
        SELECT r.run_id, r.name AS run_name, CAST(r.experiment_id AS VARCHAR) AS experiment_id, e.name AS experiment,
               r.status, r.user_id, {_time("r.start_time")} AS start_time, {_time("r.end_time")} AS end_time,
               (r.end_time - r.start_time) / 1000.0 AS seconds, parent.value AS parent_run_id, r.artifact_uri,
               r.lifecycle_stage
        FROM main.runs AS r LEFT JOIN main.experiments AS e ON e.experiment_id = r.experiment_id
        LEFT JOIN main.tags AS parent ON parent.run = r.run AND parent.key = '{PARENT}'
    """,
    "params": f"""
        SELECT r.run_id, p.key, p.value, p.number, {_time("p.timestamp")} AS timestamp
        FROM main.params AS p JOIN main.runs AS r ON r.run = p.run
    """,
    "metrics": f"""
        SELECT r.run_id, l.key, m.step, {_time("m.timestamp")} AS timestamp, m.value
        FROM main.metrics AS m JOIN main.latest_metrics AS l ON l.series = m.series JOIN main.runs AS r ON r.run = l.run
    """,
    "latest_metrics": f"""
        SELECT r.run_id, l.key, l.step, {_time("l.timestamp")} AS timestamp, l.value, l.points, l.first_value,
               l.min_value, l.max_value,
               CASE WHEN l.numbers = 0 THEN CAST('NaN' AS DOUBLE) ELSE l.total / l.numbers END AS mean_value
        FROM main.latest_metrics AS l JOIN main.runs AS r ON r.run = l.run
    """,
    "tags": """
        SELECT r.run_id, t.key, t.value, t.number FROM main.tags AS t JOIN main.runs AS r ON r.run = t.run
    """,
    "artifacts": f"""
        SELECT r.run_id, a.path, a.size, {_time("a.timestamp")} AS timestamp
        FROM main.artifacts AS a JOIN main.runs AS r ON r.run = a.run
    """,
    "datasets": f"""
        SELECT r.run_id, i.name, i.digest, i.context, i.source_type, i.source, i.schema, i.profile,
               {_time("i.timestamp")} AS timestamp
        FROM main.inputs AS i JOIN main.runs AS r ON r.run = i.run
    """,
    "registered_models": f"""
        SELECT name, description, {_time("creation_time")} AS creation_time,
               {_time("last_update_time")} AS last_update_time
        FROM main.registered_models
    """,
    "model_versions": f"""
        SELECT v.name, v.version, v.current_stage AS stage, v.run_id, v.source, v.description, v.user_id, v.status,
               (SELECT list(a.alias ORDER BY a.alias) FROM main.registered_model_aliases AS a
                WHERE a.name = v.name AND a.version = v.version) AS aliases,
               {_time("v.creation_time")} AS creation_time, {_time("v.last_update_time")} AS last_update_time
        FROM main.model_versions AS v
    """,
    "model_gates": f"""
        SELECT name, stage, gate, filter, user_id, {_time("creation_time")} AS creation_time FROM main.model_gates
    """,
    "events": f"""
        SELECT {_time("start_time")} AS timestamp, 'run_started' AS kind, user_id, run_id, NULL AS model,
               CAST(NULL AS BIGINT) AS version, NULL AS key, NULL AS old, NULL AS new, NULL AS reason
        FROM main.runs
        UNION ALL SELECT {_time("end_time")}, 'run_ended', user_id, run_id, NULL, NULL, NULL, NULL, status, NULL
        FROM main.runs WHERE end_time IS NOT NULL
        UNION ALL SELECT {_time("deleted_time")}, 'run_deleted', NULL, run_id, NULL, NULL, NULL, NULL, NULL, NULL
        FROM main.runs WHERE deleted_time IS NOT NULL
        UNION ALL SELECT {_time("p.timestamp")}, 'param_changed', r.user_id, r.run_id, NULL, NULL, p.key, p.old, p.new,
               NULL
        FROM (SELECT run, key, timestamp, value AS new,
                     LAG(value) OVER (PARTITION BY run, key ORDER BY timestamp, is_last) AS old
              FROM (SELECT run, key, timestamp, value, FALSE AS is_last FROM main.param_history
                    UNION ALL SELECT run, key, timestamp, value, TRUE FROM main.params)) AS p
        JOIN main.runs AS r ON r.run = p.run WHERE p.old IS NOT NULL
        UNION ALL SELECT {_time("timestamp")},
               CASE WHEN kind IN ('created', 'renamed', 'deleted') THEN 'model_' || kind ELSE kind END,
               user_id, NULL, name, version, NULL, old, new, reason
        FROM main.model_events
    """,
}
"""Each view's name and what it selects."""

CREATE = f"CREATE SCHEMA IF NOT EXISTS {SCHEMA};" + "".join(
    f"CREATE OR REPLACE VIEW {SCHEMA}.{name} AS {select};" for name, select in VIEWS.items()
)


def are_current(cursor: Cursor) -> bool:
    """Return whether the store has these views."""
    row = cursor.execute("SELECT value FROM meta WHERE key = 'views'").fetchone()
    return row == (_digest(),)


def make(cursor: Cursor) -> None:
    """Create the views in place of older ones, as a part of the caller's transaction."""
    cursor.execute(CREATE)
    cursor.execute("DELETE FROM meta WHERE key = 'views'")
    cursor.execute("INSERT INTO meta VALUES ('views', $1)", [_digest()])


def _digest() -> str:
    return hashlib.sha256(CREATE.encode()).hexdigest()
