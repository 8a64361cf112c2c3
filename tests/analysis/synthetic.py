"""Writes rows directly into the tables, because logging them would take hours."""

from __future__ import annotations

from nbtrack.store import open_store


def fill(runs: int, params: int = 0, metrics: int = 0, tags: int = 0, points: int = 1) -> None:
    """Add finished runs to experiment 0. Each metric has `points` points with random values."""
    with open_store().writing() as cursor:
        before = (cursor.execute("SELECT COALESCE(MAX(run), 0) FROM runs").fetchone() or (0,))[0]
        numbers = f"range({before} + 1, {before} + {runs} + 1) AS r(run)"
        cursor.execute(
            f"""
            INSERT INTO runs SELECT run, md5('run' || run), 0, 'run-' || run, 'ada', 'FINISHED',
                1790000000000 + run * 1000, 1790000000500 + run * 1000, 'artifacts:0/' || run, 'active', NULL, NULL
            FROM {numbers}
            """
        )
        cursor.execute(
            f"""
            INSERT INTO params (run, key, value, number, timestamp)
            SELECT run, 'p' || k, v::VARCHAR, v, 1790000000000 FROM (
                SELECT run, k, round(random(), 2) AS v FROM {numbers}, range({params}) AS t(k)) ORDER BY run
            """
        )
        cursor.execute(
            f"""
            INSERT INTO tags (run, key, value) SELECT run, 'tag' || k, 'value ' || (run * k) % 7
            FROM {numbers}, range({tags}) AS t(k) ORDER BY run
            """
        )
        if metrics == 0:
            return
        # As it is logged: within a run the metrics take turns, and each apply sorts what it takes by series.
        cursor.execute(
            f"""
            INSERT INTO metrics (series, step, timestamp, value)
            SELECT (run - 1) * {metrics} + k + 1, step, 1790000000000 + run * 1000 + step, random()
            FROM {numbers}, range({metrics}) AS t(k), range({points}) AS s(step) ORDER BY ALL
            """
        )
        cursor.execute(
            f"""
            INSERT INTO latest_metrics BY NAME
            SELECT series, run, 'm' || k AS key, max(step) AS step, max(timestamp) AS timestamp,
                   arg_max(value, step) AS value, count(*) AS points, 0 AS first_step,
                   min(timestamp) AS first_timestamp,
                   arg_min(value, step) AS first_value, min(value) AS min_value, max(value) AS max_value,
                   sum(value) AS total, count(*) AS numbers
            FROM (SELECT *, (series - 1) // {metrics} + 1 AS run, (series - 1) % {metrics} AS k FROM metrics)
            WHERE run > {before} GROUP BY series, run, k ORDER BY series
            """
        )
