"""From a logged model to a version in the registry."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from ..client import Client
from ..entities import ModelVersion
from ..errors import AlreadyExists
from ..model_names import check_model_name
from ..model_registry.lookups import ModelSource
from .where import locate, model_at


def register_model(
    model_uri: str | os.PathLike[str],
    name: str,
    await_registration_for: int | None = 300,
    *,
    tags: Mapping[str, object] | None = None,
    client: ModelSource | None = None,
) -> ModelVersion:
    """Make the model the next version of the registered model `name`, which is made where it does not exist.

    `model_uri` is a `runs:/` or `models:/` URI, or a folder. A version is ready when this returns;
    `await_registration_for` is there for code that was written for MLflow. Raises NotFound where the URI leads to no
    model; the registry is not changed then.
    """
    client = client or Client()
    check_model_name(name)
    location = locate(model_uri, client)
    model_at(location, client)
    with contextlib.suppress(AlreadyExists):
        client.create_registered_model(name)
    return client.create_model_version(name, location.uri, location.run_id or None, tags)
