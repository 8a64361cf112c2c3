"""What is wrong with an MLflow database, and what it has that is not imported."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .mlflow_artifacts import MODEL_LINKS, MODEL_PARAMS, MODEL_POINTS, MODEL_TAGS, TRACES
from .report import Report

_COLUMNS = {
    "experiments": ("experiment_id", "name"),
    "runs": ("run_uuid", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage"),
    "metrics": ("run_uuid", "key", "value", "timestamp"),
    "params": ("run_uuid", "key", "value"),
    "tags": ("run_uuid", "key", "value"),
    "registered_models": ("name",),
    "model_versions": ("name", "version", "source"),
    "datasets": ("dataset_uuid", "name", "digest", "dataset_source_type", "dataset_source"),
    "inputs": ("input_uuid", "source_type", "source_id", "destination_type", "destination_id"),
}
"""The columns that a table has in every version of MLflow that has the table."""
_TOGETHER = (
    ("experiments", "runs", "metrics", "params", "tags"),
    ("registered_models", "model_versions"),
    ("datasets", "inputs", "input_tags"),
    ("logged_models", "logged_model_metrics", "logged_model_params", "logged_model_tags"),
)
"""Tables that a version of MLflow has either all or not at all."""

_READ = {
    *(table for tables in _TOGETHER for table in tables),
    *("experiment_tags", "registered_model_tags", "registered_model_aliases", "model_version_tags"),
}
_INTERNAL = {
    *("alembic_version", "latest_metrics", "workspaces", "jobs", "job_locks", "scheduler_leases"),
    # These belong to the rows of another table.
    *("assessments", "spans", "span_metrics", "trace_metrics", "trace_request_metadata", "trace_tags"),
    *("evaluation_dataset_records", "evaluation_dataset_tags", "entity_associations", "scorer_versions"),
    *("online_scoring_configs", "webhook_events", "endpoint_bindings", "endpoint_model_mappings", "endpoint_tags"),
    *("guardrail_configs", "mcp_access_endpoints", "mcp_server_aliases", "mcp_server_tags", "mcp_server_version_tags"),
    *("mcp_server_versions", "review_queue_items", "review_queue_label_schemas", "review_queue_users"),
}
_PARENTS = (
    ("params", "run_uuid", "runs", "run_uuid"),
    ("tags", "run_uuid", "runs", "run_uuid"),
    ("metrics", "run_uuid", "runs", "run_uuid"),
    ("experiment_tags", "experiment_id", "experiments", "experiment_id"),
    ("registered_model_tags", "name", "registered_models", "name"),
    ("registered_model_aliases", "name", "registered_models", "name"),
    ("model_versions", "name", "registered_models", "name"),
)
_DIFFERENCES = (
    (
        MODEL_PARAMS,
        (
            "SELECT p.model_id FROM logged_model_params AS p LEFT JOIN logged_models AS m ON m.model_id = p.model_id "
            "LEFT JOIN params AS r ON r.run_uuid = m.source_run_id AND r.key = p.param_key AND r.value = p.param_value "
            "WHERE r.key IS NULL"
        ),
    ),
    (
        MODEL_POINTS,
        (
            "SELECT p.model_id FROM logged_model_metrics AS p LEFT JOIN metrics AS r ON r.run_uuid = p.run_id "
            "AND r.key = p.metric_name AND r.step = p.metric_step AND r.timestamp = p.metric_timestamp_ms "
            "WHERE r.key IS NULL"
        ),
    ),
    (
        MODEL_TAGS,
        "SELECT model_id FROM logged_model_tags WHERE tag_key NOT LIKE 'mlflow.%'",
    ),
    (
        MODEL_LINKS,
        (
            "SELECT i.destination_id FROM inputs AS i LEFT JOIN logged_models AS m ON m.model_id = i.destination_id "
            "AND m.source_run_id = i.source_id WHERE i.source_type LIKE 'RUN_%' AND m.model_id IS NULL"
        ),
    ),
    (
        "inputs of runs whose dataset is missing",
        (
            "SELECT i.destination_id FROM inputs AS i LEFT JOIN datasets AS d ON d.dataset_uuid = i.source_id "
            "WHERE i.source_type = 'DATASET' AND d.dataset_uuid IS NULL"
        ),
    ),
    ("params of a run with the same key", "SELECT run_uuid FROM params GROUP BY run_uuid, key HAVING COUNT(*) > 1"),
    ("tags of a run with the same key", "SELECT run_uuid FROM tags GROUP BY run_uuid, key HAVING COUNT(*) > 1"),
)
"""The reasons for which rows are reported, and the query of them. Each row has an example."""


def check_database(connection: sqlite3.Connection, name: str, report: Report) -> None:
    """Report what is missing or damaged in a database, and what it has that is not imported."""
    for problem in _damages(connection):
        report.add_missing("damaged places of the database", f"{name}: {problem}")
    columns = {table: _columns(connection, table) for table in _tables(connection)}
    for tables in _TOGETHER:
        if not columns.keys().isdisjoint(tables):
            for table in tables:
                if table not in columns:
                    report.add_missing("tables that the database does not have", table)
    for table, required in _COLUMNS.items():
        for column in required if table in columns else ():
            if column not in columns[table]:
                report.add_missing("columns that the database does not have", f"{table}.{column}")
    for table in sorted(columns.keys() - _READ - _INTERNAL):
        if table.startswith("sqlite_") or table.endswith(("_rollups", "_rollup_rebuild_queue")):
            continue
        reason = TRACES if table == "trace_info" else f"{table.replace('_', ' ')}, which nbtrack does not have"
        quoted = table.replace('"', '""')
        _report_rows(connection, f'SELECT NULL FROM "{quoted}"', reason, name, report)
    for child, key, parent, parent_key in _PARENTS:
        _report_rows(
            connection,
            f"SELECT key FROM (SELECT DISTINCT {key} AS key FROM {child}) AS c "
            f"WHERE NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE p.{parent_key} = c.key)",
            f"rows of {child} without their row of {parent}",
            name,
            report,
        )
    for reason, query in _DIFFERENCES:
        _report_rows(connection, query, reason, name, report)


def _report_rows(connection: sqlite3.Connection, query: str, reason: str, name: str, report: Report) -> None:
    try:
        found = connection.execute(f"SELECT COUNT(*) FROM ({query})").fetchone()[0]
        examples: list[Any] = [row[0] for row in connection.execute(f"{query} LIMIT 3")] if found else []
    except sqlite3.Error:
        # Another version of MLflow does not have the tables or columns, or they are damaged, which is reported already.
        return
    for example in dict.fromkeys(str(example) if example is not None else name for example in examples):
        report.add_missing(reason, example, found)
        found = 0


def _damages(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        if connection.execute("PRAGMA writable_schema").fetchone()[0]:
            yield "definitions of tables"
        for (line,) in connection.execute("PRAGMA quick_check(3)"):
            yield from (part for part in str(line).splitlines() if part != "ok" and not part.startswith("***"))
    except sqlite3.DatabaseError as error:
        yield str(error)


def _tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    quoted = table.replace('"', '""')
    return {row[1] for row in connection.execute(f'PRAGMA table_info("{quoted}")')}
