"""One measurement in a process of its own: `python -m tests.benchmarks.measure WHAT TRACKER FOLDER [NUMBER]` prints
JSON."""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import synthetic
from tests.benchmarks import workload as w
from tests.benchmarks.trackers import TRACKERS, Tracker

WARM_UP = 50
BACKLOG = 20_000 if w.QUICK else 1_000_000
"""Points that one apply finds waiting."""
FILL_SECONDS = 600.0
"""Most that a tracker may take to be filled."""
WRITE_ONLY_SECONDS = 10.0 if w.QUICK else 60.0
"""The same for one that reads nothing back."""


# -- one run ---------------------------------------------------------------------------------------------------------


def log(tracker: Tracker, _: int) -> dict[str, Any]:
    """Microseconds a call of one process: each call's own, and the mean with the closing of the run."""
    call = tracker.open()
    for step in range(WARM_UP):
        call(0.5, step)
    clock, times = time.perf_counter_ns, []
    began = clock()
    for step in range(WARM_UP, WARM_UP + tracker.points):
        start = clock()
        call(1 / (step + 1), step)
        times.append(clock() - start)
    tracker.close()
    whole = clock() - began
    times.sort()
    return {
        "points": tracker.points,
        "median_us": statistics.median(times) / 1e3,
        "p99_us": times[len(times) * 99 // 100] / 1e3,
        "mean_with_close_us": whole / tracker.points / 1e3,
    }


def die(tracker: Tracker, _: int) -> dict[str, Any]:
    """Log 1,000 points and be killed with the last call's return."""
    call = tracker.open()
    for step in range(1_000):
        call(1 / (step + 1), step)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def kept(tracker: Tracker, _: int) -> dict[str, Any]:
    return {"kept": tracker.kept()}


def import_time(tracker: Tracker, _: int) -> dict[str, Any]:
    start = time.perf_counter()
    importlib.import_module(tracker.module)
    return {"ms": (time.perf_counter() - start) * 1e3}


def first(tracker: Tracker, _: int) -> dict[str, Any]:
    """Milliseconds from nothing imported to the first point logged: `import nbtrack` alone defers most of its cost."""
    start = time.perf_counter()
    tracker.open()(0.5, 0)
    ms = (time.perf_counter() - start) * 1e3
    tracker.close()
    return {"ms": ms}


# -- a team's store --------------------------------------------------------------------------------------------------


def fill(tracker: Tracker, runs: int) -> dict[str, Any]:
    return tracker.fill(runs, WRITE_ONLY_SECONDS if tracker.unreadable else FILL_SECONDS)


def synthesize(tracker: Tracker, runs: int) -> dict[str, Any]:
    start = time.perf_counter()
    points = synthetic.fill(tracker.folder, runs)
    return {"runs": runs, "complete": True, "points": points, "seconds": time.perf_counter() - start}


def search(tracker: Tracker, runs: int) -> dict[str, Any]:
    found, wanted = tracker.found(tracker.search()), w.best(runs)
    assert len(found) == len(wanted), (found, wanted)
    assert all(abs(one - other) < 1e-9 for one, other in zip(found, wanted, strict=True)), (found, wanted)
    return _timed(tracker.search)


def frame(tracker: Tracker, runs: int) -> dict[str, Any]:
    table = tracker.frame()
    values = next(table[column] for column in table.columns if column.endswith(w.SEARCHED))
    assert len(table) == runs, len(table)
    assert all(abs(one - other) < 1e-9 for one, other in zip(sorted(values), sorted(w.last_values(runs)), strict=True))
    assert sum(any(column.endswith(key) for column in table.columns) for key in (*w.PARAMS, *w.TAGS)) >= 26
    del table, values
    return _timed(tracker.frame)


def thinned(tracker: Tracker, _: int) -> dict[str, Any]:
    lengths = tracker.lengths(tracker.curves(w.SAMPLED))
    assert len(lengths) == w.LONG_RUNS, len(lengths)
    # Each has its own idea of what "about" means, and is taken at its word.
    assert all(w.SAMPLED / 2 <= length <= 1.1 * w.SAMPLED for length in lengths), lengths
    return {"points": sum(lengths), **_timed(lambda: tracker.curves(w.SAMPLED))}


def whole(tracker: Tracker, _: int) -> dict[str, Any]:
    lengths = tracker.lengths(tracker.curves(None))
    assert lengths == [w.LONG_STEPS] * w.LONG_RUNS, lengths
    return _timed(lambda: tracker.curves(None))


def histories(tracker: Tracker, _: int) -> dict[str, Any]:
    lengths = tracker.lengths(tracker.histories())
    assert lengths == [w.STEPS] * w.LONG_RUNS, lengths
    return _timed(tracker.histories)


def apply(tracker: Tracker, _: int) -> dict[str, Any]:
    """Points a second from a journal to the tables, and what one more point costs whoever reads next. Ours only."""
    import nbtrack

    rates = []
    for _ in range(3):
        command = [sys.executable, "-m", "tests.benchmarks.measure", "backlog", tracker.name, str(tracker.folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        tracker.connect()
        start = time.perf_counter()
        runs = nbtrack.search_runs(experiment_names=["backlog"], max_results=1, output_format="list")
        rates.append(BACKLOG / (time.perf_counter() - start))
        assert runs[0].data.metrics == {f"metric-{k}": BACKLOG / 10 - 1 + k for k in range(10)}
    nbtrack.set_experiment("backlog")
    client, times = nbtrack.MlflowClient(), []
    with nbtrack.start_run() as run:
        for step in range(20):
            nbtrack.log_metric("loss", 1 / (step + 1), step=step)
            start = time.perf_counter()
            found = client.get_run(run.info.run_id)
            times.append(time.perf_counter() - start)
            assert found.data.metrics == {"loss": 1 / (step + 1)}
    return {
        "points_a_second": statistics.median(rates),
        "one_point_ms": statistics.median(times[5:]) * 1e3,
        "peak_mb": _peak_mb(),
    }


def backlog(tracker: Tracker, _: int) -> dict[str, Any]:
    """Log many points while the store is busy, and be killed: all of them are still to be applied."""
    import filelock

    import nbtrack

    tracker.connect()
    nbtrack.set_experiment("backlog")
    nbtrack.start_run()
    with filelock.FileLock(tracker.folder / ".nbtrack" / "runs.lock"):
        for step in range(BACKLOG // 10):
            nbtrack.log_metrics({f"metric-{k}": step + k for k in range(10)}, step=step)
        os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _timed(call: Callable[[], Any]) -> dict[str, Any]:
    """The median and the best of as many calls as fit in two seconds; they were warmed up by the check."""
    times: list[float] = []
    while len(times) < 3 or (sum(times) < 2 and len(times) < 100):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return {
        "ms": statistics.median(times) * 1e3,
        "min_ms": min(times) * 1e3,
        "calls": len(times),
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """The most memory that this process has had. Linux's `ru_maxrss` begins with that of the parent."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


READS: dict[str, Callable[[Tracker, int], dict[str, Any]]] = {
    "search": search,
    "frame": frame,
    "thinned": thinned,
    "whole": whole,
    "histories": histories,
}
WHAT = {
    **READS,
    "log": log,
    "die": die,
    "kept": kept,
    "import": import_time,
    "first": first,
    "fill": fill,
    "synthesize": synthesize,
    "apply": apply,
    "backlog": backlog,
}

if __name__ == "__main__":
    what, tracker_name, folder_name = sys.argv[1:4]
    measured = TRACKERS[tracker_name](Path(folder_name))
    if what in READS:
        measured.connect()
        measured.look_up()
    answer = WHAT[what](measured, int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    print(f"\n{json.dumps(answer)}", flush=True)
