"""The state of a comparison's view: what it shows, as plain data that a widget syncs and a notebook keeps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast

from ..errors import InvalidParameter
from ..names import split_name
from ..query.grouping import check_groupable, check_key
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
        "kind": "curves",
        "statistic": "last",
        "x_axis": "step",
        "smoothing": 0.0,
        "log": False,
        "x_min": None,
        "x_max": None,
        "log_x": False,
        "x_metric": None,
        "band": "std",
        "all_values": False,
        "difference": False,
        "members": False,
        "width": None,
        "height": None,
    }


def changed_view(view: ViewState, changes: object) -> ViewState:
    """Return the view with some fields changed. Raises InvalidParameter, which names the field that is not valid.

    If the view is grouped by another column, the selected and unfolded groups and the group that is the baseline are
    forgotten. A run that becomes the baseline replaces a group, and the other way around.
    """
    if not isinstance(changes, Mapping):
        raise InvalidParameter(f"{TITLE} must be a mapping of its fields, not {shown(changes)}.")
    checked = {
        key: value for name, one in _with_defaults(changes).items() for key, value in _checked(name, one).items()
    }
    changed: dict[str, Any] = {**view, **checked, "version": VERSION}
    if changed["group_by"] != view["group_by"]:
        changed |= {field: none for field, none in _OF_GROUPS.items() if field not in checked}
    if changed["baseline"] is not None and changed["baseline_group"] is not None:
        if checked.get("baseline") is not None and checked.get("baseline_group") is not None:
            raise InvalidParameter("baseline and baseline_group cannot both be set. Set one of them to None.")
        changed["baseline_group" if checked.get("baseline") is not None else "baseline"] = None
    if changed["group_by"] is None and changed["baseline_group"] is not None:
        raise InvalidParameter("baseline_group is the key of a group of group_by, which is None. Set group_by, too.")
    return cast(ViewState, changed)


def read_view(state: object, fallback: ViewState) -> ViewState:
    """Return the fields of a state that are valid, and those of `fallback` for the others.

    The state comes from a browser or a notebook, which may be hostile or of another version.
    """
    view: dict[str, Any] = {**fallback}
    given = _with_defaults(state) if isinstance(state, Mapping) else {}
    for key, value in given.items():
        if key in view and key != "version":
            with suppress(InvalidParameter):
                view |= _checked(key, value)
    if view["group_by"] is None:
        view |= _OF_GROUPS
    elif view["group_by"] != fallback["group_by"]:
        view |= {field: none for field, none in _OF_GROUPS.items() if field not in given}
    if view["baseline"] is not None and view["baseline_group"] is not None:
        view["baseline_group"] = None
    return cast(ViewState, view)


_OF_GROUPS: dict[str, Any] = {"baseline_group": None, "selected_groups": [], "unfolded_groups": []}
"""The fields with keys of groups, which belong to the column `group_by`, and their values without keys."""


def _checked(name: str, value: object) -> dict[str, Any]:
    """Return a field with its value if it is valid. Raises InvalidParameter."""
    checked = check_fields(ViewState, {name: value}, TITLE)
    if name == "group_by" and checked[name] is not None:
        _check_groupable(checked[name])
    elif name == "baseline_group" and checked[name] is not None:
        check_key(checked[name])
    elif name in ("selected_groups", "unfolded_groups"):
        for key in checked[name]:
            check_key(key)
    return checked


@lru_cache(256)
def _check_groupable(column: str) -> None:
    check_groupable(column)


def _with_defaults(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state in which each chart has all fields. Charts of earlier versions, or written by hand, lack some."""
    panels = state.get("panels")
    if not isinstance(panels, list | tuple):
        return state
    complete = [{**default_panel(), **panel} if isinstance(panel, Mapping) else panel for panel in panels]
    return {**state, "panels": complete}


def order_of(view: ViewState) -> list[str]:
    """Return the clauses that order all runs of a view: first that of its groups' values, then those of its columns.

    The rows of one group are in the order of the columns alone.
    """
    group = view["group_by"]
    return [*([f"{group} ASC"] if group else []), *view["sorts"]][:MOST_SORTS]


def column_name(column: str) -> str:
    """Return the name that a column of the table has in the result of `search_runs`, such as `params.width`."""
    found = split_name(column)
    if found is None:
        return column
    entity, key = found
    return key if entity == "attributes" else f"{entity}.{key}"
