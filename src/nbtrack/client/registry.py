"""The registry's half of the client: MLflow's method names, arguments and defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..capture import user
from ..entities import (
    Lineage,
    ModelEvent,
    ModelGate,
    ModelVersion,
    PagedList,
    RegisteredModel,
    Run,
    StageChange,
)
from ..errors import InvalidParameter, NotFound
from ..model_names import check_model_name, check_version
from ..model_registry.lineage import lineage_of
from ..model_registry.resolving import find_version, resolve_version
from ..model_registry.uris import MODELS, ModelVersionUri, parse_uri
from ..model_registry.watching import StageWatch
from ..stages import ALL_STAGES, PRODUCTION, canonical_stage
from ..store.protocol import Store, Versions

DEFAULT_AWAIT_SECONDS = 300
"""MLflow's default for `await_creation_for`. A version is READY when its creation returns, so nothing waits."""

DEFAULT_GATE = "default"
"""The name of a stage's gate where it has only one."""


class RegistryMixin:
    """Registered models, their versions, stages, aliases, tags and history.

    Names that do not exist raise NotFound, names that are taken AlreadyExists, values that are not allowed
    InvalidParameter. Each change is one transaction, whole or absent, and goes into the model's history.
    A `version` is given as an int or its text, and returned as an int. A `reason` says why, for the history.
    """

    _store: Store

    if TYPE_CHECKING:  # the tracking half of the client has it

        def get_run(self, run_id: str) -> Run: ...

    # Registered models

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        *,
        reason: str | None = None,
    ) -> RegisteredModel:
        """A new model without versions. A name cannot contain '/' or ':', nor be '.' or '..'."""
        return self._store.create_registered_model(name, tags, description, user_id=user(), reason=reason)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The model with its tags, aliases and the newest version of each stage."""
        return self._store.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str, *, reason: str | None = None) -> RegisteredModel:
        """Give the model another name; versions, tags, aliases and history come along."""
        return self._store.update_registered_model(
            name, new_name=check_model_name(new_name), user_id=user(), reason=reason
        )

    def update_registered_model(
        self, name: str, description: str | None = None, *, reason: str | None = None
    ) -> RegisteredModel:
        """Replace the model's description."""
        text = "" if description is None else description
        return self._store.update_registered_model(name, description=text, user_id=user(), reason=reason)

    def delete_registered_model(self, name: str, *, reason: str | None = None) -> None:
        """Delete the model with all its versions. Runs and files stay, and so does the history."""
        self._store.delete_registered_model(name, user_id=user(), reason=reason)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of the models that match, such as `name LIKE 'dig%' AND tags.task = 'vision'`."""
        return self._store.search_registered_models(filter_string, max_results, order_by, page_token)

    def set_registered_model_tag(self, name: str, key: str, value: object, *, reason: str | None = None) -> None:
        """Write a tag of the model; the value is kept as text."""
        self._store.set_model_tag(name, key, str(value), user_id=user(), reason=reason)

    def delete_registered_model_tag(self, name: str, key: str, *, reason: str | None = None) -> None:
        """Remove a tag of the model, if it has it."""
        self._store.set_model_tag(name, key, None, user_id=user(), reason=reason)

    def get_history(self, name: str) -> list[ModelEvent]:
        """What happened to the model, newest first: who, when, what, from what to what, and why."""
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
        *,
        reason: str | None = None,
    ) -> ModelVersion:
        """The model's next version. `source` is the URI or the path of its files; a version that it names exists."""
        if isinstance(source, str) and source.startswith(MODELS):
            target = parse_uri(source)
            assert isinstance(target, ModelVersionUri)
            find_version(target, self)
        return self._store.create_model_version(
            name, source, run_id, tags, run_link, description, user_id=user(), reason=reason
        )

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        """The version with its stage, tags and aliases."""
        return self._store.get_model_version(name, version)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version in each of these stages, in all for None or []."""
        check_model_name(name)
        if isinstance(stages, str):
            raise InvalidParameter(f"stages must be a list such as [{stages!r:.80}], not a string.")
        wanted = {canonical_stage(stage) for stage in stages or ()}
        latest = self._store.get_registered_model(name).latest_versions
        return [version for version in latest if not wanted or version.current_stage in wanted]

    def update_model_version(
        self, name: str, version: int | str, description: str | None = None, *, reason: str | None = None
    ) -> ModelVersion:
        """Replace the version's description; '' for none."""
        return self._store.update_model_version(name, version, description, user_id=user(), reason=reason)

    def copy_model_version(self, src_model_uri: str, dst_name: str, *, reason: str | None = None) -> ModelVersion:
        """Make a version of one model the next version of another, which is made where it does not exist.

        `src_model_uri` is `models:/name/` and a version, a stage or `latest`, or `models:/name@alias`. The copy has
        the tags, the description and the run of its source, and stays loadable when that is renamed or deleted.
        """
        source = self._version_at(src_model_uri)
        return self._store.copy_model_version(source.name, source.version, dst_name, user_id=user(), reason=reason)

    # Stages

    def transition_model_version_stage(
        self,
        name: str,
        version: int | str,
        stage: str,
        archive_existing_versions: bool = False,
        *,
        reason: str | None = None,
        expected_stage: str | None = None,
        expected_current: Versions | None = None,
        override_gates: bool = False,
    ) -> ModelVersion:
        """Move the version to None, Staging, Production or Archived (in any case of letters).

        With `archive_existing_versions`, every other version in the target stage goes to Archived in the same
        transaction; this is for Staging and Production only. `expected_stage` is the stage that the caller saw the
        version in, and `expected_current` the version (or versions, [] for none) in the target stage: where somebody
        else has changed that meanwhile, Conflict is raised. Where the version's run does not satisfy the gates of the
        stage, GateClosed is; with `override_gates` and a reason it is moved all the same.
        """
        return self._store.transition_model_version_stage(
            name,
            version,
            stage,
            archive_existing_versions,
            expected_stage=expected_stage,
            expected_current=expected_current,
            override_gates=override_gates,
            user_id=user(),
            reason=reason,
        )

    def rollback(
        self,
        name: str,
        stage: str = PRODUCTION,
        *,
        reason: str | None = None,
        expected_current: Versions | None = None,
        override_gates: bool = False,
    ) -> ModelVersion:
        """Undo the last promotion to a stage: its version goes to Archived and the one that was there before it is put
        back, which is returned.

        Rolled back again, the one before that comes. Gates hold for it, and `expected_current` keeps two people from
        rolling back twice. Raises InvalidState where no earlier version still exists.
        """
        return self._store.rollback_stage(
            name,
            stage,
            expected_current=expected_current,
            override_gates=override_gates,
            user_id=user(),
            reason=reason,
        )

    def wait_for_stage(
        self, name: str, stage: str, version: int | str | None = None, timeout: float | None = None
    ) -> ModelVersion:
        """Wait until a version is in the stage: this one, or any, of which the newest is returned.

        Raises TimedOut after `timeout` seconds, NotFound where there is no such model or version (any more).
        """
        return StageWatch(self._store, name, stage).wait(version, timeout)

    def watch(
        self,
        name: str,
        stage: str,
        callback: Callable[[StageChange], object] | None = None,
        *,
        timeout: float | None = None,
    ) -> StageWatch:
        """What becomes the newest version in the stage, as it happens, whoever does it: an iterator of StageChange.

        The first change is what is there now, if anything is. It ends after `timeout` seconds, or with `stop()`.
        With `callback` a thread calls it for each change instead, until `stop()`.
        """
        watch = StageWatch(self._store, name, stage, timeout)
        if callback is not None:
            watch.call(callback)
        return watch

    # Gates

    def set_gate(
        self, name: str, stage: str, filter_string: str, gate: str = DEFAULT_GATE, *, reason: str | None = None
    ) -> ModelGate:
        """Let only those versions into Staging or Production whose run satisfies a filter.

        The filter is one of `search_runs`: "metrics.`val/accuracy` > 0.95 AND tags.reviewed = 'yes'". A stage can have
        several gates with different names; one of the same name is replaced. A version without a run passes none.
        """
        text = _given(filter_string, "filter_string")
        made = self._store.set_gate(name, stage, text, gate, user_id=user(), reason=reason)
        assert made is not None
        return made

    def get_gates(self, name: str, stage: str | None = None) -> list[ModelGate]:
        """The gates of a stage, or of all stages."""
        return self._store.get_gates(name, stage)

    def delete_gate(self, name: str, stage: str, gate: str = DEFAULT_GATE, *, reason: str | None = None) -> None:
        """Take a gate away. Raises NotFound where the stage has none of this name."""
        self._store.set_gate(name, stage, None, gate, user_id=user(), reason=reason)

    # Lineage

    def get_lineage(self, name: str, version: int | str) -> Lineage:
        """Where the version came from: run, code, cell, datasets, environment."""
        return lineage_of(self, self.get_model_version(name, version))

    def get_versions_from(self, *, run_id: str | None = None, dataset: str | None = None) -> list[ModelVersion]:
        """The model versions that came from a run (or runs nested in it), or from a dataset, which its digest names."""
        if (run_id is None) == (dataset is None):
            raise InvalidParameter("Pass either run_id or dataset (a dataset's digest).")
        if dataset is not None:
            return self._store.versions_from(dataset=dataset)
        return self._store.versions_from(run_id=str(run_id))

    # Deleting and finding versions

    def delete_model_version(self, name: str, version: int | str, *, reason: str | None = None) -> None:
        """Delete the version. Its number is not given to another one."""
        self._store.delete_model_version(name, version, user_id=user(), reason=reason)

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
        """Where the version's files are: its source, or for a `runs:/` source the place in the run's artifacts.

        A copy's are those of the version that it is a copy of.
        """
        return resolve_version(self._store.get_model_version(name, version), self).artifact_uri(self)

    def set_model_version_tag(
        self,
        name: str,
        version: int | str | None = None,
        key: str | None = None,
        value: object = None,
        stage: str | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        """Write a tag of a version, which `version` or, for the newest in a stage, `stage` names."""
        number = self._version_of(name, version, stage)
        key = _given(key, "key")
        self._store.set_model_tag(name, key, str(value), version=number, user_id=user(), reason=reason)

    def delete_model_version_tag(
        self,
        name: str,
        version: int | str | None = None,
        key: str | None = None,
        stage: str | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        """Remove a tag of a version, which `version` or, for the newest in a stage, `stage` names."""
        number = self._version_of(name, version, stage)
        key = _given(key, "key")
        self._store.set_model_tag(name, key, None, version=number, user_id=user(), reason=reason)

    # Aliases

    def set_registered_model_alias(
        self, name: str, alias: str, version: int | str, *, reason: str | None = None
    ) -> None:
        """Point the alias at a version; `models:/name@alias` then names it."""
        self._store.set_model_alias(name, alias, check_version(version), user_id=user(), reason=reason)

    def delete_registered_model_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Remove the alias, if the model has it."""
        self._store.set_model_alias(name, alias, None, user_id=user(), reason=reason)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that the alias names; the newest for `latest`. An unknown alias is InvalidParameter, as in
        MLflow."""
        return self._store.get_model_version(name, alias=_given(alias, "alias"))

    def _version_at(self, uri: str) -> ModelVersion:
        """The version that a `models:/` URI names."""
        target = parse_uri(uri)
        if not isinstance(target, ModelVersionUri) or target.path:
            raise InvalidParameter(
                "Only a version of a registered model can be copied. src_model_uri must be a URI such as "
                f"models:/digits/3 or models:/digits@champion, not {uri!r:.200}. To create a version from the model of "
                "a run, use register_model()."
            )
        return find_version(target, self)

    def _version_of(self, name: str, version: int | str | None, stage: str | None) -> int | str:
        if (version is None) == (stage is None):
            raise InvalidParameter("Pass either version or stage to say which model version is meant.")
        if version is not None:
            return version
        latest = self.get_latest_versions(name, [canonical_stage(stage)])
        if not latest:
            raise NotFound(f"Registered model {name!r:.120} has no version in stage {canonical_stage(stage)}.")
        return latest[0].version


def _given(value: str | None, argument: str) -> str:
    if value is None:
        raise InvalidParameter(f"{argument} must not be None.")
    return value
