"""The methods of the client for settings that every user of a store shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..directions import MODES, Directions, Mode
from ..errors import InvalidParameter
from ..names import check_name

if TYPE_CHECKING:
    from ..store.protocol import Store

_METRIC_MODE = "metric_mode"


class SettingsMixin:
    """Settings of the store: which values of a metric are better."""

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

    @property
    def directions(self) -> Directions:
        """The modes of all metrics of the store, defined or guessed from their names."""
        return Directions(self.get_metric_modes())
