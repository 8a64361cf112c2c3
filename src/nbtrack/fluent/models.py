"""Models of the active run."""

from __future__ import annotations

from typing import Any, Literal

from ..models import best as best_models
from .runs import target


def log_best(
    model: Any,
    metric: str,
    mode: Literal["max", "min"] = "max",
    *,
    value: Any = None,
    step: int | None = None,
    name: str = "best",
    flavor: str | None = None,
    run_id: str | None = None,
    silent: bool = False,
    **arguments: Any,
) -> best_models.Best:
    """Keep the model if the metric is better than at the run's best model so far, which it replaces; say so.

    The metric's last value counts, or `value`; NaN is never better. The flavor follows from the model's class; its
    `save_model` gets the other `arguments`. A model that a version in the registry points to stays, for that version.
    The tags `nbtrack.best.value`, `.step`, `.metric` and `.mode` say of what the model is the best. A model that is
    not better costs microseconds.

    >>> best = log_best(model, metric="val/auc", mode="max")  # doctest: +SKIP
    val/auc 0.93 at step 12 is better than 0.91: runs:/…/best is replaced; 1.2 MB saved.
    """
    client, run_id = target(run_id)
    best = best_models.log_best(
        client, run_id, model, metric, mode, value=value, step=step, name=name, flavor=flavor, arguments=arguments
    )
    if best.is_new and not silent:
        print(best)
    return best
