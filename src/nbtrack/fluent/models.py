"""Models of the active run."""

from __future__ import annotations

from typing import Any, Literal

from ..models import best as best_models
from .runs import target


def log_best(
    model: Any,
    metric: str,
    mode: Literal["max", "min"] | None = None,
    *,
    value: Any = None,
    step: int | None = None,
    name: str = "best",
    flavor: str | None = None,
    run_id: str | None = None,
    silent: bool = False,
    **arguments: Any,
) -> best_models.Best:
    """Log a model if its metric is better than that of the run's best model so far, which it replaces.

    Calling this with a model that is not better costs microseconds. A replaced model is deleted, unless versions of
    registered models use it: then it is kept for them in another folder. The tags `nbtrack.best.value`, `.step`,
    `.metric` and `.mode` describe the best model.

    Args:
        model: The model.
        metric: Key of the metric to compare. It must have been logged, unless `value` is given.
        mode: "max" if larger values are better, or "min" if smaller ones are. Defaults to that of the run's best model
            so far, or else to what `define_metric` has defined for the metric, or else to what its name says: "min" for
            a loss, an error or a duration, and "max" for any other metric.
        value: The value to compare. Defaults to the metric's last value. NaN is never better.
        step: The step to record for the model. Defaults to the step of the metric's last value.
        name: Folder of the model below the run's artifacts. Use different names to keep the best models of several
            metrics.
        flavor: Flavor that saves the model, such as "sklearn". By default, it is found from the model's class.
        run_id: Run to log to. Defaults to the active run, which is started if there is none.
        silent: Whether not to print a line for each better model.
        **arguments: Further arguments for the flavor's `save_model`, such as `signature` or `input_example`.

    Returns:
        A result that is true if the model was logged. It has the URI, the value and the step of the best model now.

    Raises:
        NotFound: If the metric was not logged and `value` is not given, or if the flavor does not exist.
        InvalidParameter: If `mode` is not one of the above, if the folder holds the best model of another metric or
            mode, or if no flavor is known for the model.

    Example:
        >>> best = log_best(model, metric="val/auc", mode="max")  # doctest: +SKIP
        val/auc 0.93 at step 12 is better than 0.91. The model at runs:/…/best was replaced. 1.2 MB of disk …
    """
    client, run_id = target(run_id)
    best = best_models.log_best(
        client, run_id, model, metric, mode, value=value, step=step, name=name, flavor=flavor, arguments=arguments
    )
    if best.is_new and not silent:
        print(best)
    return best
