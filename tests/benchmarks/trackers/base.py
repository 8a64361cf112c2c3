"""What is asked of each tracker: one run, logged as its documentation says, and a team's store, written and read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from tests.benchmarks import workload as w


class Tracker:
    """A tracker whose files are in `folder`.

    Settings that only cost time here (console capture, system metrics, dashboards, network) are off for everybody.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    module: ClassVar[str]
    points: ClassVar[int]
    """Points to log one by one: fewer where one takes milliseconds, so that everybody is measured over some seconds."""
    unreadable: ClassVar[str] = ""
    """Why it has no search and no curves, where it has none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- one run -------------------------------------------------------------------------------------------------

    def open(self) -> Callable[[float, int], Any]:
        """Begin a run, and return the tracker's own call, bound once, that logs the metric `loss` at a step."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def kept(self) -> int:
        """Points of `loss` found in the folder by a process that did not write them."""
        raise NotImplementedError

    # -- a team's store ------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """What a process does once before it writes or reads."""

    def add(self, run: w.TeamRun) -> None:
        """Log a whole run, by the fastest way that the tracker has for one."""
        raise NotImplementedError

    def finish(self) -> None:
        """What it takes until a search finds the runs that were added."""

    def look_up(self) -> None:
        """Find the runs whose curves will be asked for; not timed."""

    def search(self) -> Any:
        """The best runs of the team's that match."""
        raise NotImplementedError

    def found(self, answer: Any) -> list[float]:
        """What `search` found, as the values of the metric that it orders by."""
        raise NotImplementedError

    def frame(self) -> Any:
        """All the team's runs as a DataFrame: last metrics, params, tags."""
        raise NotImplementedError

    def curves(self, most: int | None) -> Any:
        """The curves of the long runs, thinned out to about `most` points each, or whole."""
        raise NotImplementedError

    def histories(self) -> Any:
        """The points of one metric of as many of the team's runs, run by run through the public API."""
        raise NotImplementedError

    def lengths(self, answer: Any) -> list[int]:
        """How many points each curve of `curves` or `histories` has."""
        return [len(curve) for curve in answer]

    def fill(self, runs: int, seconds: float) -> dict[str, Any]:
        """Add the team's runs and the long ones; stop after `seconds`, and say how many of the team's were added."""
        start = time.perf_counter()
        self.connect()
        numbers = [*range(runs), *(() if self.unreadable else range(runs, runs + w.LONG_RUNS))]
        added = points = 0
        team = 0.0
        for number in numbers:
            if time.perf_counter() - start > seconds:
                break
            run = w.team_run(number) if number < runs else w.long_run(number)
            self.add(run)
            added += 1
            points += sum(map(len, run.metrics.values()))
            if number < runs:
                team = time.perf_counter() - start
        self.finish()
        return {
            "seconds": time.perf_counter() - start,
            "team_seconds": team,
            "runs": min(added, runs),
            "complete": added == len(numbers),
            "points": points,
        }


def count_rows(database: Path, query: str) -> int:
    """What a counting query says; 0 where the writer died before it made the table."""
    with sqlite3.connect(database) as db:
        try:
            return int(db.execute(query).fetchone()[0])
        except sqlite3.OperationalError:
            return 0
