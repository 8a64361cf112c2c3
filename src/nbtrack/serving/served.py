"""A loaded model that answers requests."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

import orjson

from ..client import Client
from ..errors import InvalidState, NbtrackError
from ..integrations.pyfunc import PyFuncModel, load_model
from ..model_registry.resolving import find_version
from ..model_registry.uris import ModelVersionUri, parse_uri
from ..models.saving import PYFUNC
from .answers import write_answer
from .bodies import read_body
from .openapi import describe
from .refusals import BadRequest


class ServedModel:
    """A loaded model with its origin: `name` and `version` in the registry, if it comes from there, and its run."""

    def __init__(self, uri: str, model: PyFuncModel, name: str | None = None, version: int | None = None) -> None:
        self.uri = uri
        self.model = model
        self.name = name
        self.version = version
        self.run_id = model.metadata.run_id
        self.since = time.time()
        self._inputs = model.metadata.get_input_schema()
        self._outputs = model.metadata.get_output_schema()
        self._hinted = bool(model.metadata.extra.get("is_signature_from_type_hint"))

    def answer(self, body: bytes, content_type: str | None) -> bytes:
        """Return the body of the response. Raises an NbtrackError that says what is wrong with the request."""
        data, params = read_body(body, content_type, self._inputs, raw_inputs=self._hinted)
        return self._answer(data, params)

    def warm_up(self) -> bool:
        """Predict the model's input example. Return False if it has none.

        Raises an NbtrackError if the model fails.
        """
        example = self.model.input_example
        if example is None:
            return False
        pair = isinstance(example, tuple) and len(example) == 2
        self._answer(*(example if pair else (example, None)))
        return True

    def _answer(self, data: Any, params: Mapping[str, Any] | None) -> bytes:
        data, params = self.model.enforced(data, params)
        try:
            predictions = self.model.call(data, params)
        except NbtrackError:
            raise
        except Exception as error:  # whatever the model raises
            raise BadRequest(f"The model failed on this data: {type(error).__name__}: {error}"[:2000]) from error
        return write_answer(predictions, self._outputs)

    @cached_property
    def headers(self) -> dict[str, str]:
        """The response headers that name the model."""
        known = {"name": self.name, "version": self.version, "run-id": self.run_id}
        return {f"nbtrack-model-{name}": quote(str(value)) for name, value in known.items() if value}

    @cached_property
    def openapi(self) -> bytes:
        """The document of /openapi.json."""
        return orjson.dumps(describe(self.model, self.name, self.version), default=str)

    def to_dict(self) -> dict[str, Any]:
        """Return what /health reports about the model."""
        return {
            "uri": self.uri,
            "name": self.name,
            "version": self.version,
            "run_id": self.run_id,
            "flavor": self.model.loader,
            "since": round(self.since, 3),
        }

    def __repr__(self) -> str:
        return f"<ServedModel {self.uri!r}>"


def open_served(uri: str, *, trust: bool = False) -> ServedModel:
    """Load the model at a URI. A stage or an alias is resolved once."""
    target = parse_uri(uri)
    if not isinstance(target, ModelVersionUri):
        return ServedModel(uri, load_model(uri, trust=trust))
    version = find_version(target, Client())
    exact = "/".join(filter(None, (f"models:/{version.name}/{version.version}", target.path)))
    return ServedModel(exact, load_model(exact, trust=trust), version.name, version.version)


def open_first(uri: str, *, trust: bool = False) -> ServedModel:
    """Load the model that a server starts with. If it cannot predict its own example, it is served with a warning."""
    served = open_served(uri, trust=trust)
    try:
        served.warm_up()
    except Exception as error:  # whatever the model or the reading of its example raises
        warnings.warn(f"The model at {uri!r:.200} cannot predict its own input example: {error}", stacklevel=2)
    return served


def open_next(uri: str, before: ServedModel, *, trust: bool = False) -> ServedModel:
    """Load the model that replaces another one in the same process. Raises if it cannot predict its example."""
    served = open_served(uri, trust=trust)
    if _has_code(served) and _has_code(before):
        raise InvalidState(
            "Both versions contain code of their own, and a process can import a module only once. Restart the server "
            "to serve the new version."
        )
    served.warm_up()
    return served


def _has_code(served: ServedModel) -> bool:
    return bool(served.model.metadata.flavors.get(PYFUNC, {}).get("code"))
