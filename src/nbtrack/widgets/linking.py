"""Comparisons that show the same query, selection or charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InvalidParameter
from .comparison import Comparison

PARTS = ("query", "sorts", "selected", "columns", "panels", "group_by", "baseline")
_GROUPS_OF = {"selected": "selected_groups", "baseline": "baseline_group"}


class Link:
    """Two linked comparisons, as `nbtrack.link` returns them.

    Args:
        first: A comparison.
        second: Another one, which takes over the linked parts of `first`.
        parts: The names of the linked parts.
    """

    def __init__(self, first: Comparison, second: Comparison, parts: Sequence[str]) -> None:
        self._pair = (first, second)
        self._parts = tuple(parts)
        self._copy(first, second)
        for widget in self._pair:
            widget.observe(self._changed, names="_view")

    def unlink(self) -> None:
        """End the link. Both comparisons keep what they show. Calling it again does nothing."""
        for widget in self._pair:
            if widget.has_trait("_view") and self._is_observed(widget):
                widget.unobserve(self._changed, names="_view")

    def _is_observed(self, widget: Comparison) -> bool:
        return self._changed in widget._trait_notifiers.get("_view", {}).get("change", ())

    def _changed(self, change: Any) -> None:
        first, second = self._pair
        self._copy(change.owner, second if change.owner is first else first)

    def _copy(self, source: Comparison, target: Comparison) -> None:
        view: dict[str, Any] = {**source.state}
        other: dict[str, Any] = {**target.state}
        fields = list(self._parts)
        if "group_by" in fields or view["group_by"] == other["group_by"]:
            # The keys of groups belong to a column, so they are only shared by comparisons with the same groups.
            fields += [_GROUPS_OF[part] for part in self._parts if part in _GROUPS_OF]
        changes = {field: view[field] for field in fields if view[field] != other[field]}
        if changes:
            target.change_view(changes)


def link(first: Comparison, second: Comparison, parts: Sequence[str] = ("query", "selected")) -> Link:
    """Link two comparisons, so that a change of one also changes the other.

    Args:
        first: A comparison, as `compare()` returns it.
        second: Another one. It takes over the linked parts of `first` at once.
        parts: What they share: any of "query", "sorts", "selected", "columns", "panels", "group_by" and "baseline".

    Returns:
        The link. Its method `unlink()` ends it.

    Raises:
        InvalidParameter: If one of the two is not a comparison, if both are the same one, or if a part does not exist.

    Example:
        >>> import nbtrack
        >>> curves, table = nbtrack.compare(), nbtrack.compare()
        >>> shared = nbtrack.link(curves, table, ["query"])
        >>> table.query = "params.optimizer = 'adam'"
        >>> curves.query
        "params.optimizer = 'adam'"
        >>> shared.unlink()
    """
    for name, widget in (("first", first), ("second", second)):
        if not isinstance(widget, Comparison):
            raise InvalidParameter(f"{name} must be a comparison, as compare() returns it, not {widget!r:.80}.")
    if first is second:
        raise InvalidParameter("second must be another comparison than first.")
    if isinstance(parts, str) or not isinstance(parts, Iterable) or not all(part in PARTS for part in parts):
        raise InvalidParameter(f"parts must be a list of these: {', '.join(PARTS)}, not {parts!r:.80}.")
    return Link(first, second, parts)
