"""Small protocols for what this package needs from a store. The client implements them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from ..entities import ModelVersion, RegisteredModel, Run
from ..store.protocol import Versions


class VersionLookup(Protocol):
    """Access to the versions of registered models, by number, by alias and by stage."""

    def get_model_version(self, name: str, version: int | str, /) -> ModelVersion:
        """Return a version by its number. Raises NotFound."""
        ...

    def get_model_version_by_alias(self, name: str, alias: str, /) -> ModelVersion:
        """Return the version that an alias points to. Raises InvalidParameter if the alias does not exist."""
        ...

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None, /) -> list[ModelVersion]:
        """Return the newest version in each of these stages, or in all stages for None. Raises NotFound."""
        ...


class Lookup(VersionLookup, Protocol):
    """Access to versions and to the runs that they came from."""

    def get_run(self, run_id: str, /) -> Run:
        """Return a run with its data. Raises NotFound."""
        ...


class RunReading(Protocol):
    """Access to the artifacts of runs."""

    def artifact_uri(self, run_id: str, /, *, own: Literal[True]) -> str | None:
        """Return the artifact URI of a run that this process has created, or None for any other run."""
        ...


class ModelSource(Lookup, Protocol):
    """The access to a store that registering a run's model needs."""

    @property
    def reading(self) -> RunReading:
        """Access to the artifacts of runs."""
        ...

    def check_exists(self) -> None:
        """Raise NotFound if nothing was ever logged to the store."""
        ...

    def create_registered_model(self, name: str, /) -> RegisteredModel:
        """Create a model without versions. Raises AlreadyExists."""
        ...

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None,
        tags: Mapping[str, object] | None,
        /,
        *,
        expected_versions: Versions | None,
    ) -> ModelVersion:
        """Create the next version of a model. Raises Conflict if others than these versions have this source."""
        ...
