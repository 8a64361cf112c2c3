"""The best other run so far of a run's experiment, by the metric that the experiment is judged by."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..directions import Directions
from ..entities import Run, RunStatus
from ..names import SYSTEM, filter_name, filter_value, has_filter_name
from .contract import BestRun
from .curves import FEWEST_POINTS, Curve, curves_of
from .runs import is_held_out
from .source import Source

MOST_POINTS = 200
"""The most points of a curve of the best run. It is drawn as a thin line behind the run's own."""
INTERVAL = 5.0
"""The fewest seconds between two searches, while the run goes on."""
SHARE = 0.001
"""The share of one core that searches may take. In an experiment of 10,000 runs they are further apart."""
_LARGEST = 1.7e308


@dataclass(frozen=True, slots=True)
class Best:
    """The best run and its curves of the metrics on the page."""

    row: BestRun | None
    curves: list[Curve]


class BestSoFar:
    """Finds the best run again every few seconds, and reads the curves of an ended one once."""

    def __init__(self) -> None:
        self._asked: tuple[str, str | None, list[str], int] | None = None
        self._due = 0.0
        self._found = Best(None, [])
        self._is_final = False

    def read(self, source: Source, run: Run, keys: Sequence[str], max_points: int) -> Best:
        """Return the best run as it was at most a few seconds ago. The caller has a snapshot of the store.

        Args:
            source: The store.
            run: The run that is shown.
            keys: The metrics on the page.
            max_points: How many points a curve of the run itself has.
        """
        own = [key for key in keys if not key.startswith(SYSTEM)]
        metric = judged_by(run.data.metrics, source.directions)
        asked = run.info.run_id, metric, own, max(min(max_points, MOST_POINTS), FEWEST_POINTS)
        began = time.monotonic()
        if asked != self._asked or began >= self._due:
            same = self._found.row if asked == self._asked and self._is_final else None
            self._asked = asked
            row, ended = best_run(source, run, metric)
            if row is None or same is None or row["run_id"] != same["run_id"]:
                curves = curves_of(source.reading.points([row["run_id"]], own, "step", asked[3])) if row else []
                self._found = Best(row, curves)
            self._is_final = ended
            self._due = began + max(INTERVAL, (time.monotonic() - began) / SHARE)
        return self._found


def best_run(source: Source, run: Run, metric: str | None) -> tuple[BestRun | None, bool]:
    """Return the run of the same experiment with the best last value of a metric, and whether it has ended."""
    if metric is None:
        return None, False
    name = filter_name("metrics", metric)
    order = f"{name} {'ASC' if source.directions.lower_is_better(metric) else 'DESC'}"
    found = source.reading.survey(
        [run.info.experiment_id],
        f"attributes.run_id != {filter_value(run.info.run_id)} AND {name} > -{_LARGEST} AND {name} < {_LARGEST}",
        [order],
        0,
        1,
        False,
        None,
        [],
        [metric],
        (),
        None,
        False,
    )
    if not found.runs:
        return None, False
    (best,) = found.runs
    value = best.data.metrics[metric]
    row: BestRun = {"run_id": best.info.run_id, "run_name": best.info.run_name, "metric": metric, "value": value}
    return row, best.info.status in RunStatus.ENDED


def judged_by(metrics: Iterable[str], directions: Directions) -> str | None:
    """Return the metric by which the runs of an experiment are compared, or None if a run has no metric yet.

    This is the first metric with a direction that was defined for the store, or else the first that is measured on
    held-out data, or else the first loss, or else the first.
    """
    own = sorted(key for key in metrics if not key.startswith(SYSTEM) and has_filter_name(key))
    preferences = (lambda key: directions.defined_mode(key) is not None, is_held_out, directions.lower_is_better)
    return next((key for prefer in preferences for key in own if prefer(key)), own[0] if own else None)
