"""The methods of the client for settings that every user of a store shares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..capture.account import user
from ..directions import MODES, Directions, Mode
from ..errors import InvalidParameter, NotFound
from ..names import check_dict, check_name, check_string, check_text

if TYPE_CHECKING:
    from ..store.protocol import Store

_METRIC_MODE = "metric_mode"
_VIEW = "view"
_FILTERS = "filters"
_MOST_FILTERS = 20
_LONGEST_FILTER = 2_000
_LARGEST_VIEW = 1_000_000
"""Characters of a view in JSON. One with 10,000 selected runs has about 350,000."""


class SettingsMixin:
    """Settings of the store: which values of a metric are better, and saved views of the comparison."""

    _store: Store

    def define_metric(self, name: str, mode: Mode | None) -> None:
        """Say whether higher or lower values of a metric are better, for everyone who uses the store.

        See `nbtrack.define_metric`.

        Args:
            name: Key of the metric, or a pattern such as "val/*".
            mode: "max" if higher values are better, "min" if lower ones are, or None to delete the definition.

        Raises:
            InvalidParameter: If the name is empty or too long, or if `mode` is not one of the above.
        """
        check_name(name, "Metric name")
        if mode is not None and mode not in MODES:
            raise InvalidParameter(f"mode must be 'max', 'min' or None, not {mode!r:.80}.")
        self._store.set_setting(_METRIC_MODE, name, mode)

    def get_metric_modes(self) -> dict[str, Mode]:
        """Return what `define_metric` has defined for the store.

        Returns:
            The mode, "max" or "min", of each metric or pattern, sorted by name.
        """
        found = self._store.get_settings(_METRIC_MODE)
        return {name: mode for name, value in found.items() for mode in MODES if mode == value}

    def save_view(self, name: str, view: Mapping[str, Any]) -> None:
        """Save a view of the comparison under a name, for everyone who uses the store.

        A view of the same name is replaced.

        Args:
            name: Name of the view.
            view: The state of the comparison, in a form that JSON can hold.

        Raises:
            InvalidParameter: If the name is empty or too long, or if the view is not a dict that JSON can hold or has
                more than a million characters.
        """
        check_name(name, "View name")
        check_dict(view, "view")
        try:
            text = json.dumps(view, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidParameter(f"view must be a dict that JSON can hold: {error}") from error
        if len(text) > _LARGEST_VIEW:
            raise InvalidParameter(
                f"view must have at most {_LARGEST_VIEW:,} characters in JSON, not {len(text):,}. Select fewer runs."
            )
        self._store.set_setting(_VIEW, name, check_text(text, "view"))

    def get_view(self, name: str) -> dict[str, Any]:
        """Return a saved view of the comparison.

        Args:
            name: Name of the view.

        Returns:
            The state of the comparison, as it was saved.

        Raises:
            NotFound: If no view has this name.
        """
        views = self.get_views()
        if check_string(name, "View name") not in views:
            raise NotFound(
                f"View {name!r:.120} does not exist. "
                + (f"Views are {', '.join(map(repr, views))}." if views else "The store has no saved views.")
            )
        return views[name]

    def get_views(self) -> dict[str, dict[str, Any]]:
        """Return all saved views of the comparison.

        Returns:
            The state of each view by its name, sorted by name.
        """
        found: dict[str, dict[str, Any]] = {}
        for name, text in self._store.get_settings(_VIEW).items():
            # A newer nbtrack may have written something else.
            with suppress(ValueError):
                view = json.loads(text)
                if isinstance(view, dict):
                    found[name] = view
        return found

    def delete_view(self, name: str) -> None:
        """Delete a saved view of the comparison.

        Args:
            name: Name of the view.

        Raises:
            NotFound: If no view has this name.
        """
        self.get_view(name)
        self._store.set_setting(_VIEW, name, None)

    def keep_filter(self, filter_string: str) -> list[str]:
        """Put a filter in front of those that the user applied before in this store.

        Args:
            filter_string: A filter of runs. An empty one, or one of more than 2,000 characters, is not kept.

        Returns:
            The filters that are kept, at most 20, the newest first.

        Raises:
            InvalidParameter: If `filter_string` is not a string.
        """
        before = self.get_filters()
        if not _is_kept(check_text(check_string(filter_string, "filter_string"), "filter_string")):
            return before
        found = [filter_string, *(each for each in before if each != filter_string)][:_MOST_FILTERS]
        if found != before:
            self._store.set_setting(_FILTERS, user(), json.dumps(found, ensure_ascii=False))
        return found

    def get_filters(self) -> list[str]:
        """Return the filters that the user applied last in a comparison of this store.

        Returns:
            The filters, at most 20, the newest first.
        """
        try:
            found = json.loads(self._store.get_settings(_FILTERS).get(user(), "[]"))
        except ValueError:
            # A newer nbtrack may have written something else.
            return []
        kept = [each for each in found if isinstance(each, str) and _is_kept(each)] if isinstance(found, list) else []
        return kept[:_MOST_FILTERS]

    @property
    def directions(self) -> Directions:
        """The modes of all metrics of the store, defined or guessed from their names."""
        return Directions(self.get_metric_modes())


def _is_kept(filter_string: str) -> bool:
    """Return whether a filter is kept for its user."""
    return filter_string.strip() != "" and len(filter_string) <= _LONGEST_FILTER
