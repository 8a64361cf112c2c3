"""Runs that a query finds, side by side; which of them are ticked is known on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import traitlets

from ..client import Client
from ..client.run_ids import run_ids_of
from ..client.tracking import PARENT
from ..entities import Run, ViewType
from ..frame import from_columns
from .host import ViewWidget
from .snapshot import Answer, Snapshot

if TYPE_CHECKING:
    import pandas

PAGE = 200
TICKED_AT_FIRST = 5
MAX_POINTS = 1000
SAVED_POINTS = 200
SAVED_SERIES = 10


class Comparison(ViewWidget):
    """A query, a table of the runs that match, and the curves and params of those that are ticked.

    `selected` is a DataFrame of the ticked runs; set it to one, or to run ids or runs, to tick them.
    """

    bundle = "comparison"

    filter_string = traitlets.Unicode().tag(sync=True)
    """The filter that the table shows; setting it queries again."""
    _selected = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        client: Client,
        filter_string: str = "",
        experiment_ids: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
    ) -> None:
        self._order_by = list(order_by)
        self.set_trait("filter_string", filter_string)
        self._best_first = not order_by
        super().__init__(client, experiment_ids)

    @property
    def selected(self) -> pandas.DataFrame:
        """The ticked runs in the order they were ticked, with the columns of `search_runs`."""
        columns = self._client.reading.search_columns(None, "", ViewType.ALL, PAGE, (), run_ids=self._selected)
        return cast("pandas.DataFrame", from_columns(columns, "pandas"))

    @selected.setter
    def selected(self, runs: pandas.DataFrame | Iterable[str | Run]) -> None:
        run_ids = run_ids_of(runs, "selected")
        self._known(run_ids)
        self._selected = run_ids

    def _known(self, run_ids: Sequence[str]) -> list[Run]:
        """The runs, read in one session. NotFound says which one is unknown."""
        return self._client.reading.get_runs(run_ids, strict=True)

    def snapshot(self) -> Snapshot:
        return self._snapshot_of(PAGE, MAX_POINTS, None)

    def thin_snapshot(self) -> Snapshot:
        return self._snapshot_of(PAGE, SAVED_POINTS, SAVED_SERIES)

    def _snapshot_of(self, rows: int, max_points: int, most_series: int | None) -> Snapshot:
        runs = self._runs(rows)
        metric = main_metric(runs.reply, self.filter_string, self._order_by)
        if self._best_first and metric and metric in runs.reply["best"]:
            # Where no order is asked for, the best runs stand on top, and the first of them are ticked.
            self._order_by = [f"{_quoted(metric)} {'ASC' if metric in runs.reply['lower_is_better'] else 'DESC'}"]
            runs = self._runs(rows)
        self._best_first = False
        if not self.trait_has_value("_selected"):
            self._selected = [row["run_id"] for row in runs.reply["rows"][:TICKED_AT_FIRST]]
        ticked = self._selected[:most_series]
        unfolded: list[str] = []
        if runs.reply["nested"] and most_series is None:
            unfolded = self._above(ticked)
            runs = self._runs(rows, grouped=True, unfolded=unfolded)
        elif runs.reply["nested"]:
            # A saved table cannot ask for what it does not have: all of it is unfolded there.
            runs = self._runs(rows, grouped=True, unfolded=None)
            unfolded = [row["run_id"] for row in runs.reply["rows"] if row["children"]]
        answers = {"runs": runs}
        if ticked:
            answers["diff"] = self.ask("diff", {"run_ids": ticked})
        if ticked and metric:
            answers["curves"] = self.ask(
                "curves",
                {
                    "run_ids": ticked,
                    "keys": [metric],
                    "x_axis": "step",
                    "x_min": None,
                    "x_max": None,
                    "max_points": max_points,
                },
            )
        options = {
            "filter": self.filter_string,
            "order_by": self._order_by,
            "selected": ticked,
            "unfolded": unfolded,
        }
        return Snapshot("comparison", options, answers)

    def _above(self, run_ids: Sequence[str]) -> list[str]:
        """The runs that these are nested in, however deep: what is ticked must not be folded away."""
        found: dict[str, None] = {}
        while run_ids:
            runs = self._client.reading.get_runs(run_ids)
            parents = dict.fromkeys(run.data.tags[PARENT] for run in runs if PARENT in run.data.tags)
            run_ids = [run_id for run_id in parents if run_id not in found]
            found |= parents
        return list(found)

    def _runs(self, limit: int, grouped: bool = False, unfolded: Sequence[str] | None = ()) -> Answer:
        request = {
            "filter": self.filter_string,
            "experiment_ids": None,
            "order_by": self._order_by,
            "grouped": grouped,
            "unfolded": None if unfolded is None else list(unfolded),
            "offset": 0,
            "limit": limit,
        }
        return self.ask("runs", request)


def main_metric(reply: Mapping[str, Any], filter_string: str, order_by: Sequence[str]) -> str | None:
    """The metric to show first: one that the query names, else one measured on held-out data, else the first."""
    metrics: list[str] = reply["metrics"]
    named = re.findall(r"metrics?\.(?:`([^`]+)`|\"([^\"]+)\"|([\w./]+))", " ".join([*order_by, filter_string]))
    for groups in named:
        key: str = next(filter(None, groups))
        if key in metrics:
            return key
    held_out = [key for key in metrics if re.match(r"(val|valid|validation|test|eval)\b|(val|test|eval)_", key)]
    # What a study adds to its objective says less of a trial than the objective does.
    added = {f"{word}_{key}" for key in metrics for word in ("best", "intermediate")}
    return next(iter([*held_out, *(key for key in metrics if key not in added), *metrics]), None)


def _quoted(metric: str) -> str:
    quote = '"' if "`" in metric else "`"
    return f"metrics.{quote}{metric}{quote}"
