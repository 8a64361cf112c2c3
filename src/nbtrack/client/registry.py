"""The registry's half of the client: MLflow's method names, arguments and defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..capture import user
from ..entities import ModelEvent, ModelVersion, PagedList, RegisteredModel, Run
from ..errors import InvalidParameter, NotFound
from ..store.stages import ALL_STAGES, canonical_stage

if TYPE_CHECKING:
    from ..store.duckdb import DuckDBStore as Store

DEFAULT_AWAIT_SECONDS = 300
"""MLflow's default for `await_creation_for`. A version is READY when its creation returns, so nothing waits."""

RUNS_SCHEME = "runs:/"


class RegistryMixin:
    """Registered models, their versions, stages, aliases, tags and history.

    Names that do not exist raise NotFound, names that are taken AlreadyExists, values that are not allowed
    InvalidParameter. Each change is one transaction, whole or absent, and goes into the model's history.
    A `version` is given as an int or its text, and returned as an int.
    """

    _store: Store

    if TYPE_CHECKING:  # the tracking half of the client has it

        def get_run(self, run_id: str) -> Run: ...

    # Registered models

    def create_registered_model(
        self, name: str, tags: Mapping[str, object] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """A new model without versions. A name cannot contain '/' or ':'."""
        return self._store.create_registered_model(name, tags, description, user_id=user())

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The model with its tags, aliases and the newest version of each stage."""
        return self._store.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give the model another name; versions, tags, aliases and history come along."""
        return self._store.rename_registered_model(name, new_name, user_id=user())

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Replace the model's description."""
        return self._store.update_registered_model(name, description, user_id=user())

    def delete_registered_model(self, name: str) -> None:
        """Delete the model with all its versions. Runs and files stay, and so does the history."""
        self._store.delete_registered_model(name, user_id=user())

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of the models that match, such as `name LIKE 'dig%' AND tags.task = 'vision'`."""
        return self._store.search_registered_models(filter_string, max_results, order_by, page_token)

    def set_registered_model_tag(self, name: str, key: str, value: object) -> None:
        """Write a tag of the model; the value is kept as text."""
        self._store.set_registered_model_tag(name, key, value, user_id=user())

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of the model, if it has it."""
        self._store.delete_registered_model_tag(name, key, user_id=user())

    def get_history(self, name: str) -> list[ModelEvent]:
        """What happened to the model, newest first: who, when, what, from what to what."""
        return self._store.model_events(name)

    # Versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = DEFAULT_AWAIT_SECONDS,
    ) -> ModelVersion:
        """The model's next version. `source` is the URI or the path of its files."""
        return self._store.create_model_version(name, source, run_id, tags, run_link, description, user_id=user())

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        """The version with its stage, tags and aliases."""
        return self._store.get_model_version(name, version)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version in each of these stages, all stages for None."""
        return self._store.get_latest_versions(name, stages)

    def update_model_version(self, name: str, version: int | str, description: str | None = None) -> ModelVersion:
        """Replace the version's description."""
        return self._store.update_model_version(name, version, description, user_id=user())

    def transition_model_version_stage(
        self, name: str, version: int | str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move the version to None, Staging, Production or Archived (in any case of letters).

        With `archive_existing_versions`, every other version in the target stage goes to Archived in the same
        transaction; this is for Staging and Production only.
        """
        return self._store.transition_model_version_stage(
            name, version, stage, archive_existing_versions, user_id=user()
        )

    def delete_model_version(self, name: str, version: int | str) -> None:
        """Delete the version. Its number is not given to another one."""
        self._store.delete_model_version(name, version, user_id=user())

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of the versions that match, such as `name = 'digits' AND run_id = '…'`."""
        return self._store.search_model_versions(filter_string, max_results, order_by, page_token)

    def get_model_version_stages(self, name: str, version: int | str) -> list[str]:
        """The stages that a version can be in."""
        return list(ALL_STAGES)

    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        """Where the version's files are: its source, or for a `runs:/` source the place in the run's artifacts."""
        source = self._store.get_model_version(name, version).source
        if not source.startswith(RUNS_SCHEME):
            return source
        run_id, _, path = source.removeprefix(RUNS_SCHEME).partition("/")
        return f"{self.get_run(run_id).info.artifact_uri}/{path}"

    def set_model_version_tag(
        self,
        name: str,
        version: int | str | None = None,
        key: str | None = None,
        value: object = None,
        stage: str | None = None,
    ) -> None:
        """Write a tag of a version, which `version` or, for the newest in a stage, `stage` names."""
        number = self._version_of(name, version, stage)
        self._store.set_model_version_tag(name, number, _given(key, "key"), value, user_id=user())

    def delete_model_version_tag(
        self, name: str, version: int | str | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Remove a tag of a version, which `version` or, for the newest in a stage, `stage` names."""
        number = self._version_of(name, version, stage)
        self._store.delete_model_version_tag(name, number, _given(key, "key"), user_id=user())

    # Aliases

    def set_registered_model_alias(self, name: str, alias: str, version: int | str) -> None:
        """Point the alias at a version; `models:/name@alias` then names it."""
        self._store.set_registered_model_alias(name, alias, version, user_id=user())

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove the alias, if the model has it."""
        self._store.delete_registered_model_alias(name, alias, user_id=user())

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that the alias names. An unknown alias is InvalidParameter, as in MLflow."""
        return self._store.get_model_version_by_alias(name, alias)

    def _version_of(self, name: str, version: int | str | None, stage: str | None) -> int | str:
        if (version is None) == (stage is None):
            raise InvalidParameter("Name the model version by its number or by its stage: give one of the two.")
        if version is not None:
            return version
        latest = self._store.get_latest_versions(name, [canonical_stage(stage)])
        if not latest:
            raise NotFound(f"Model {name!r:.120} has no version in stage {canonical_stage(stage)}.")
        return latest[0].version


def _given(value: str | None, argument: str) -> str:
    if value is None:
        raise InvalidParameter(f"The argument {argument!r} is missing.")
    return value
