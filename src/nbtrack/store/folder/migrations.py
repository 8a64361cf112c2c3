"""Migrations from the schema of an older nbtrack to the current one, completely or not at all.

There is one step for each schema version. All missing steps run in one transaction, after a copy of the database file
has been stored beside it.
"""

from __future__ import annotations

from pathlib import Path

from ...query.sql import number_in
from ..sql import schema
from ..sql.base import Cursor, transaction
from . import sql_views
from .copies import copy_attached, put_in_place
from .summaries import summary


def migrate(cursor: Cursor, database: Path, version: int) -> Path:
    """Migrate the attached store from schema `version` to the current one and return the path of the file's copy.

    The caller holds the store's lock. If anything fails, the store is unchanged.
    """
    cursor.execute("CHECKPOINT")
    kept = _keep_copy(database, version)
    upgrade(cursor, version)
    return kept


def upgrade(cursor: Cursor, version: int) -> None:
    """Migrate the attached store in one transaction, without a copy of its file."""
    with transaction(cursor):
        for step in range(version, schema.VERSION):
            _STEPS[step](cursor)
        sql_views.make(cursor)
        cursor.execute("UPDATE meta SET value = $1 WHERE key = 'schema_version'", [str(schema.VERSION)])


def _keep_copy(database: Path, version: int) -> Path:
    kept = database.with_name(f"runs.schema-{version}.duckdb")
    number = 1
    while kept.exists():
        number += 1
        kept = database.with_name(f"runs.schema-{version}-{number}.duckdb")
    partial = kept.with_suffix(".partial")
    copy_attached(database, partial)
    put_in_place(partial, kept)
    return kept


def _from_1(cursor: Cursor) -> None:
    """Replace run IDs by numbers in the large tables, and add summaries of series to `latest_metrics`."""
    tables = ("runs", "params", "param_history", "tags", "metrics", "latest_metrics")
    for table in tables:
        cursor.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    cursor.execute(schema.RUN_TABLES)
    cursor.execute(
        "INSERT INTO runs (run, run_id, experiment_id, name, user_id, status, start_time, end_time, artifact_uri, "
        "lifecycle_stage, deleted_time, writer) SELECT ROW_NUMBER() OVER (ORDER BY rowid), run_id, experiment_id, "
        "name, user_id, status, start_time, end_time, artifact_uri, lifecycle_stage, deleted_time, writer FROM old_runs"
    )
    for table, columns in (("params", "key, value, timestamp"), ("tags", "key, value")):
        cursor.execute(
            f"INSERT INTO {table} (run, {columns}, number) SELECT r.run, {columns}, {number_in('value')} "
            f"FROM old_{table} AS old JOIN runs AS r ON r.run_id = old.run_id ORDER BY r.run, key"
        )
    cursor.execute(
        "INSERT INTO param_history (run, key, value, timestamp) SELECT r.run, key, value, timestamp "
        "FROM old_param_history AS old JOIN runs AS r ON r.run_id = old.run_id ORDER BY r.run, key, timestamp"
    )
    cursor.execute(
        f"""
        INSERT INTO latest_metrics BY NAME
        SELECT ROW_NUMBER() OVER (ORDER BY run, key) AS series, * FROM (
            {summary("r.run, old.key", "old_metrics AS old JOIN runs AS r ON r.run_id = old.run_id", "old")})
        """
    )
    cursor.execute(
        "INSERT INTO metrics (series, step, timestamp, value) SELECT l.series, old.step, old.timestamp, old.value "
        "FROM old_metrics AS old JOIN runs AS r ON r.run_id = old.run_id "
        "JOIN latest_metrics AS l ON l.run = r.run AND l.key = old.key ORDER BY l.series, old.step"
    )
    for table in tables:
        cursor.execute(f"DROP TABLE old_{table}")


def _from_2(cursor: Cursor) -> None:
    """Add the reasons of changes to the registry, and the gates of its stages."""
    cursor.execute("ALTER TABLE model_events ADD COLUMN reason VARCHAR")
    cursor.execute(schema.GATE_TABLES)


def _from_3(cursor: Cursor) -> None:
    """Add the settings of the store."""
    cursor.execute(schema.SETTING_TABLES)


_STEPS = {1: _from_1, 2: _from_2, 3: _from_3}
"""The migration from each schema version to the next."""
