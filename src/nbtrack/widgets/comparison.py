"""The runs that match a query, side by side. Python and the screen both know which of them are selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import traitlets

from ..client import Client
from ..client.run_ids import run_ids_of
from ..entities import Run, ViewType
from ..frame import from_columns
from ..tags import PARENT
from ..views.runs import is_held_out, keys_in
from . import picture
from .host import ViewWidget
from .saved import LONGEST_FILTER, MOST_COLUMNS, MOST_ROWS, Page, line, number, time
from .snapshot import Answer, Snapshot
from .table import Table, printable

if TYPE_CHECKING:
    import pandas

PAGE = 200
COLUMNS = 200
"""How many params, and how many metrics, the screen shows first."""
SELECTED_AT_FIRST = 5
MOST_SELECTED = 1_000
"""How many of the selected runs are compared. It is the largest number of runs in one request."""
MAX_POINTS = 1000
SAVED_POINTS = 200
SAVED_SERIES = 10
INDENT = "  "


class Comparison(ViewWidget):
    """A query, a table of the runs that match, and the curves and params of the selected runs side by side.

    `nbtrack.compare()` creates one.

    Args:
        client: Client of the store that has the runs.
        filter_string: Filter of `search_runs`. The empty string matches all runs.
        experiment_ids: IDs of the experiments to search. None searches all experiments.
        order_by: Clauses such as "metrics.loss ASC". By default the best runs by their main metric come first.

    Attributes:
        filter_string: The filter that the table shows. The table follows when it is set.
        selected: The selected runs as a pandas DataFrame. Set it to a DataFrame with a column run_id, or to run IDs or
            runs, to select them on the screen.

    Raises:
        QueryError: If the filter or a clause of the order is not valid.
    """

    screen = "comparison"

    filter_string = traitlets.Unicode().tag(sync=True)
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
        """The selected runs in the order of their selection, with the columns of `search_runs`."""
        columns = self._client.reading.search_columns(None, "", ViewType.ALL, PAGE, (), run_ids=self._selected)
        return cast("pandas.DataFrame", from_columns(columns, "pandas"))

    @selected.setter
    def selected(self, runs: pandas.DataFrame | Iterable[str | Run]) -> None:
        run_ids = run_ids_of(runs, "selected")
        self._known(run_ids)
        self._selected = run_ids

    def _known(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the runs, read in one session. Raises NotFound, which names the run that does not exist."""
        return self._client.reading.get_runs(run_ids, strict=True)

    def snapshot(self) -> Snapshot:
        """Read the current state of the screen."""
        return self._snapshot_of(PAGE, MAX_POINTS, None)

    def thin_snapshot(self) -> Snapshot:
        """Read a state of the screen that is small enough to be kept in a notebook."""
        return self._snapshot_of(PAGE, SAVED_POINTS, SAVED_SERIES)

    def _snapshot_of(self, rows: int, max_points: int, most_series: int | None) -> Snapshot:
        runs = self._runs(1 if self._best_first else rows)
        metric = main_metric(runs.reply, self.filter_string, self._order_by)
        if self._best_first:
            # Without an order by the user, the best runs come first, and the first of them are selected.
            if metric and metric in runs.reply["best"]:
                self._order_by = [f"{_quoted(metric)} {'ASC' if metric in runs.reply['lower_is_better'] else 'DESC'}"]
            runs = self._runs(rows)
        self._best_first = False
        if not self.trait_has_value("_selected"):
            self._selected = [row["run_id"] for row in runs.reply["rows"][:SELECTED_AT_FIRST]]
        selected = self._selected[: most_series or MOST_SELECTED]
        unfolded: list[str] = []
        if runs.reply["nested"] and most_series is None:
            unfolded = self._above(selected)
            runs = self._runs(rows, grouped=True, unfolded=unfolded)
        elif runs.reply["nested"]:
            # A saved table cannot load more rows, so all of it is unfolded.
            runs = self._runs(rows, grouped=True, unfolded=None)
            unfolded = [row["run_id"] for row in runs.reply["rows"] if row["children"]]
        answers = {"runs": runs}
        if selected:
            answers["diff"] = self.ask("diff", {"run_ids": selected})
        if selected and metric:
            answers["curves"] = self.ask(
                "curves",
                {
                    "run_ids": selected,
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
            "selected": selected,
            "unfolded": unfolded,
        }
        return Snapshot(self.screen, options, answers)

    def page(self, snapshot: Snapshot) -> Page:
        """Describe a snapshot without a widget."""
        reply = snapshot.answers["runs"].reply
        rows, total, filter_string = reply["rows"], reply["total"], snapshot.options["filter"]
        where = f" where {printable(filter_string, LONGEST_FILTER)}" if filter_string else ""
        title = f"{total} run{'' if total == 1 else 's'}{where}"
        names = {row["run_id"]: row["run_name"] for row in rows}
        curves = snapshot.answers.get("curves")
        pictures = []
        if curves:
            lines = [line(names.get(series.run_id, series.run_id[:8]), series) for series in curves.series()]
            pictures.append(picture.curves(curves.payload["keys"][0], lines))
        if not rows:
            hint = "Clear the filter to see every run." if where else "Put %%track on top of a cell to create a run."
            return Page(title, [hint], pictures)
        parts: list[Table | str] = [_table(reply, set(snapshot.options["selected"]))]
        if total > MOST_ROWS:
            parts.append(f"… and {total - min(MOST_ROWS, len(rows)):,} more")
        return Page(title, parts, pictures)

    def _above(self, run_ids: Sequence[str]) -> list[str]:
        """Return the runs in which these are nested, at any depth. They are unfolded so that selected runs show."""
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
            "column_offset": 0,
            "column_limit": COLUMNS,
        }
        return self.ask("runs", request)


def main_metric(reply: Mapping[str, Any], filter_string: str, order_by: Sequence[str]) -> str | None:
    """Return the metric to show first: one that the query names, else one measured on held-out data, else the first."""
    metrics: list[str] = reply["metrics"]
    for key in keys_in([*order_by, filter_string], "metrics"):
        if key in metrics:
            return key
    held_out = [key for key in metrics if is_held_out(key)]
    # The metrics that a study adds to its objective say less about a trial than the objective does.
    added = {f"{word}_{key}" for key in metrics for word in ("best", "intermediate")}
    return next(iter([*held_out, *(key for key in metrics if key not in added), *metrics]), None)


def _table(reply: Mapping[str, Any], selected: set[str]) -> Table:
    params = [param["key"] for param in reply["params"] if param["differs"]][:MOST_COLUMNS]
    metrics = reply["metrics"][:MOST_COLUMNS]
    rows = [
        [
            "✓" if row["run_id"] in selected else "",
            f"{INDENT * (row['depth'] - 1)}└ {row['run_name']}" if row["depth"] else row["run_name"],
            row["status"],
            time(row["start_time"]),
            "" if row["end_time"] is None else f"{(row['end_time'] - row['start_time']) / 1000:.1f}",
            *(row["params"].get(key, "") for key in params),
            *(number(row["metrics"].get(key)) for key in metrics),
        ]
        for row in reply["rows"][:MOST_ROWS]
    ]
    return Table(["", "run", "status", "started", "seconds", *params, *metrics], rows, frozenset({"seconds", *metrics}))


def _quoted(metric: str) -> str:
    quote = '"' if "`" in metric else "`"
    return f"metrics.{quote}{metric}{quote}"
