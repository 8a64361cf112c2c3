"""Settings that every user of the store shares."""

from __future__ import annotations

from ..client import Client
from ..directions import Mode


def define_metric(name: str, mode: Mode | None) -> None:
    """Say whether higher or lower values of a metric are better, for everyone who uses the store.

    Without a definition, a metric whose name says that it is a loss, an error or a duration is better if it is lower,
    and any other metric is better if it is higher. The mode decides which values and groups the widgets mark as the
    best, how they sort, and which model `log_best` and which checkpoint autologging keeps.

    Args:
        name: Key of the metric, such as "val/auc", or a pattern in which "*" stands for any characters, such as
            "val/*". An exact name takes precedence over patterns, and a longer pattern over a shorter one.
        mode: "max" if higher values are better, "min" if lower ones are, or None to delete the definition.

    Raises:
        InvalidParameter: If the name is empty or too long, or if `mode` is not one of the above.

    Example:
        >>> define_metric("val/gap", mode="min")
        >>> Client().get_metric_modes()
        {'val/gap': 'min'}
    """
    Client().define_metric(name, mode)
