"""How the panels of a run are shown, as plain data that a widget syncs and a notebook keeps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from ..errors import InvalidParameter
from .contract import PanelsView
from .validation import check_fields

MOST_SECTIONS = 500
"""How many folded or opened sections are kept."""
LONGEST_NAME = 250
STRONGEST = 0.99
"""The largest weight of the smoothing."""


def default_panels_view() -> PanelsView:
    """Return the view of panels that nobody has changed."""
    return {"open": {}, "smoothing": 0.0, "log": False, "best": True}


def read_panels_view(state: object, fallback: PanelsView) -> PanelsView:
    """Return the fields of a state that are valid, and those of `fallback` for the others.

    The state comes from a browser or a notebook, which may be hostile or of another version.
    """
    view: dict[str, Any] = {**fallback}
    for name, value in state.items() if isinstance(state, Mapping) else ():
        with suppress(InvalidParameter):
            view |= check_fields(PanelsView, {name: value}, "The view of the panels")
    view["smoothing"] = min(max(view["smoothing"], 0.0), STRONGEST)
    names = [name for name in view["open"] if len(name) <= LONGEST_NAME][:MOST_SECTIONS]
    view["open"] = {name: view["open"][name] for name in names}
    return cast(PanelsView, view)
