"""The runs that match a query, side by side. Python and the screen both know which of them are selected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, cast

import traitlets

from ..client import Client
from ..entities import ViewType
from ..errors import InvalidParameter, NbtrackError
from ..frame import from_columns
from ..names import SYSTEM, check_list, check_string
from ..tags import PARENT
from ..views.contract import MOST_GROUP_CURVES, PanelView, ViewState
from ..views.live import panels_of
from ..views.runs import in_order, is_held_out, keys_in
from ..views.values import style_column
from ..views.view_state import changed_view, column_name, default_panel, default_view, order_of, read_view
from . import picture
from .group_values import MOST_GROUPS, table_of
from .host import ViewWidget
from .saved import LONGEST_FILTER, MOST_COLUMNS, MOST_ROWS, Page, line, number, part, time
from .snapshot import Answer, Series, Snapshot
from .table import Table, printable
from .view_parts import Baseline, SelectedRuns, ViewPart, WholeView

if TYPE_CHECKING:
    import pandas

PAGE = 200
GROUPS = 100
"""How many groups the screen requests at a time, as in js/state/groups.ts."""
GROUP_COLUMNS = 24
"""How many params, and how many metrics, of groups the screen shows first, as in js/state/group_search.ts."""
SAVED_GROUPS = (50, 12)
"""How many groups, and how many of their params and of their metrics, a notebook keeps."""
COLUMNS = 60
"""How many params, and how many metrics, the screen shows first."""
SELECTED_AT_FIRST = 5
MOST_IN_FRAME = 1_000_000
MOST_SELECTED = 1_000
"""How many of the selected runs are compared. It is the largest number of runs in one request."""
MAX_POINTS = 1000
FEWEST_POINTS = 128
MOST_POINTS_OF_ALL = 200_000
"""About how many points of all curves of a chart are sent, as in js/data/curves.ts."""
SAVED_POINTS = 200
SAVED_SERIES = 10
SAVED_GROUP_CURVES = 24
"""How many curves of groups a notebook keeps. Above `FULL_GROUP_CURVES` of them, each has fewer points."""
FULL_GROUP_CURVES = 8
MOST_SAVED_METRICS = 4
MOST_AT_ONCE = 50
"""How many curves travel with the widget. If there are more, only those of the first chart do."""
FEWEST_SAVED_POINTS = 20
MOST_TOGETHER = 6
"""How many metrics that belong together a chart of a new comparison has."""
MOST_OTHER_CHARTS = 4
"""How many charts a new comparison has besides that of its main metric."""
MOST_DIFF_ROWS = 1_000
MOST_CHANGED_COLUMNS = 1_000
INDENT = "  "
NO_VALUE = "(no value)"
"""Stands for the group of the runs without a value."""


class Comparison(ViewWidget):
    """A query, a table of the runs that match, and the curves and params of the selected runs side by side.

    `nbtrack.compare()` creates one.

    Args:
        client: Client of the store that has the runs.
        filter_string: Filter of `search_runs`. The empty string matches all runs.
        experiment_ids: IDs of the experiments to search. None searches all experiments.
        order_by: Clauses such as "metrics.loss ASC". By default the best runs by their main metric come first.
        view: A view to show, as the attribute `view` of another comparison has it. The filter and the order are those
            of the view, unless they are given too. None selects the first runs.

    Attributes:
        query: The filter that the table shows. The table follows when it is set. `filter_string` is another name of it.
        selected: The selected runs as a pandas DataFrame. Set it to a DataFrame with a column run_id, or to run IDs or
            runs, to select them on the screen.
        sorts: The clauses that the table is sorted by, such as "metrics.loss ASC", the most important first.
        columns: The columns whose width, order, visibility or pinning was changed, as dictionaries.
        panels: The charts, as dictionaries: their metrics, kind ("curves" or "bars"), statistic ("last",
            "best", "first" or "mean", of bars), axes, smoothing, bands, zoom and size. A field that is left out has its
            default.
        group_by: A column such as "params.optimizer", "tags.team", "datasets.name" or "parent". The table has a row for
            each group of runs with equal values of it. None for no groups.
        baseline: What the others are compared with: the ID of a run, or a group as a dictionary of one column and its
            value, such as {"params.optimizer": "adam"}, or None. A run can be assigned too. A group that is assigned
            groups the table by its column.
        style_by: A column such as "params.optimizer", "tags.team" or "attributes.status". Runs with equal values of it
            have the same color and dash, and many numbers have the colors of a scale. None gives each selected run its
            own.
        view: All of these as one dictionary that JSON can carry. Setting some of its fields changes only those.

    Raises:
        QueryError: If the filter or a clause of the order is not valid.
        InvalidParameter: If `filter_string` is not a string, or if `order_by` is not a list.

    Example:
        All attributes are traits, so `observe` calls a function whenever the user or Python changes one of them.

        >>> widget = compare()  # doctest: +SKIP
        >>> widget.observe(lambda change: print(change.new), names="query")  # doctest: +SKIP
        >>> widget.query = "metrics.loss < 1"  # doctest: +SKIP
        metrics.loss < 1
    """

    screen = "comparison"

    _view = traitlets.Dict().tag(sync=True)

    query = ViewPart("query")
    filter_string = ViewPart("query")
    selected = SelectedRuns("selected")
    sorts = ViewPart("sorts")
    columns = ViewPart("columns")
    panels = ViewPart("panels")
    group_by = ViewPart("group_by")
    baseline = Baseline("baseline")
    style_by = ViewPart("style_by")
    view = WholeView()

    def __init__(
        self,
        client: Client,
        filter_string: str = "",
        experiment_ids: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
        view: Mapping[str, Any] | None = None,
    ) -> None:
        # Before the rest is initialized, because the first snapshot is taken of this view.
        self.state: ViewState = default_view()
        self._is_new = True
        # The runs and the groups that were selected automatically, not by the user.
        self._selected_first: tuple[list[str], list[str]] | None = None
        first = read_view(view, self.state)
        check_string(filter_string or "", "filter_string")
        query, sorts = filter_string or first["query"], check_list(order_by, "order_by") or first["sorts"]
        self.set_trait("_view", {**first, "query": query, "sorts": sorts})
        self._is_new = view is None
        super().__init__(client, experiment_ids)

    @traitlets.validate("_view")
    def _valid_view(self, proposal: Any) -> ViewState:
        """Keep the fields that are valid, because a browser can send any state."""
        # Not on top of self._view, which has the proposed state already while a message of a browser is handled.
        return read_view(proposal.value, self.state)

    @traitlets.observe("_view")
    def _view_changed(self, change: Any) -> None:
        """Notify the observers of each part of the view that has changed."""
        before, self.state = self.state, change.new
        if not self._is_new:
            self._output.update_later()
        for trait in self.traits().values():
            if isinstance(trait, ViewPart):
                trait.notify(self, before, change.new)
        if not self._is_new and change.new["group_by"] != before["group_by"]:
            self._select_first_again(before)

    def _select_first_again(self, before: ViewState) -> None:
        """Select the first groups instead of runs that were selected automatically, or the other way around.

        The table does not show these runs any more. A selection of the user stays, unless it was one of groups of
        another column only, of which nothing is left.
        """
        view = self.state
        was_chosen = (before["selected"], before["selected_groups"]) != self._selected_first
        is_left = view["selected"] or not before["selected_groups"]
        if (was_chosen and is_left) or view["selected"] != before["selected"] or view["selected_groups"]:
            return
        # The view is valid without a selection, too, if the store cannot be read at the moment.
        with suppress(NbtrackError):
            self._selected_first = selected, groups = self._first_of(view)
            self.change_view({"selected": selected, "selected_groups": groups})

    def _first_of(self, view: ViewState) -> tuple[list[str], list[str]]:
        """Return the IDs of the first runs of the table, or the keys of its first groups."""
        common: dict[str, Any] = {
            "filter": view["query"],
            "experiment_ids": None,
            "order_by": view["sorts"],
            "offset": 0,
            "limit": SELECTED_AT_FIRST,
            "params": [],
            "metrics": [],
        }
        if view["group_by"] is None:
            rows = self.ask("runs", {**common, "grouped": False, "unfolded": None, "summary": False}).reply["rows"]
            return [row["run_id"] for row in rows], []
        payload = {**common, "by": view["group_by"], "statistic": view["group_statistic"]}
        return [], [row["key"] for row in self.ask("groups", payload).reply["groups"]]

    def change_view(self, changes: Mapping[str, Any]) -> None:
        """Change some fields of the view, here and on every screen that shows it.

        Args:
            changes: The new values by field, as `view` has them.

        Raises:
            InvalidParameter: If a field does not exist, or if its value is not valid.
        """
        self.set_trait("_view", changed_view(self.state, changes))

    def save_view(self, name: str) -> None:
        """Save the view under a name, for everyone who uses the store.

        `nbtrack.compare(view=name)` shows it. A view of the same name is replaced.

        Args:
            name: Name of the view.

        Raises:
            InvalidParameter: If the name is empty or too long.
        """
        self._client.save_view(name, self.state)

    def groups(self) -> pandas.DataFrame:
        """Return the groups that the table shows, in its order, with statistics over every run of each group.

        Returns:
            A pandas DataFrame with the columns of `nbtrack.aggregate`: that of `group_by`, `runs`, and `.n`, `.mean`,
            `.std`, `.min` and `.max` of the last value of each metric that is not hidden in the table.

        Raises:
            InvalidParameter: If `group_by` is None.
            QueryError: If the filter or a clause of the order is not valid.

        Example:
            >>> widget = compare()  # doctest: +SKIP
            >>> widget.group_by = "params.optimizer"  # doctest: +SKIP
            >>> widget.groups()[["params.optimizer", "metrics.loss.mean", "metrics.loss.std"]]  # doctest: +SKIP
        """
        view = self.state
        column = view["group_by"]
        if column is None:
            raise InvalidParameter('group_by is None. Set it to a column first, such as "params.optimizer".')
        reading = self._client.reading
        with reading.snapshot():
            known = reading.survey(self._scope, view["query"], (), 0, 1, params=[]).metrics
            hidden = {column_name(each["column"]) for each in view["columns"] if each["hidden"]}
            metrics = [key for key in known if f"metrics.{key}" not in hidden and not key.startswith(SYSTEM)]
            found = reading.groups(
                self._scope,
                view["query"],
                column,
                view["sorts"],
                0,
                MOST_GROUPS,
                statistic=view["group_statistic"],
                metrics=metrics,
            )
        return table_of(found.groups, column, metrics)

    def frame(self) -> pandas.DataFrame:
        """Return the runs that the table shows, in its order. Those of a group follow each other.

        Returns:
            A pandas DataFrame with the columns of `search_runs`, without those that are hidden in the table.

        Raises:
            QueryError: If the filter or a clause of the order is not valid.
        """
        view = self.state
        order = order_of(view)
        found = self._client.reading.search_columns(
            self._scope, view["query"], ViewType.ACTIVE_ONLY, MOST_IN_FRAME, order
        )
        hidden = {column_name(each["column"]) for each in view["columns"] if each["hidden"]}
        return cast("pandas.DataFrame", from_columns({k: v for k, v in found.items() if k not in hidden}, "pandas"))

    def snapshot(self) -> Snapshot:
        """Read the current state of the screen."""
        return self._snapshot_of(PAGE, MAX_POINTS, None)

    def thin_snapshot(self, share: float = 1.0) -> Snapshot:
        """Read a state of the screen that is to be kept in a notebook.

        Args:
            share: How much of what is usually kept, between 0 and 1.

        Returns:
            The same as `snapshot`, with fewer rows and points.
        """
        points, series = part(SAVED_POINTS, share, 20), part(SAVED_SERIES, share, 2)
        return self._snapshot_of(part(PAGE, share), points, series, share)

    def _snapshot_of(self, rows: int, max_points: int, most_series: int | None, share: float = 1.0) -> Snapshot:
        columns = part(COLUMNS, share)
        runs = self._first_runs() if self._is_new else self._runs(self.state)
        view = self.state
        selected = view["selected"][: most_series or MOST_SELECTED]
        if most_series is not None:
            # A saved table cannot load more rows, so all of it is unfolded.
            if runs.reply["nested"]:
                runs = self._runs(view, unfold_all=True)
            runs = first_of(runs, rows, columns)
            unfolded = [row["run_id"] for row in runs.reply["rows"] if row["children"]]
            changed = view["columns"][: part(MOST_CHANGED_COLUMNS, share)]
            view = {**view, "selected": selected, "unfolded": unfolded, "columns": changed}
        answers = {"runs": runs}
        if view["group_by"] is not None:
            most, of_each = (GROUPS, GROUP_COLUMNS) if most_series is None else SAVED_GROUPS
            answers["groups"] = self._groups(part(most, share), part(of_each, share), view, runs)
        side_by_side = self._side_by_side(view, selected, part(SAVED_GROUP_CURVES, share, 2) if most_series else None)
        if side_by_side:
            diff = self.recall("diff", {**side_by_side, "limit": MOST_DIFF_ROWS})
            limit = part(MOST_DIFF_ROWS, share, 5)
            reply = {**diff.reply, "rows": diff.reply["rows"][:limit]}
            answers["diff"] = Answer({**diff.payload, "limit": limit}, reply)
        column = style_column(view["style_by"]) if selected and view["style_by"] else None
        if column:
            answers["values"] = self.recall("values", {"run_ids": selected, "column": column})
        charts = _charts_of_curves(view["panels"])
        drawn = _with_baseline(selected, view["baseline"], MOST_SELECTED)
        if drawn and charts and charts[0]["metrics"]:
            panel = charts[0]
            keys = _metrics_of(_like_first(charts))[:MOST_SAVED_METRICS]
            if most_series is not None:
                max_points = max(max_points // len(keys), FEWEST_SAVED_POINTS)
            elif len(drawn) * len(keys) > MOST_AT_ONCE:
                # Only the first chart is certainly in sight.
                keys = panel["metrics"][:MOST_SAVED_METRICS]
            answers["curves"] = self.recall(
                "curves",
                {
                    "run_ids": drawn,
                    "keys": keys,
                    "x_axis": panel["x_axis"],
                    "x_metric": panel["x_metric"],
                    "x_min": panel["x_min"],
                    "x_max": panel["x_max"],
                    "max_points": min(max_points, _points_for(len(drawn) * len(keys))),
                },
            )
        if most_series is not None:
            curves = self._saved_group_curves(view, part(SAVED_GROUP_CURVES, share, 2), part(SAVED_POINTS, share, 20))
            if curves:
                answers["group_curves"] = curves
        return Snapshot(self.screen, {"view": view}, answers)

    def _side_by_side(self, view: ViewState, selected: list[str], most_groups: int | None) -> dict[str, Any] | None:
        """Return the request for the differences of some runs and the selected groups, or None if there are none."""
        run_ids = _with_first(selected, view["baseline"], MOST_SELECTED)
        if view["group_by"] is None:
            return {"run_ids": run_ids} if run_ids else None
        groups = _with_first(view["selected_groups"], view["baseline_group"], most_groups or MOST_GROUP_CURVES)
        of_groups = {"by": view["group_by"], "groups": groups, "filter": view["query"], "experiment_ids": None}
        return {"run_ids": run_ids, **(of_groups if groups else {})} if run_ids or groups else None

    def _saved_group_curves(self, view: ViewState, most: int, max_points: int) -> Answer | None:
        """Return the curves of the selected groups and the baseline that a notebook keeps.

        Returns None if the first chart shows none.
        """
        panels = _like_first(_charts_of_curves(view["panels"]))
        groups = _with_baseline(view["selected_groups"][:most], view["baseline_group"], most + 1)
        if view["group_by"] is None or not groups or not panels or panels[0]["x_metric"] is not None:
            return None
        keys = _metrics_of(panels)[:MOST_SAVED_METRICS]
        return self.recall(
            "group_curves",
            {
                "filter": view["query"],
                "experiment_ids": None,
                "by": view["group_by"],
                "groups": groups,
                "metrics": keys,
                "x_axis": panels[0]["x_axis"],
                "x_min": None,
                "x_max": None,
                # A curve of a group has six numbers for each point, not two.
                "max_points": max(
                    max_points * FULL_GROUP_CURVES // (2 * len(keys) * max(len(groups), FULL_GROUP_CURVES)),
                    FEWEST_SAVED_POINTS,
                ),
            },
        )

    def _first_runs(self) -> Answer:
        """Return the rows that a new comparison shows, and choose its order, its selected runs and its metric."""
        view = self.state
        # The best of all runs are selected, even if they are nested.
        flat: ViewState = {**view, "grouped": False}
        if view["sorts"]:
            runs = self._runs(flat)
            metric = main_metric(runs.reply, view["query"], view["sorts"])
        else:
            # Without an order by the user, the best runs come first, and the first of them are selected.
            columns = self.ask("columns", {"filter": view["query"], "experiment_ids": None, "order_by": []}).reply
            metric = main_metric(columns, view["query"], [])
            direction = "ASC" if metric in columns["lower_is_better"] else "DESC"
            sorts = [f"{_quoted(metric)} {direction}"] if metric else []
            runs = self._runs({**flat, "sorts": sorts})
            if metric not in runs.reply["best"]:
                # It has no value but NaN.
                sorts = []
                runs = self._runs(flat)
            view = {**view, "sorts": sorts}
        selected = [row["run_id"] for row in runs.reply["rows"][:SELECTED_AT_FIRST]]
        unfolded = self._above(selected) if runs.reply["nested"] else []
        panels = [default_panel(*keys) for keys in _families(runs.reply["metrics"], metric)] if metric else []
        view = {**view, "selected": selected, "unfolded": unfolded, "panels": panels}
        self.set_trait("_view", view)
        self._is_new, self._selected_first = False, (selected, [])
        if runs.reply["nested"]:
            return self._runs(view)
        return self.same_answer("runs", runs.payload, self._request(view))

    def page(self, snapshot: Snapshot) -> Page:
        """Describe a snapshot without a widget."""
        reply = snapshot.answers["runs"].reply
        rows, total, filter_string = reply["rows"], reply["total"], snapshot.options["view"]["query"]
        where = f" where {printable(filter_string, LONGEST_FILTER)}" if filter_string else ""
        title = f"{_counted(total, 'run')}{where}"
        baseline = reply.get("baseline")
        names = {row["run_id"]: row["run_name"] for row in [*rows, *([baseline] if baseline else [])]}
        curves, groups = snapshot.answers.get("curves"), snapshot.answers.get("groups")
        series = curves.series() if curves else []
        if "group_curves" in snapshot.answers:
            series += _means_of(snapshot.answers["group_curves"])
            of_groups = groups.reply if groups else {"groups": []}
            known = [*of_groups["groups"], of_groups.get("baseline_group")]
            values = {row["key"]: NO_VALUE if row["value"] is None else row["value"] for row in known if row}
            keys = {each["group"] for each in snapshot.answers["group_curves"].reply["series"]}
            names |= {key: values.get(key, key.partition(":")[2]) for key in keys}
        names |= _baseline_name(snapshot, names)
        pictures = _pictures(snapshot.options["view"], series, names)
        if not rows:
            hint = "Clear the filter to see every run." if where else "Put %%track on top of a cell to create a run."
            return Page(title, [hint], pictures)
        if groups:
            count, shown = groups.reply["count"], min(MOST_ROWS, len(groups.reply["groups"]))
            table = _table_of_groups(groups, set(snapshot.options["view"]["selected_groups"]))
            more = [f"… and {count - shown:,} more"] if count > shown else []
            return Page(f"{_counted(count, 'group')} of {title}", [table, *more], pictures)
        parts: list[Table | str] = [_table(reply, set(snapshot.options["view"]["selected"]))]
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

    def _runs(self, view: ViewState, unfold_all: bool = False) -> Answer:
        return self.recall("runs", self._request(view, unfold_all))

    def _request(self, view: ViewState, unfold_all: bool = False) -> dict[str, Any]:
        return {
            "filter": view["query"],
            "experiment_ids": None,
            "order_by": view["sorts"],
            "grouped": view["grouped"],
            "unfolded": None if unfold_all else view["unfolded"],
            "offset": 0,
            "limit": PAGE,
            "baseline": view["baseline"],
            "column_offset": 0,
            "column_limit": COLUMNS,
        }

    def _groups(self, limit: int, columns: int, view: ViewState, runs: Answer) -> Answer:
        params = [param["key"] for param in runs.reply["params"] if param["differs"] or view["all_params"]]
        request = {
            "filter": view["query"],
            "experiment_ids": None,
            "by": view["group_by"],
            "order_by": view["sorts"],
            "statistic": view["group_statistic"],
            "offset": 0,
            "limit": limit,
            "params": params[:columns],
            "metrics": runs.reply["metrics"][:columns],
            "columns": ["attributes.duration"],
            "baseline": view["baseline"],
            "baseline_group": view["baseline_group"],
        }
        return self.recall("groups", request)


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


def first_of(runs: Answer, rows: int, columns: int) -> Answer:
    """Return the answer that a request for fewer rows and columns would get."""
    reply, payload = runs.reply, runs.payload
    query = [*payload["order_by"], payload["filter"]]
    params = in_order(reply["params"], columns, keys_in(query, "params"), _key, _differs)[:columns]
    metrics = in_order(reply["metrics"], columns, keys_in(query, "metrics"), str, is_held_out)[:columns]
    keys, shown = {param["key"] for param in params}, {*metrics, *reply["system"][:columns]}

    def of_columns(row: Mapping[str, Any]) -> dict[str, Any]:
        kept = {"params": keys, "metrics": shown, "nested_best": shown, "statistics": shown}
        return {
            **row,
            **{
                name: {key: value for key, value in row[name].items() if key in of}
                for name, of in kept.items()
                if name in row
            },
        }

    cut = {
        **reply,
        "rows": [of_columns(row) for row in reply["rows"][:rows]],
        "params": params,
        "metrics": metrics,
        "system": reply["system"][:columns],
        "lower_is_better": [key for key in reply["lower_is_better"] if key in shown],
        **{name: {k: v for k, v in reply[name].items() if k in shown} for name in ("best", "best_values")},
    }
    if reply.get("baseline"):
        cut["baseline"] = of_columns(reply["baseline"])
    return Answer({**payload, "limit": rows, "column_limit": columns}, cut, runs.buffers)


def _key(param: Mapping[str, Any]) -> str:
    return str(param["key"])


def _differs(param: Mapping[str, Any]) -> bool:
    return bool(param["differs"])


def _families(metrics: Sequence[str], main: str) -> list[list[str]]:
    """Return the metrics of the charts of a new comparison.

    The first chart has the main metric and those that measure the same on other data, such as `train/loss` beside
    `val/loss`. Each of the others has metrics that belong together, too. A metric without relatives gets no chart.
    """
    families = [panel["keys"] for panel in panels_of(metrics)]
    own = next((keys for keys in families if main in keys), [main])
    others = [keys for keys in families if keys is not own and len(keys) > 1]
    first = [main, *(key for key in own if key != main)]
    return [keys[:MOST_TOGETHER] for keys in [first, *others[:MOST_OTHER_CHARTS]]]


def _points_for(curves: int) -> int:
    """Return how many points of each curve are sent. With very many curves there is room for less."""
    if curves * MAX_POINTS <= MOST_POINTS_OF_ALL:
        return MAX_POINTS
    return int(max(FEWEST_POINTS, 2 ** math.floor(math.log2(MOST_POINTS_OF_ALL / curves))))


def _charts_of_curves(panels: Sequence[PanelView]) -> list[PanelView]:
    """Return the charts that need curves. The values of bars are in the rows of the table."""
    return [panel for panel in panels if panel["kind"] == "curves"]


def _with_baseline(ids: list[str], baseline: str | None, most: int) -> list[str]:
    """Return IDs with that of the baseline, at most `most`, as js/components/curves draws them."""
    return ids if baseline is None or baseline in ids else [*ids[: most - 1], baseline]


def _with_first(ids: list[str], baseline: str | None, most: int) -> list[str]:
    """Return IDs after that of the baseline, at most `most`, as js/components/parameter_diff compares them."""
    return ids[:most] if baseline is None else [baseline, *(each for each in ids if each != baseline)][:most]


def _baseline_name(snapshot: Snapshot, names: Mapping[str, str]) -> dict[str, str]:
    """Return the name that the picture of the curves has for the baseline, by its ID or its key."""
    view, row = snapshot.options["view"], snapshot.answers["runs"].reply.get("baseline")
    key = view["baseline"] or view["baseline_group"]
    if key is None:
        return {}
    return {key: f"baseline: {row['run_name'] if row and row['run_id'] == key else names.get(key, key[:8])}"}


def _like_first(panels: Sequence[PanelView]) -> list[PanelView]:
    """Return the charts whose curves one request reads: those with the x axis and the zoom of the first one."""
    fields: tuple[Literal["x_axis", "x_metric", "x_min", "x_max"], ...] = ("x_axis", "x_metric", "x_min", "x_max")
    return [panel for panel in panels if panel["metrics"] and all(panel[each] == panels[0][each] for each in fields)]


def _means_of(answer: Answer) -> list[Series]:
    """Return the means of groups as curves."""
    arrays = [memoryview(buffer).cast("d") for buffer in answer.buffers]
    return [
        Series(entry["group"], entry["metric"], arrays[6 * i].tolist(), arrays[6 * i + 1].tolist())
        for i, entry in enumerate(answer.reply["series"])
    ]


def _pictures(view: ViewState, series: Sequence[Series], names: Mapping[str, str]) -> list[picture.Picture | None]:
    """Return a picture of each chart whose curves were saved."""
    reference = view["baseline"] or view["baseline_group"]
    pictures = []
    for panel in _like_first(_charts_of_curves(view["panels"])) if series else []:
        several, title = len(panel["metrics"]) > 1, ", ".join(panel["metrics"])
        shown = [each for each in series if each.key in panel["metrics"]]
        if panel["difference"] and reference is not None:
            shown = _differences(shown, reference)
            title += f": difference from {names.get(reference, reference[:8]).removeprefix('baseline: ')}"
        lines = [
            line(names.get(each.run_id, each.run_id[:8]) + (f", {each.key}" if several else ""), each) for each in shown
        ]
        pictures.append(picture.curves(title, lines))
    return pictures


def _differences(series: Sequence[Series], reference: str) -> list[Series]:
    """Return curves minus that of the baseline in the same metric, as js/chart/difference.ts draws them.

    Between two points of the baseline its value is interpolated linearly. Outside of its range there is no difference.
    """
    import numpy as np

    found = []
    for baseline in (each for each in series if each.run_id == reference):
        x, y = (np.array(values, dtype=np.float64) for values in (baseline.x, baseline.y))
        known = np.isfinite(y)
        if known.any():
            for each in series:
                if each.key == baseline.key:
                    values = np.interp(each.x, x[known], y[known], left=np.nan, right=np.nan)
                    found.append(Series(each.run_id, each.key, each.x, (np.array(each.y) - values).tolist()))
    return found


def _metrics_of(panels: Sequence[PanelView]) -> list[str]:
    """Return the metrics of charts, each once."""
    return list(dict.fromkeys(key for panel in panels for key in panel["metrics"]))


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


def _table_of_groups(answer: Answer, selected: set[str]) -> Table:
    """Return a table with a row for each group: its value, its number of runs, and the mean and std of each metric."""
    metrics = answer.payload["metrics"][:MOST_COLUMNS]
    rows = [
        [
            "✓" if row["key"] in selected else "",
            NO_VALUE if row["value"] is None else row["value"],
            str(row["runs"]),
            *(_mean_and_std(row["metrics"].get(key)) for key in metrics),
        ]
        for row in answer.reply["groups"][:MOST_ROWS]
    ]
    titles = [f"{key} (mean ± std)" for key in metrics]
    return Table(["", column_name(answer.payload["by"]), "runs", *titles], rows, frozenset({"runs", *titles}))


def _mean_and_std(statistics: Mapping[str, Any] | None) -> str:
    if statistics is None or statistics["mean"] is None:
        return ""
    mean = number(statistics["mean"])
    return mean if statistics["std"] is None else f"{mean} ± {number(statistics['std'])}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _quoted(metric: str) -> str:
    quote = '"' if "`" in metric else "`"
    return f"metrics.{quote}{metric}{quote}"
