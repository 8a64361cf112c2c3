"""What the `log_model` functions of all flavors have in common."""

from __future__ import annotations

from contextlib import nullcontext
from types import ModuleType
from typing import Any

from ..errors import InvalidParameter
from ..fluent.runs import active_run, start_run
from ..models import ModelInfo
from ..models.logging import log_model


def log(
    flavor: ModuleType,
    artifact_path: str | None,
    name: str | None,
    registered_model_name: str | None,
    **arguments: Any,
) -> ModelInfo:
    """Log a model to the active run with a flavor's `save_model`. Without an active run, it gets a run of its own.

    Args:
        flavor: The flavor's module.
        artifact_path: The model's folder below the run's artifacts. Defaults to "model".
        name: MLflow 3's name for `artifact_path`.
        registered_model_name: Registered model to which the model is added as its next version. None registers nothing.
        **arguments: Passed on to the flavor's `save_model`.

    Returns:
        The description of the logged model.

    Raises:
        InvalidParameter: If both `artifact_path` and `name` are given.
    """
    if artifact_path is not None and name is not None:
        raise InvalidParameter("name and artifact_path are two names for the same parameter. Pass only one of them.")
    # As in MLflow, no run is left active that was not active before.
    run = active_run()
    with nullcontext(run) if run else start_run() as run:
        return log_model(
            artifact_path or name or "model",
            flavor,
            run_id=run.info.run_id,
            registered_model_name=registered_model_name,
            **arguments,
        )


def sentence(error: BaseException, *, first_line: bool = False) -> str:
    """Return an error's message, or the name of its type if it has none, with a period at its end.

    Another sentence can follow. `first_line` leaves out the other lines of a long message.
    """
    message = str(error).strip() or type(error).__name__
    if first_line:
        message = message.splitlines()[0].rstrip()
    return message if message.endswith((".", "!", "?")) else f"{message}."
