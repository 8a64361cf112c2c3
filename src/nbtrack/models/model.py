"""The MLmodel file: a manifest that describes a model's folder and the flavors that can load it."""

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
    """The manifest of a model, which is stored in its MLmodel file. The names are MLflow's.

    Attributes:
        artifact_path: The model's folder below the run's artifacts.
        run_id: The ID of the run that logged the model.
        utc_time_created: The time of creation in UTC, as a string such as "2026-01-31 12:00:00.000000".
        flavors: The settings of each flavor that can load the model, by the flavor's name.
        signature: A ModelSignature, another object with `to_dict`, or the dict that `to_dict` returns. None if the
            model has no signature.
        saved_input_example_info: Where the input example is stored and in which form. None without an example.
        model_uuid: A random ID of the model.
        metadata: Values that the user stored with the model.
        extra: The fields of a loaded file that nbtrack does not use, kept so that saving it again loses nothing.
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
        """Add a flavor that can load the model.

        Args:
            name: The name of the flavor.
            **parameters: The settings that the flavor needs to load the model.

        Returns:
            The manifest itself.
        """
        self.flavors[name] = parameters
        return self

    def flavor(self, name: str) -> dict[str, Any]:
        """Return the settings of a flavor.

        Args:
            name: The name of the flavor.

        Returns:
            The settings that the flavor needs to load the model.

        Raises:
            NotFound: If the model does not have this flavor.
        """
        if name not in self.flavors:
            known = ", ".join(sorted(self.flavors)) or "none"
            raise NotFound(f"The model has no {name!r:.80} flavor. Its flavors are: {known}.")
        return self.flavors[name]

    def get_input_schema(self) -> Schema | None:
        """Return the schema of the data that `predict` takes.

        Returns:
            The schema, or None if it is not known.
        """
        return self.signature.inputs if isinstance(self.signature, ModelSignature) else None

    def get_output_schema(self) -> Schema | None:
        """Return the schema of the predictions.

        Returns:
            The schema, or None if it is not known.
        """
        return self.signature.outputs if isinstance(self.signature, ModelSignature) else None

    def get_params_schema(self) -> ParamSchema | None:
        """Return the schema of the params that `predict` takes.

        Returns:
            The schema, or None if `predict` takes no params.
        """
        return self.signature.params if isinstance(self.signature, ModelSignature) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the MLmodel file.

        Returns:
            A dict of the fields that have a value. "flavors" is always there.
        """
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
        """Return the content of the MLmodel file as YAML.

        Returns:
            A YAML document.
        """
        return write_yaml(self.to_dict())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the manifest to a file.

        Args:
            path: The file, or an existing folder, in which the file MLmodel is written.
        """
        target = Path(path)
        (target / MLMODEL if target.is_dir() else target).write_text(self.to_yaml(), encoding="utf-8")

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Model:
        """Create a manifest from the content of an MLmodel file, one that MLflow wrote included.

        Args:
            fields: The content of the file. A signature that cannot be read is kept as it is.

        Returns:
            The manifest.

        Raises:
            InvalidParameter: If the fields do not list flavors.
        """
        flavors = fields.get("flavors")
        if not isinstance(flavors, dict) or not all(isinstance(value, dict) for value in flavors.values()):
            raise InvalidParameter(f"The {MLMODEL} file lists no flavors, so the model cannot be loaded.")
        names = set(cls.__dataclass_fields__) - {"extra"}
        known = {name: value for name, value in fields.items() if name in names and value is not None}
        # YAML parses a time without quotes as a datetime.
        known["utc_time_created"] = str(known.get("utc_time_created", ""))
        known.setdefault("model_uuid", None)
        if "signature" in known:
            with contextlib.suppress(InvalidParameter):
                # A signature that a newer MLflow wrote and that cannot be read is kept as it is.
                known["signature"] = as_signature(known["signature"])
        return cls(**known, extra={name: value for name, value in fields.items() if name not in names})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a manifest. Nothing that it names is imported.

        Args:
            path: A local MLmodel file, or the folder that contains it.

        Returns:
            The manifest.

        Raises:
            NotFound: If the folder or its MLmodel file does not exist.
            InvalidParameter: If `path` is not a path, or if the file is not a valid MLmodel file.
        """
        if not isinstance(path, str | os.PathLike):
            raise InvalidParameter(f"path must be the path of a model's folder, not {path!r:.80}.")
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
        """Return the manifest as the entity that `log_model` and `get_model_info` return.

        Args:
            model_uri: The URI that the model is loaded from.
            registered_model_version: The number of the version that was registered with the model, if one was.

        Returns:
            The information about the model.
        """
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
