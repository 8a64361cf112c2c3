"""Register a logged model as a version of a registered model."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from ..client import Client
from ..entities import ModelVersion
from ..errors import AlreadyExists, InvalidParameter
from ..model_names import check_model_name
from ..model_registry.lookups import ModelSource
from ..store.protocol import Versions
from .where import locate, model_at


def register_model(
    model_uri: str | os.PathLike[str],
    name: str,
    await_registration_for: int | None = 300,
    *,
    tags: Mapping[str, object] | None = None,
    expected_versions: Versions | None = None,
    client: ModelSource | None = None,
) -> ModelVersion:
    """Register a model as the next version of a registered model, which is created if it does not exist.

    If no model exists at `model_uri`, the registry is not changed.

    Args:
        model_uri: A `runs:/` or `models:/` URI, or the path or URI of a model's folder.
        name: The name of the registered model.
        await_registration_for: Ignored. A version is ready as soon as this function returns. The parameter exists for
            code that was written for MLflow.
        tags: Tags of the new version.
        expected_versions: The version, or the list of versions, that the model at `model_uri` must be already; [] for
            none, so that a model is not registered twice by accident. None does not check it.
        client: The client of the store. Defaults to one for the current tracking URI.

    Returns:
        The new version.

    Raises:
        NotFound: If the run, the model or the version that the URI names does not exist.
        InvalidParameter: If the URI is malformed, if `name` is not a valid model name, or if `client` is not a client.
        Conflict: If the model is another version than `expected_versions` already.

    Example:
        >>> import nbtrack
        >>> version = nbtrack.register_model("runs:/<run_id>/model", "digits")  # doctest: +SKIP
        >>> version.version  # doctest: +SKIP
        1
    """
    client = client or Client()
    if not hasattr(client, "create_model_version"):
        raise InvalidParameter(f"client must be a Client, not {type(client).__name__} ({client!r:.80}).")
    check_model_name(name)
    location = locate(model_uri, client)
    model_at(location, client)
    with contextlib.suppress(AlreadyExists):
        client.create_registered_model(name)
    return client.create_model_version(
        name, location.uri, location.run_id or None, tags, expected_versions=expected_versions
    )
