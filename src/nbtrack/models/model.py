"""The file MLmodel: one manifest that says what is in a model's folder and which flavors can load it."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import InvalidParameter, NotFound
from .info import ModelInfo
from .signature import ModelSignature, ParamSchema, Schema, as_signature
from .yaml_text import InvalidYaml, read_yaml, write_yaml

MLMODEL = "MLmodel"
"""The name of the manifest in a model's folder."""


def _utc_now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ")


@dataclass
class Model:
    """A manifest that can be filled, saved and loaded. The names are MLflow's.

    `signature` is a ModelSignature, anything else with `to_dict()`, or what that returns. `extra` holds the fields of a
    loaded file that nbtrack has no use for, so that saving it again loses nothing.
    """

    artifact_path: str | None = None
    run_id: str | None = None
    utc_time_created: str = field(default_factory=_utc_now)
    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    signature: Any = None
    saved_input_example_info: dict[str, Any] | None = None
    model_uuid: str | None = field(default_factory=lambda: uuid.uuid4().hex)
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def add_flavor(self, name: str, **parameters: Any) -> Model:
        """Say that a flavor can load the model, and what it needs to know for that."""
        self.flavors[name] = parameters
        return self

    def flavor(self, name: str) -> dict[str, Any]:
        """What a flavor needs to know; NotFound, with the flavors there are, where it cannot load this model."""
        if name not in self.flavors:
            known = ", ".join(sorted(self.flavors)) or "none"
            raise NotFound(f"The model has no {name!r:.80} flavor. Its flavors are: {known}.")
        return self.flavors[name]

    def get_input_schema(self) -> Schema | None:
        """What `predict` takes, where that is known."""
        return self.signature.inputs if isinstance(self.signature, ModelSignature) else None

    def get_output_schema(self) -> Schema | None:
        """What `predict` answers, where that is known."""
        return self.signature.outputs if isinstance(self.signature, ModelSignature) else None

    def get_params_schema(self) -> ParamSchema | None:
        """The params of `predict`, where there are any."""
        return self.signature.params if isinstance(self.signature, ModelSignature) else None

    def to_dict(self) -> dict[str, Any]:
        """What the file holds."""
        fields = {
            **self.extra,
            "artifact_path": self.artifact_path,
            "flavors": self.flavors,
            "model_uuid": self.model_uuid,
            "run_id": self.run_id,
            "utc_time_created": self.utc_time_created,
            "metadata": self.metadata,
            "saved_input_example_info": self.saved_input_example_info,
            "signature": self.get_model_info("").signature_dict,
        }
        return {name: value for name, value in fields.items() if value not in (None, {}) or name == "flavors"}

    def to_yaml(self) -> str:
        """The file's text."""
        return write_yaml(self.to_dict())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, or MLmodel in a folder."""
        target = Path(path)
        (target / MLMODEL if target.is_dir() else target).write_text(self.to_yaml(), encoding="utf-8")

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Model:
        """A manifest from what a file holds, MLflow's too."""
        flavors = fields.get("flavors")
        if not isinstance(flavors, dict) or not all(isinstance(value, dict) for value in flavors.values()):
            raise InvalidParameter(f"The {MLMODEL} file lists no flavors, so the model cannot be loaded.")
        names = set(cls.__dataclass_fields__) - {"extra"}
        known = {name: value for name, value in fields.items() if name in names and value is not None}
        # YAML reads a bare time as a datetime.
        known["utc_time_created"] = str(known.get("utc_time_created", ""))
        known.setdefault("model_uuid", None)
        if "signature" in known:
            with contextlib.suppress(InvalidParameter):
                # One that a newer MLflow wrote and that cannot be read stays as it is.
                known["signature"] = as_signature(known["signature"])
        return cls(**known, extra={name: value for name, value in fields.items() if name not in names})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """The manifest of a local folder, or in an MLmodel file. It is data: nothing that it names is imported."""
        file = Path(path)
        file = file / MLMODEL if file.is_dir() else file
        try:
            fields = read_yaml(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            why = f"it contains no {MLMODEL} file" if Path(path).exists() else "the folder does not exist"
            raise NotFound(f"{os.fspath(path)} is not a model: {why}.") from None
        except (InvalidYaml, UnicodeDecodeError) as error:
            raise InvalidParameter(f"{file} is not a valid {MLMODEL} file: {error}") from error
        if not isinstance(fields, dict):
            raise InvalidParameter(f"{file} is not a valid {MLMODEL} file: it contains no fields.")
        return cls.from_dict(fields)

    def get_model_info(self, model_uri: str, registered_model_version: int | None = None) -> ModelInfo:
        """The manifest as the entity that the API returns."""
        return ModelInfo(
            model_uri=model_uri,
            artifact_path=self.artifact_path or "",
            run_id=self.run_id,
            model_uuid=self.model_uuid,
            utc_time_created=self.utc_time_created,
            flavors=self.flavors,
            signature=self.signature,
            saved_input_example_info=self.saved_input_example_info,
            metadata=self.metadata,
            registered_model_version=registered_model_version,
        )
