"""What must hold between the tables, whatever happened; and how each is set right.

Nothing is deleted that says something: what a row refers to and is gone is made again under the name `recovered`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....entities import LifecycleStage, RunStatus
from ....journal import now
from ....journal.reading import JournalFolder
from ....names import new_id
from ....tags import KILLED, RECOVERED, RUN_NAME
from ...sql.base import Cursor
from ..summaries import summary
from .findings import LOST, REPAIRED, Report

_KEYS = {
    "meta": "key",
    "experiments": "experiment_id",
    "experiment_tags": "experiment_id, key",
    "runs": "run_id",
    "params": "run, key",
    "tags": "run, key",
    "artifacts": "run, path",
    "latest_metrics": "series",
    "registered_models": "name",
    "registered_model_tags": "name, key",
    "registered_model_aliases": "name, alias",
    "model_versions": "name, version",
    "model_version_tags": "name, version, key",
    "model_gates": "name, stage, gate",
    "journals": "journal",
}
"""What names a row of each table: no two have the same."""

_OF_A_RUN = ("params", "param_history", "tags", "latest_metrics", "inputs", "artifacts")

_SUMMARY = (
    "step",
    "timestamp",
    "value",
    "points",
    "first_step",
    "first_timestamp",
    "first_value",
    "min_value",
    "max_value",
    "numbers",
)
_ACTUAL = f"SELECT * FROM ({summary('metrics.series', 'metrics', 'metrics')})"
# A sum depends on the order of its parts.
_DIFFERS = (
    " OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in _SUMMARY)
    + " OR NOT COALESCE(old.total = new.total OR abs(old.total - new.total) <= 1e-6 * greatest(abs(new.total), 1) "
    "OR isnan(old.total - new.total), false)"
)


def check_tables(cursor: Cursor, report: Report, repair: bool) -> None:
    """Everything that can be seen in the tables alone. The order matters: later checks count on earlier repairs."""
    for check in (_duplicates, _orphans, _orphan_points, _experiments, _models, _latest):
        check(cursor, report, repair)


def check_numbers(cursor: Cursor, report: Report, repair: bool) -> None:
    """Rows whose run or series is gone. Before anything is applied: the next new one could get the number of theirs."""
    for check in (_orphans, _orphan_points):
        check(cursor, report, repair)


def check_writers(cursor: Cursor, journals: Path, report: Report, repair: bool) -> None:
    """Runs that are RUNNING although no journal of their writer is left."""
    running = cursor.execute(
        "SELECT run, run_id, writer FROM runs WHERE status = $1 AND writer IS NOT NULL", [RunStatus.RUNNING]
    ).fetchall()
    writers = JournalFolder(journals).writers()
    left = [(run, run_id) for run, run_id, writer in running if writer not in writers]
    if not left:
        return
    finding = report.add(
        "run", f"{_some(left, 'run is', 'runs are')} RUNNING and no process writes them.", "they end as KILLED."
    )
    if repair:
        for run, _ in left:
            cursor.execute(
                "UPDATE runs SET status = $1, end_time = GREATEST($2, start_time) WHERE run = $3",
                [RunStatus.KILLED, now(), run],
            )
            _set_tag(cursor, run, KILLED, "no process was writing it when doctor looked")
        finding.state = REPAIRED


def _duplicates(cursor: Cursor, report: Report, repair: bool) -> None:
    for table, keys in _KEYS.items():
        count = _count(cursor, f"SELECT COUNT(*) - COUNT(DISTINCT ({keys},)) FROM {table}")
        if not count:
            continue
        finding = report.add(
            "duplicate", f"{table} has {count} row(s) more than it has different ({keys}).", "the last of each stays."
        )
        if repair:
            cursor.execute(f"DELETE FROM {table} WHERE rowid NOT IN (SELECT MAX(rowid) FROM {table} GROUP BY {keys})")
            finding.state = REPAIRED


def _orphans(cursor: Cursor, report: Report, repair: bool) -> None:
    rows = " UNION ".join(f"SELECT run FROM {table}" for table in _OF_A_RUN)
    orphans = cursor.execute(
        f"SELECT run FROM ({rows}) WHERE run NOT IN (SELECT run FROM runs) ORDER BY run"
    ).fetchall()
    if not orphans:
        return
    finding = report.add(
        "orphan",
        f"The table runs lacks {_some(orphans, 'run', 'runs')} that other tables have rows of.",
        f"each is made again, with an id of its own, the name 'recovered' and the tag {RECOVERED}.",
    )
    if repair:
        for (run,) in orphans:
            add_run(cursor, run=run)
        finding.state = LOST


def _orphan_points(cursor: Cursor, report: Report, repair: bool) -> None:
    where = "WHERE series NOT IN (SELECT series FROM latest_metrics)"
    series = cursor.execute(f"SELECT DISTINCT series FROM metrics {where} ORDER BY series").fetchall()
    if not series:
        return
    points = _count(cursor, f"SELECT COUNT(*) FROM metrics {where}")
    finding = report.add(
        "orphan",
        f"{points:,} points of {_some(series, 'series', 'series')} belong to no run: their rows in latest_metrics are "
        "gone.",
        "they become metrics named 'series N' of a run named 'recovered'.",
    )
    if repair:
        run = add_run(cursor)
        cursor.execute(
            f"INSERT INTO latest_metrics BY NAME SELECT {run} AS run, 'series ' || series AS key, * FROM ({_ACTUAL}) "
            f"{where}"
        )
        finding.state = LOST


def _experiments(cursor: Cursor, report: Report, repair: bool) -> None:
    missing = cursor.execute(
        "SELECT DISTINCT experiment_id FROM runs WHERE experiment_id NOT IN (SELECT experiment_id FROM experiments) "
        "UNION SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM experiments WHERE experiment_id = 0) ORDER BY 1"
    ).fetchall()
    if not missing:
        return
    finding = report.add(
        "orphan",
        f"{_some(missing, 'experiment', 'experiments')} that runs belong to are gone: {_listed(missing)}.",
        "each is made again, with the name 'recovered-ID'.",
    )
    if repair:
        for (experiment_id,) in missing:
            time = now()
            name = f"recovered-{experiment_id}" if experiment_id else "Default"
            cursor.execute(
                "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, "
                "last_update_time) VALUES ($1, $2, $3, $4, $5, $6)",
                [experiment_id, name, f"artifacts:{experiment_id}", LifecycleStage.ACTIVE, time, time],
            )
        finding.state = LOST


def _models(cursor: Cursor, report: Report, repair: bool) -> None:
    missing = cursor.execute(
        "SELECT name FROM (SELECT name FROM model_versions UNION SELECT name FROM model_gates) "
        "WHERE name NOT IN (SELECT name FROM registered_models) ORDER BY name"
    ).fetchall()
    if missing:
        finding = report.add(
            "orphan",
            f"Registered models that have versions or gates are gone: {_listed(missing)}.",
            "each is made again.",
        )
        if repair:
            for (name,) in missing:
                cursor.execute(
                    "INSERT INTO registered_models (name, description, creation_time, last_update_time, next_version) "
                    "VALUES ($1, '', $2, $2, 1)",
                    [name, now()],
                )
            finding.state = LOST
    behind = (
        "registered_models SET next_version = newest.version + 1 FROM (SELECT name, MAX(version) AS version "
        "FROM model_versions GROUP BY name) AS newest WHERE newest.name = registered_models.name "
        "AND next_version <= newest.version"
    )
    selected = behind.replace("registered_models SET next_version = newest.version + 1 FROM", "registered_models,", 1)
    if count := _count(cursor, f"SELECT COUNT(*) FROM {selected}"):
        finding = report.add(
            "registry", f"{count} model(s) would give a version number a second time.", "they count on from the newest."
        )
        if repair:
            cursor.execute(f"UPDATE {behind}")
            finding.state = REPAIRED
    for table, what in (("registered_model_aliases", "aliases point"), ("model_version_tags", "tags belong")):
        where = f"FROM {table} WHERE (name, version) NOT IN (SELECT (name, version) FROM model_versions)"
        if count := _count(cursor, f"SELECT COUNT(*) {where}"):
            finding = report.add("orphan", f"{count} {what} to model versions that are gone.", "they are removed.")
            if repair:
                cursor.execute(f"DELETE {where}")
                finding.state = LOST


def _latest(cursor: Cursor, report: Report, repair: bool) -> None:
    """`latest_metrics` against the points that it sums up."""
    no_points = "FROM latest_metrics WHERE series NOT IN (SELECT series FROM metrics)"
    if count := _count(cursor, f"SELECT COUNT(*) {no_points}"):
        finding = report.add(
            "metrics", f"All points of {count} series are gone.", "the first and the last are known and put back."
        )
        if repair:
            cursor.execute(
                f"INSERT INTO metrics (series, step, timestamp, value) SELECT series, first_step, first_timestamp, "
                f"first_value {no_points} AND points > 1 UNION ALL SELECT series, step, timestamp, value {no_points}"
            )
            finding.state = LOST
    differing = f"latest_metrics AS old JOIN ({_ACTUAL}) AS new ON new.series = old.series WHERE {_DIFFERS}"
    rows = cursor.execute(f"SELECT COUNT(*), COALESCE(SUM(old.points - new.points), 0) FROM {differing}").fetchall()
    count, fewer = rows[0]
    if not count:
        return
    lost = f" {int(fewer):,} points are gone." if fewer > 0 else ""
    finding = report.add(
        "metrics",
        f"latest_metrics says something else than the points of {count} series.{lost}",
        "it is computed again from the points that are there.",
    )
    if repair:
        columns = ", ".join(f"{column} = new.{column}" for column in (*_SUMMARY, "total"))
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE right_ones AS SELECT new.* FROM {differing}",
        )
        cursor.execute(
            f"UPDATE latest_metrics SET {columns} FROM right_ones AS new WHERE new.series = latest_metrics.series"
        )
        finding.state = LOST if fewer > 0 else REPAIRED


def add_run(cursor: Cursor, run: int | None = None, run_id: str | None = None, experiment_id: int = 0) -> int:
    """Make a run in the place of one whose row was lost; its number."""
    if run is None:
        # Beyond every number that a row may still speak of.
        tables = " UNION ALL ".join(f"SELECT MAX(run) AS run FROM {table}" for table in ("runs", *_OF_A_RUN))
        run = _count(cursor, f"SELECT COALESCE(MAX(run), 0) FROM ({tables})") + 1
    run_id = run_id or new_id()
    named = cursor.execute("SELECT value FROM tags WHERE run = $1 AND key = $2", [run, RUN_NAME]).fetchone()
    time = now()
    cursor.execute(
        "INSERT INTO runs (run, run_id, experiment_id, name, user_id, status, start_time, end_time, artifact_uri, "
        "lifecycle_stage) VALUES ($1, $2, $3, $4, '', $5, $6, $6, $7, $8)",
        [
            run,
            run_id,
            experiment_id,
            named[0] if named else "recovered",
            RunStatus.KILLED,
            time,
            f"artifacts:{experiment_id}/{run_id}/artifacts",
            LifecycleStage.ACTIVE,
        ],
    )
    _set_tag(cursor, run, RECOVERED, "its row in the table runs was lost")
    return run


def _set_tag(cursor: Cursor, run: int, key: str, value: str) -> None:
    cursor.execute("DELETE FROM tags WHERE run = $1 AND key = $2", [run, key])
    cursor.execute("INSERT INTO tags (run, key, value) VALUES ($1, $2, $3)", [run, key, value])


def _count(cursor: Cursor, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _some(rows: list[Any], one: str, many: str) -> str:
    return f"{len(rows):,} {one if len(rows) == 1 else many}"


def _listed(rows: list[tuple[Any, ...]]) -> str:
    shown = ", ".join(str(row[0]) for row in rows[:5])
    return shown if len(rows) <= 5 else f"{shown} and {len(rows) - 5:,} more"
