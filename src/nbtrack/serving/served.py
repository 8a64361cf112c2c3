"""One model that answers requests, and the place where the present one stands."""

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
    """A loaded model with what it is: `name` and `version` in the registry, where it came from there, and its run."""

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
        """The body of the response to a request. Raises an NbtrackError that says what is wrong with it."""
        data, params = read_body(body, content_type, self._inputs, as_it_is=self._hinted)
        return self._answer(data, params)

    def warm_up(self) -> bool:
        """Answer the model's own input example; False where it has none. Raises an NbtrackError where it cannot."""
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
        except Exception as error:  # what the model raises
            raise BadRequest(f"The model failed on this data: {type(error).__name__}: {error}"[:2000]) from error
        return write_answer(predictions, self._outputs)

    @cached_property
    def headers(self) -> dict[str, str]:
        """Which model answered, for the header of each response."""
        known = {"name": self.name, "version": self.version, "run-id": self.run_id}
        return {f"nbtrack-model-{what}": quote(str(value)) for what, value in known.items() if value}

    @cached_property
    def openapi(self) -> bytes:
        """The document of /openapi.json."""
        return orjson.dumps(describe(self.model, self.name, self.version), default=str)

    def to_dict(self) -> dict[str, Any]:
        """What /health says of it."""
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
    """The model at a URI, ready to answer. What a stage or an alias names is found out once."""
    target = parse_uri(uri)
    if not isinstance(target, ModelVersionUri):
        return ServedModel(uri, load_model(uri, trust=trust))
    version = find_version(target, Client())
    exact = "/".join(filter(None, (f"models:/{version.name}/{version.version}", target.path)))
    return ServedModel(exact, load_model(exact, trust=trust), version.name, version.version)


def open_first(uri: str, *, trust: bool = False) -> ServedModel:
    """The model that a server begins with. One that fails on its own example is served, with a warning."""
    served = open_served(uri, trust=trust)
    try:
        served.warm_up()
    except Exception as error:  # what the example's reader or the model raises
        warnings.warn(f"The model at {uri!r:.200} cannot predict its own input example: {error}", stacklevel=2)
    return served


def open_next(uri: str, before: ServedModel, *, trust: bool = False) -> ServedModel:
    """The model that takes over from another one in the same process. One that fails on its own example is an error."""
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
