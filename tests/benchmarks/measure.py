"""One measurement in a process of its own: `python -m tests.benchmarks.measure WHAT TRACKER FOLDER` prints JSON."""

from __future__ import annotations

import importlib
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.trackers import TRACKERS
from tests.benchmarks.workload import FILL, reads

WARM_UP = 50


def log(name: str, folder: Path) -> dict[str, Any]:
    """Microseconds a call of one process: each call's own, and the mean with the closing of the run."""
    tracker = TRACKERS[name](folder)
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


def die(name: str, folder: Path) -> dict[str, Any]:
    """Log 1,000 points and be killed with the last call's return."""
    call = TRACKERS[name](folder).open()
    for step in range(1_000):
        call(1 / (step + 1), step)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def kept(name: str, folder: Path) -> dict[str, Any]:
    return {"kept": TRACKERS[name](folder).kept()}


def import_time(name: str, folder: Path) -> dict[str, Any]:
    start = time.perf_counter()
    importlib.import_module(TRACKERS[name].module)
    return {"ms": (time.perf_counter() - start) * 1e3}


def first(name: str, folder: Path) -> dict[str, Any]:
    """Milliseconds from nothing imported to the first point logged: `import nbtrack` alone defers most of its cost."""
    start = time.perf_counter()
    tracker = TRACKERS[name](folder)
    tracker.open()(0.5, 0)
    ms = (time.perf_counter() - start) * 1e3
    tracker.close()
    return {"ms": ms}


def fill(name: str, folder: Path) -> dict[str, Any]:
    start = time.perf_counter()
    FILL[name](folder)
    return {"seconds": time.perf_counter() - start}


def read(name: str, folder: Path) -> dict[str, Any]:
    """Milliseconds of each read in a process that did not write: the median of as many calls as fit in two seconds."""
    module = importlib.import_module(name)
    module.set_tracking_uri(str(folder / ".nbtrack") if name == "nbtrack" else f"sqlite:///{folder}/mlflow.db")
    return {what: _median_ms(call) for what, call in reads(module).items()}


def _median_ms(call: Callable[[], Any]) -> float:
    times: list[float] = []
    while len(times) < 5 or (sum(times) < 2 and len(times) < 100):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


WHAT = {"log": log, "die": die, "kept": kept, "import": import_time, "first": first, "fill": fill, "read": read}

if __name__ == "__main__":
    what, tracker_name, folder_name = sys.argv[1:]
    answer = WHAT[what](tracker_name, Path(folder_name))
    print(f"\n{json.dumps(answer)}", flush=True)
