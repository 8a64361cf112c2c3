"""Whether lower or higher values of a metric are better: as it was defined for the store, or else by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Mode = Literal["max", "min"]

MODES: tuple[Mode, ...] = ("max", "min")

_LOWER_IS_BETTER = ("loss", "error", "err", "mse", "rmse", "mae", "mape", "perplexity", "divergence", "time", "latency")


@dataclass(frozen=True, slots=True)
class Directions:
    """The modes of a store's metrics.

    Attributes:
        defined: The mode of each metric, or of all metrics whose names match a pattern with "*" or "?".
    """

    defined: Mapping[str, str] = field(default_factory=dict)

    def mode(self, key: str) -> Mode:
        """Return "max" if higher values of a metric are better, or "min" if lower ones are."""
        return self.defined_mode(key) or ("min" if _sounds_like_a_loss(key) else "max")

    def defined_mode(self, key: str) -> Mode | None:
        """Return the mode that was defined for a metric, or None. An exact name wins, then the longest pattern."""
        defined = self.defined.get(key)
        if defined is None:
            patterns = [pattern for pattern in self.defined if fnmatchcase(key, pattern)]
            defined = self.defined[max(patterns, key=len)] if patterns else None
        return next((mode for mode in MODES if mode == defined), None)

    def lower_is_better(self, key: str, of_study: str | None = None) -> bool:
        """Return whether lower values of a metric are better.

        Args:
            key: The name of the metric.
            of_study: The direction of an Optuna study that optimizes the metric, MINIMIZE or MAXIMIZE. A definition for
                the store takes precedence over it, and it takes precedence over the name.
        """
        if of_study in ("MINIMIZE", "MAXIMIZE") and self.defined_mode(key) is None:
            return of_study == "MINIMIZE"
        return self.mode(key) == "min"


def _sounds_like_a_loss(key: str) -> bool:
    """Return whether a metric is a loss, an error or a duration, by its name."""
    words = key.lower().replace("-", "_").replace("/", "_").replace(".", "_").split("_")
    return any(word in _LOWER_IS_BETTER or word.removesuffix("s") in _LOWER_IS_BETTER for word in words)
