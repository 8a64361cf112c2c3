"""Stores of ours that are larger than an API could fill in the time: SQL straight into the tables.

The rows are those of `workload.py`, laid out as eight runs at a time leave them that are applied every ten steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks import workload as w

CHUNK = 10_000_000
"""Points that one statement makes, so that memory stays bounded."""
ABREAST, PIECE = 8, 10
"""Runs at a time, and steps of each that are applied together."""


def fill(
    folder: Path, runs: int, steps: int = w.STEPS, long_runs: int = w.LONG_RUNS, long_steps: int = w.LONG_STEPS
) -> int:
    """The team's `runs` runs and the long ones in a new store in `folder`; how many points it holds."""
    import duckdb

    import nbtrack

    nbtrack.set_tracking_uri(str(folder / ".nbtrack"))
    team, long = (int(nbtrack.create_experiment(name)) for name in (w.TEAM, w.LONG))
    with duckdb.connect(":memory:", config={"memory_limit": "3GB", "temp_directory": str(folder)}) as db:
        db.execute(f"ATTACH '{folder}/.nbtrack/runs.duckdb' AS store (STORAGE_VERSION 'v1.5.0')")
        db.execute("USE store")
        _runs(db, team, 0, runs, steps)
        _runs(db, long, runs, long_runs, long_steps)
        _texts(db, runs)
        _points(db, 0, runs, len(w.KEYS), steps, 0)
        _points(db, runs, long_runs, 1, long_steps, runs * len(w.KEYS))
        return _check(db, runs, steps, long_runs, long_steps)


def _runs(db: Any, experiment: int, first: int, count: int, steps: int) -> None:
    """Runs `first`, `first` + 1, … of the workload; in the store they are numbered from 1."""
    db.execute(
        f"""
        INSERT INTO runs (run, run_id, experiment_id, name, user_id, status, start_time, end_time, artifact_uri,
                          lifecycle_stage)
        SELECT i + 1, id, {experiment}, 'run-' || i, {w.text_sql(w.TAGS, "'mlflow.user'", "i")}, 'FINISHED', start,
               start + {steps * w.STEP_MS}, 'artifacts:{experiment}/' || id || '/artifacts', 'active'
        FROM (SELECT i, start, printf('%012x7', start) || left(md5(i::VARCHAR), 19) AS id
              FROM (SELECT i, {w.EPOCH_MS} + i * {w.RUN_MS} AS start FROM range({first}, {first + count}) AS t(i)))
        """
    )


def _texts(db: Any, runs: int) -> None:
    from nbtrack.query.sql import number_in

    db.execute(
        f"""
        INSERT INTO params (run, key, value, number, timestamp)
        SELECT i + 1, key, value, {number_in("value")}, {w.EPOCH_MS} + i * {w.RUN_MS}
        FROM (SELECT i, key, {w.text_sql(w.PARAMS, "key", "i")} AS value
              FROM range({runs}) AS t(i), (SELECT unnest({sorted(w.PARAMS)}) AS key) ORDER BY i, key)
        """
    )
    db.execute(
        f"""
        INSERT INTO tags (run, key, value, number)
        SELECT i + 1, key, value, {number_in("value")}
        FROM (SELECT i, key, CASE key WHEN 'mlflow.runName' THEN 'run-' || i
                                      WHEN 'mlflow.source.git.commit' THEN sha1((i // 10)::VARCHAR)
                                      ELSE {w.text_sql(w.TAGS, "key", "i")} END AS value
              FROM range({runs}) AS t(i), (SELECT unnest({sorted(w.tags(0))}) AS key) ORDER BY i, key)
        """
    )


def _points(db: Any, first: int, count: int, keys: int, steps: int, series: int) -> None:
    """The first `keys` metrics of `count` runs from `first` on; their series are numbered behind `series`."""
    together = ABREAST * keys * PIECE
    block = ABREAST * keys * steps
    blocks = -(-count // ABREAST)
    at_once = max(CHUNK // block, 1)
    for start in range(0, blocks, at_once):
        end = min(start + at_once, blocks)
        db.execute(
            f"""
            INSERT INTO metrics (series, step, timestamp, value)
            SELECT {series} + (run - {first}) * {keys} + key + 1, step,
                   {w.EPOCH_MS} + run * {w.RUN_MS} + step * {w.STEP_MS} + (run + step) * 7919 % 97,
                   {w.value_sql("run", "key", "step")}
            FROM (SELECT {first} + i // {block} * {ABREAST} + i // {keys * PIECE} % {ABREAST} AS run,
                         i // {PIECE} % {keys} AS key, i % {block} // {together} * {PIECE} + i % {PIECE} AS step
                  FROM range({start * block}, {end * block}) AS t(i))
            WHERE run < {first + count}
            """
        )
        # Steps and timestamps rise and no value is NaN: so the plain aggregates give what `apply.summary` does.
        low, high = start * ABREAST * keys, min(end * ABREAST, count) * keys
        db.execute(
            f"""
            INSERT INTO latest_metrics BY NAME
            SELECT series, (series - {series + 1}) // {keys} + {first + 1} AS run,
                   list_extract({list(w.KEYS)}, (series - {series + 1}) % {keys} + 1) AS key,
                   max(step) AS step, max(timestamp) AS timestamp, arg_max(value, step) AS value, count(*) AS points,
                   min(step) AS first_step, min(timestamp) AS first_timestamp, arg_min(value, step) AS first_value,
                   min(value) AS min_value, max(value) AS max_value, sum(value) AS total, count(*) AS numbers
            FROM metrics WHERE series > {series + low} AND series <= {series + high} GROUP BY series ORDER BY series
            """
        )


def _check(db: Any, runs: int, team_steps: int, long_runs: int, long_steps: int) -> int:
    """What the tables hold is what the workload says, and what an apply would have made of it."""
    import numpy as np

    from nbtrack.store.folder.summaries import summary

    points, total, series = db.execute(
        "SELECT (SELECT count(*) FROM metrics), (SELECT sum(points) FROM latest_metrics), "
        "(SELECT count(*) FROM latest_metrics)"
    ).fetchone()
    assert points == total == runs * len(w.KEYS) * team_steps + long_runs * long_steps
    assert series == runs * len(w.KEYS) + long_runs
    for run, key, steps in (
        (0, 0, team_steps),
        (runs // 2, 3, team_steps),
        (runs - 1, 9, team_steps),
        (runs + 7, 0, long_steps),
    ):
        number = min(run, runs) * len(w.KEYS) + max(run - runs, 0) + key + 1
        found = db.execute("SELECT value FROM metrics WHERE series = $1 ORDER BY step", [number]).fetchnumpy()["value"]
        assert np.array_equal(found, w.values(run, key, steps)), (run, key)
        kept = db.execute("SELECT * EXCLUDE (run, key) FROM latest_metrics WHERE series = $1", [number]).df()
        true = db.execute(
            f"SELECT * FROM ({summary('series', f'(SELECT * FROM metrics WHERE series = {number}) AS m', 'm')})"
        ).df()[list(kept.columns)]
        assert np.allclose(kept.to_numpy(float), true.to_numpy(float), rtol=1e-12), (kept, true)
    return int(points)
