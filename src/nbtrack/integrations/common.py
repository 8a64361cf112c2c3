"""What the flavors' `log_model` has in common."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..errors import InvalidParameter
from ..fluent.runs import ensure_run
from ..models import ModelInfo
from ..models.logging import log_model


def log(
    flavor: ModuleType,
    artifact_path: str | None,
    name: str | None,
    registered_model_name: str | None,
    **arguments: Any,
) -> ModelInfo:
    """Save a model by a flavor's module and keep it as an artifact of the active run, which is started where there is
    none.

    `name` is MLflow 3's word for `artifact_path`; without either it is "model". With `registered_model_name` the model
    becomes that model's next version. `arguments` go to the flavor's `save_model`.
    """
    if artifact_path is not None and name is not None:
        raise InvalidParameter("name and artifact_path are two words for one thing. Give one of them.")
    run = ensure_run()
    return log_model(
        artifact_path or name or "model",
        flavor,
        run_id=run.info.run_id,
        registered_model_name=registered_model_name,
        **arguments,
    )
