"""What `log_model` and `get_model_info` return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """A saved model: where it is, which run made it, which flavors can load it. The names are MLflow's.

    `model_uri` is what `load_model` takes. `registered_model_version` is the version that `log_model` registered,
    None where it registered none.
    """

    model_uri: str
    artifact_path: str
    run_id: str | None
    model_uuid: str | None
    utc_time_created: str
    flavors: dict[str, dict[str, Any]]
    signature: Any = None
    saved_input_example_info: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    registered_model_version: int | None = None

    @property
    def name(self) -> str:
        """MLflow 3's word for `artifact_path`."""
        return self.artifact_path

    @property
    def signature_dict(self) -> dict[str, Any] | None:
        """The signature as MLmodel holds it."""
        if self.signature is None or isinstance(self.signature, dict):
            return self.signature
        return dict(self.signature.to_dict())
