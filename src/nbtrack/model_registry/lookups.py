"""What this package asks of a store: small protocols, which the client satisfies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..entities import ModelVersion, Run


class VersionLookup(Protocol):
    """The versions of registered models, by number, by alias and by stage."""

    def get_model_version(self, name: str, version: int | str, /) -> ModelVersion:
        """Return a version by its number. Raises NotFound."""
        ...

    def get_model_version_by_alias(self, name: str, alias: str, /) -> ModelVersion:
        """Return the version that an alias points at. Raises InvalidParameter for an unknown alias."""
        ...

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None, /) -> list[ModelVersion]:
        """Return the newest version of each of these stages, of all stages for None. Raises NotFound."""
        ...


class Lookup(VersionLookup, Protocol):
    """Versions, and the runs that they came from."""

    def get_run(self, run_id: str, /) -> Run:
        """Return a run with its data. Raises NotFound."""
        ...
