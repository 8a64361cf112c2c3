"""The state of a comparison's view: what it shows, as plain data that a widget syncs and a notebook keeps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from ..errors import InvalidParameter
from .contract import MOST_SORTS, PanelView, ViewState
from .validation import check_fields, shown

VERSION = 1
"""The version of the fields. A field that a later version adds is ignored here, and a missing one has its default."""
TITLE = "The view"


def default_view() -> ViewState:
    """Return the state of a comparison that nobody has changed."""
    return {
        "version": VERSION,
        "query": "",
        "sorts": [],
        "grouped": True,
        "unfolded": [],
        "selected": [],
        "columns": [],
        "all_params": False,
        "panels": [],
        "shared_x": True,
        "group_by": None,
        "baseline": None,
        "baseline_group": None,
        "selected_groups": [],
        "unfolded_groups": [],
        "group_statistic": "mean",
        "style_by": None,
        "styles": [],
    }


def default_panel(*metrics: str) -> PanelView:
    """Return a chart of metrics over steps."""
    return {
        "metrics": list(metrics),
        "x_axis": "step",
        "smoothing": 0.0,
        "log": False,
        "x_min": None,
        "x_max": None,
        "log_x": False,
        "x_metric": None,
        "band": "std",
        "all_values": False,
        "members": False,
        "width": None,
        "height": None,
    }


def changed_view(view: ViewState, changes: object) -> ViewState:
    """Return the view with some fields changed. Raises InvalidParameter, which names the field that is not valid."""
    if not isinstance(changes, Mapping):
        raise InvalidParameter(f"{TITLE} must be a mapping of its fields, not {shown(changes)}.")
    checked = check_fields(ViewState, _with_defaults(changes), TITLE)
    return cast(ViewState, {**view, **checked, "version": VERSION})


def read_view(state: object, fallback: ViewState) -> ViewState:
    """Return the fields of a state that are valid, and those of `fallback` for the others.

    The state comes from a browser or a notebook, which may be hostile or of another version.
    """
    view: dict[str, Any] = {**fallback}
    for key, value in _with_defaults(state).items() if isinstance(state, Mapping) else ():
        if key in view and key != "version":
            with suppress(InvalidParameter):
                view |= check_fields(ViewState, {key: value}, TITLE)
    return cast(ViewState, view)


def _with_defaults(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state in which each chart has all fields. Charts of earlier versions, or written by hand, lack some."""
    panels = state.get("panels")
    if not isinstance(panels, list | tuple):
        return state
    complete = [{**default_panel(), **panel} if isinstance(panel, Mapping) else panel for panel in panels]
    return {**state, "panels": complete}


def order_of(view: ViewState) -> list[str]:
    """Return the clauses of the order of a view's rows: first that of its groups, then those of its columns."""
    group = view["group_by"]
    return [*([f"{group} ASC"] if group else []), *view["sorts"]][:MOST_SORTS]


def column_name(column: str) -> str:
    """Return the name that a column of the table has in the result of `search_runs`, such as `params.width`."""
    entity, _, key = column.partition(".")
    if key[:1] in ("`", '"') and key[-1:] == key[:1]:
        key = key[1:-1]
    return key if entity == "attributes" else f"{entity}.{key}"
