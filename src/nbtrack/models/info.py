"""The entity that `log_model` and `get_model_info` return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """A saved model: where it is, which run logged it, and which flavors can load it. The names are MLflow's.

    Attributes:
        model_uri: The URI that `load_model` takes.
        artifact_path: The model's folder below the run's artifacts. Empty if the model was not logged by a run.
        run_id: The ID of the run that logged the model, or None.
        model_uuid: A random ID of the model, or None if its file has none.
        utc_time_created: The time of creation in UTC, as a string.
        flavors: The settings of each flavor that can load the model, by the flavor's name.
        signature: The model's signature, or None.
        saved_input_example_info: Where the input example is stored and in which form. None without an example.
        metadata: Values that the user stored with the model.
        registered_model_version: The number of the version that `log_model` registered. None if it registered none.
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
        """MLflow 3's name for `artifact_path`."""
        return self.artifact_path

    @property
    def signature_dict(self) -> dict[str, Any] | None:
        """The signature as the MLmodel file stores it, or None."""
        if self.signature is None or isinstance(self.signature, dict):
            return self.signature
        return dict(self.signature.to_dict())
