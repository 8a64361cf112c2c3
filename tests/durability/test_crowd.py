"""Many writers and readers at once: every point is stored once, and the time of each operation is measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import nbtrack

from .children import LONG, finish, start

SECONDS = 60 if LONG else 8
WRITERS, READERS = 8, 4

WRITE = """
from time import perf_counter_ns
times = []
print("ready", flush=True); sys.stdin.readline()
end = time.monotonic() + float(sys.argv[1])
logged = {}
while time.monotonic() < end:
    with nbtrack.start_run() as run:
        for step in range(2000):
            before = perf_counter_ns()
            nbtrack.log_metric("m", step, step=step)
            times.append(perf_counter_ns() - before)
            # As fast as a loop of a millisecond a step could: the machine is shared with eleven others.
            time.sleep(0.0005)
            if time.monotonic() > end:
                break
        logged[run.info.run_id] = step + 1
print(json.dumps([logged, times]))
"""

READ = """
times = []
print("ready", flush=True); sys.stdin.readline()
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    before = time.perf_counter_ns()
    nbtrack.MlflowClient().search_runs(["0"], "metrics.m > 10", order_by=["metrics.m DESC"], max_results=20)
    times.append(time.perf_counter_ns() - before)
    counts = nbtrack.sql("SELECT run_id, COUNT(*) AS n, COUNT(DISTINCT step) AS steps, MAX(step) + 1 AS last "
                         "FROM metrics GROUP BY run_id")
    assert (counts.n == counts.steps).all() and (counts.n == counts["last"]).all()
print(json.dumps(times))
"""


@pytest.mark.slow
def test_eight_writers_and_four_readers_at_once(own_store: Path, measured: Callable[[str, float], None]) -> None:
    nbtrack.search_runs()
    writers = [start(WRITE, str(SECONDS)) for _ in range(WRITERS)]
    readers = [start(READ, str(SECONDS)) for _ in range(READERS)]
    for child in (*writers, *readers):
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in (*writers, *readers):
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    time.sleep(SECONDS)
    results = [finish(child) for child in (*writers, *readers)]
    assert [warning for result in results for warning in result.warnings] == []
    logged: dict[str, int] = {}
    log_times: list[int] = []
    for result in results[:WRITERS]:
        runs, times = json.loads(result.lines[-1])
        logged |= runs
        log_times += times
    read_times = sorted(time for result in results[WRITERS:] for time in json.loads(result.lines[-1]))
    counts = nbtrack.sql(
        "SELECT run_id, COUNT(*) AS n, COUNT(DISTINCT step) AS steps FROM nbtrack.metrics GROUP BY run_id"
    )
    assert {row.run_id: (row.n, row.steps) for row in counts.itertuples()} == {
        run_id: (n, n) for run_id, n in logged.items()
    }
    assert {run.info.status for run in nbtrack.search_runs(output_format="list")} == {"FINISHED"}
    log_times.sort()
    measured("crowd: points logged, each there once", len(log_times))
    measured("crowd: log call, p50 in µs", log_times[len(log_times) // 2] / 1e3)
    measured("crowd: log call, p99.9 in µs", log_times[len(log_times) * 999 // 1000] / 1e3)
    measured("crowd: searches", len(read_times))
    measured("crowd: search, p50 in ms", read_times[len(read_times) // 2] / 1e6)
    measured("crowd: search, p99 in ms", read_times[len(read_times) * 99 // 100] / 1e6)
