"""Change the manifest of a saved model."""

from __future__ import annotations

from typing import Any

from ..client import Client
from ..errors import InvalidParameter
from ..model_registry.resolving import joined
from ..model_registry.uris import ModelVersionUri, RunUri, parse_uri
from .model import MLMODEL
from .signature import as_signature
from .where import locate, model_at


def set_signature(model_uri: str, signature: Any) -> None:
    """Set the signature of a saved model, and replace the one that it may have.

    The model of a registered version cannot be changed. Set the signature through the run's `runs:/` URI, and register
    that model as the next version.

    Args:
        model_uri: A `runs:/` URI, or the path or URI of a model's folder.
        signature: A signature, as `infer_signature` returns it, or one of MLflow's.

    Raises:
        InvalidParameter: If `model_uri` is a `models:/` URI, or if `signature` is not a signature.
        NotFound: If no model exists at `model_uri`.
    """
    target = parse_uri(model_uri)
    if isinstance(target, ModelVersionUri):
        raise InvalidParameter(
            "The model of a registered version cannot be changed. Set the signature of the run's model through its "
            "runs:/ URI, and register that model as the next version."
        )
    new = as_signature(signature)
    if new is None:
        raise InvalidParameter("signature must be a ModelSignature, as infer_signature returns it, not None.")
    client = Client()
    location = locate(model_uri, client)
    model = model_at(location, client)
    model.signature = new
    content = model.to_yaml()
    if isinstance(target, RunUri):
        # Logged through the run, so that its list of artifacts has the new size.
        client.log_text(target.run_id, content, f"{target.path}/{MLMODEL}")
    else:
        location.repository.put(joined(location.path, MLMODEL), content.encode())
