"""Checks of what must hold between the tables, and the repair of each problem.

No row with data is deleted. If what a row refers to is missing, it is created again under the name `recovered`.
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
from .findings import LOST, REPAIRED, Report, counted

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
    "settings": "kind, name",
    "journals": "journal",
}
"""The columns that identify a row of each table. No two rows may have the same values in them."""

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
# The sum of floats depends on their order.
_DIFFERS = (
    " OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in _SUMMARY)
    + " OR NOT COALESCE(old.total = new.total OR abs(old.total - new.total) <= 1e-6 * greatest(abs(new.total), 1) "
    "OR isnan(old.total - new.total), false)"
)


def check_tables(cursor: Cursor, report: Report, repair: bool) -> None:
    """Check everything that the tables alone can show. The order matters: later checks rely on earlier repairs."""
    for check in (_duplicates, _orphans, _orphan_points, _experiments, _models, _latest):
        check(cursor, report, repair)


def check_numbers(cursor: Cursor, report: Report, repair: bool) -> None:
    """Check for rows whose run or series is missing.

    This must happen before anything is applied, because a new run or series could get the same number.
    """
    for check in (_orphans, _orphan_points):
        check(cursor, report, repair)


def check_writers(cursor: Cursor, journals: Path, report: Report, repair: bool) -> None:
    """Check for runs with status RUNNING whose writer has no journal any more."""
    running = cursor.execute(
        "SELECT run, run_id, writer FROM runs WHERE status = $1 AND writer IS NOT NULL", [RunStatus.RUNNING]
    ).fetchall()
    writers = JournalFolder(journals).writers()
    left = [(run, run_id) for run, run_id, writer in running if writer not in writers]
    if not left:
        return
    finding = report.add(
        "run",
        f"{counted(len(left), 'run has', 'runs have')} the status RUNNING, but no process writes to "
        f"{'it' if len(left) == 1 else 'them'}.",
        "The status is set to KILLED.",
    )
    if repair:
        for run, _ in left:
            cursor.execute(
                "UPDATE runs SET status = $1, end_time = GREATEST($2, start_time) WHERE run = $3",
                [RunStatus.KILLED, now(), run],
            )
            _set_tag(cursor, run, KILLED, "no process was writing to the run when doctor checked it")
        finding.state = REPAIRED


def _duplicates(cursor: Cursor, report: Report, repair: bool) -> None:
    for table, keys in _KEYS.items():
        count = _count(cursor, f"SELECT COUNT(*) - COUNT(DISTINCT ({keys},)) FROM {table}")
        if not count:
            continue
        finding = report.add(
            "duplicate",
            f"The table {table} has {counted(count, 'duplicate row')} with the same {keys.replace(', ', ' and ')}.",
            "The last row of each group of duplicates is kept.",
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
        f"{counted(len(orphans), 'run is', 'runs are')} missing in the table runs, but other tables have rows that "
        f"belong to {'it' if len(orphans) == 1 else 'them'}.",
        f"Each missing run is created again, with a new ID, the name 'recovered' and the tag {RECOVERED}.",
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
        f"{counted(points, 'metric point')} of {counted(len(series), 'series', 'series')} cannot be assigned to a run, "
        f"because {'its row is' if len(series) == 1 else 'their rows are'} missing in the table latest_metrics.",
        "The points become metrics named 'series N' of a new run named 'recovered'.",
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
        f"{counted(len(missing), 'experiment is', 'experiments are')} missing (ID {_listed(missing)}), but runs belong "
        f"to {'it' if len(missing) == 1 else 'them'}.",
        "Each missing experiment is created again, with the name 'recovered-ID' (for ID 0: 'Default').",
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
            f"{counted(len(missing), 'registered model is', 'registered models are')} missing, but "
            f"{'its' if len(missing) == 1 else 'their'} versions or gates exist: {_listed(missing)}.",
            "Each missing model is created again.",
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
            "registry",
            f"{counted(count, 'registered model')} would assign an existing version number again.",
            "Numbering continues after the newest version.",
        )
        if repair:
            cursor.execute(f"UPDATE {behind}")
            finding.state = REPAIRED
    for table, one, many in (
        ("registered_model_aliases", "alias refers", "aliases refer"),
        ("model_version_tags", "tag belongs", "tags belong"),
    ):
        where = f"FROM {table} WHERE (name, version) NOT IN (SELECT (name, version) FROM model_versions)"
        if count := _count(cursor, f"SELECT COUNT(*) {where}"):
            finding = report.add(
                "orphan",
                f"{counted(count, one, many)} to model versions that do not exist.",
                f"{many.split()[0].capitalize()} of missing model versions are deleted.",
            )
            if repair:
                cursor.execute(f"DELETE {where}")
                finding.state = LOST


def _latest(cursor: Cursor, report: Report, repair: bool) -> None:
    """Compare `latest_metrics` with the points that it summarizes."""
    no_points = "FROM latest_metrics WHERE series NOT IN (SELECT series FROM metrics)"
    if count := _count(cursor, f"SELECT COUNT(*) {no_points}"):
        finding = report.add(
            "metrics",
            f"All points of {counted(count, 'metric')} are missing.",
            "The first and the last point, which the table latest_metrics still has, are inserted again.",
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
    lost = f" {counted(int(fewer), 'point is', 'points are')} missing." if fewer > 0 else ""
    finding = report.add(
        "metrics",
        f"The table latest_metrics does not match the points of {counted(count, 'metric')}.{lost}",
        "The table is computed again from the points that exist.",
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
    """Create a run in place of one whose row was lost, and return its number."""
    if run is None:
        # The number must be above all that rows still refer to.
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


def _listed(rows: list[tuple[Any, ...]]) -> str:
    shown = ", ".join(str(row[0]) for row in rows[:5])
    return shown if len(rows) <= 5 else f"{shown} and {len(rows) - 5:,} more"
