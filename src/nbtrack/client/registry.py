"""The methods of the client for the model registry, with MLflow's names, arguments and defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ..artifact_store.local import absolute_location, path_of_uri
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
from ..errors import InvalidParameter, NbtrackError, NotFound
from ..model_names import check_model_name, check_version
from ..model_registry.lineage import lineage_of
from ..model_registry.resolving import find_version, resolve_version
from ..model_registry.uris import MODELS, ModelVersionUri, parse_uri
from ..model_registry.watching import StageWatch
from ..names import check_list, check_string
from ..stages import ALL_STAGES, PRODUCTION, canonical_stage
from ..store.protocol import Store, Versions

DEFAULT_AWAIT_SECONDS = 300
"""MLflow's default for `await_creation_for`. A version is READY when it is created, so nothing waits."""

DEFAULT_GATE = "default"
"""The default name of a gate, for stages with only one."""


class RegistryMixin:
    """Operations on registered models: versions, stages, aliases, tags, gates and history.

    Each change is one transaction and is recorded in the model's history. A `version` can be passed as an integer or a
    string, and is returned as an integer. A `reason` says why a change is made; it is stored in the history. Models,
    versions and aliases whose names or numbers are malformed raise InvalidParameter.
    """

    _store: Store

    if TYPE_CHECKING:  # defined by TrackingMixin

        def get_run(self, run_id: str) -> Run: ...  # noqa: D102

    # Registered models

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        *,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Create a registered model without versions.

        Args:
            name: Name of the model, at most 500 characters. It must not contain '/' or ':', and not be '.' or '..'.
            tags: Tags of the model. Values are converted to strings.
            description: Description of the model in Markdown.
            reason: Why the model is created, for its history.

        Returns:
            The new model.

        Raises:
            AlreadyExists: If a registered model has this name.
            InvalidParameter: If the name is not valid.

        Example:
            >>> model = Client().create_registered_model("ciphers", tags={"task": "vision"})
        """
        return self._store.create_registered_model(name, tags, description, user_id=user(), reason=reason)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Args:
            name: Name of the model.

        Returns:
            The model with its tags, its aliases and the newest version of each stage.

        Raises:
            NotFound: If the model does not exist.
        """
        return self._store.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str, *, reason: str | None = None) -> RegisteredModel:
        """Rename a registered model. Its versions, tags, aliases and history are kept.

        Args:
            name: Name of the model.
            new_name: The new name, with the rules of `create_registered_model`.
            reason: Why the model is renamed, for its history.

        Returns:
            The renamed model.

        Raises:
            NotFound: If the model does not exist.
            AlreadyExists: If another registered model has the new name.
            InvalidParameter: If the new name is not valid.
        """
        return self._store.update_registered_model(
            name, new_name=check_model_name(new_name), user_id=user(), reason=reason
        )

    def update_registered_model(
        self, name: str, description: str | None = None, *, reason: str | None = None
    ) -> RegisteredModel:
        """Replace the description of a registered model.

        Args:
            name: Name of the model.
            description: The new description. None removes it.
            reason: Why the description is changed, for the history.

        Returns:
            The changed model.

        Raises:
            NotFound: If the model does not exist.
        """
        text = "" if description is None else description
        return self._store.update_registered_model(name, description=text, user_id=user(), reason=reason)

    def delete_registered_model(self, name: str, *, reason: str | None = None) -> None:
        """Delete a registered model with all its versions. The runs, the files and the history are kept.

        Args:
            name: Name of the model.
            reason: Why the model is deleted, for its history.

        Raises:
            NotFound: If the model does not exist.
        """
        self._store.delete_registered_model(name, user_id=user(), reason=reason)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return a page of the registered models that match a filter.

        Args:
            filter_string: A filter such as `name LIKE 'dig%' AND tags.task = 'vision'`; see `nbtrack guide query`.
                Defaults to all models.
            max_results: The most models on a page, at most 1,000.
            order_by: Clauses such as `["last_updated_timestamp DESC"]`. By default, models are sorted by name.
            page_token: The `token` of the previous page. Defaults to the first page.

        Returns:
            The models. Their `token` is None on the last page.

        Raises:
            QueryError: If the filter or `order_by` is not valid.
            InvalidParameter: If `max_results` or `page_token` is not valid.
        """
        return self._store.search_registered_models(filter_string, max_results, order_by, page_token)

    def set_registered_model_tag(self, name: str, key: str, value: object, *, reason: str | None = None) -> None:
        """Set a tag on a registered model.

        Args:
            name: Name of the model.
            key: Key of the tag, at most 500 characters.
            value: Value of the tag. It is converted to a string.
            reason: Why the tag is set, for the history.

        Raises:
            NotFound: If the model does not exist.
        """
        self._store.set_model_tag(name, key, str(value), user_id=user(), reason=reason)

    def delete_registered_model_tag(self, name: str, key: str, *, reason: str | None = None) -> None:
        """Delete a tag of a registered model. Nothing happens if the model does not have the tag.

        Args:
            name: Name of the model.
            key: Key of the tag.
            reason: Why the tag is deleted, for the history.

        Raises:
            NotFound: If the model does not exist.
        """
        self._store.set_model_tag(name, key, None, user_id=user(), reason=reason)

    def get_history(self, name: str | None = None) -> list[ModelEvent]:
        """Return the history of a registered model, or of all models, newest change first.

        `nbtrack.registry_history` returns it as a table.

        Args:
            name: Name of the model. It can be deleted. Defaults to all models that ever existed.

        Returns:
            The changes: who changed which version when, from what to what, and why.

        Raises:
            NotFound: If no model had this name.
        """
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
        expected_versions: Versions | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Create the next version of a registered model.

        `nbtrack.register_model` does this and also checks that the source is a model.

        Args:
            name: Name of the model. It must exist.
            source: URI or path of the model's files, such as `runs:/<run ID>/model`. If it is the `models:/` URI of
                another version, that version must exist. A relative path of an existing folder is made absolute.
            run_id: Run that logged the model.
            tags: Tags of the version. Values are converted to strings.
            run_link: URL of the run, for a run in another tracker.
            description: Description of the version in Markdown.
            await_creation_for: Ignored, because a version is ready when this method returns. MLflow has this parameter.
            expected_versions: The version, or the list of versions, that must have this source already; [] for none.
                With [], two programs that register the same model at the same time create one version. None does not
                check it.
            reason: Why the version is created, for the history.

        Returns:
            The new version, in the stage None. Numbers start at 1, and the number of a deleted version is not used
            again.

        Raises:
            NotFound: If the model, or the version that is the source, does not exist.
            InvalidParameter: If the source is empty or not a string.
            Conflict: If other versions than `expected_versions` have this source.
        """
        if isinstance(source, str) and source.startswith(MODELS):
            target = parse_uri(source)
            assert isinstance(target, ModelVersionUri)
            find_version(target, self)
        elif isinstance(source, str) and source.strip():
            source = _absolute(source)
        return self._store.create_model_version(
            name,
            source,
            run_id,
            tags,
            run_link,
            description,
            expected_versions=expected_versions,
            user_id=user(),
            reason=reason,
        )

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        """Return a model version.

        Args:
            name: Name of the model.
            version: Number of the version.

        Returns:
            The version with its stage, tags and aliases.

        Raises:
            NotFound: If the model or the version does not exist.
        """
        return self._store.get_model_version(name, version)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """Return the newest version of each stage of a registered model.

        Args:
            name: Name of the model.
            stages: The stages, in upper or lower case. Defaults to all stages.

        Returns:
            At most one version per stage, oldest first.

        Raises:
            NotFound: If the model does not exist.
            InvalidParameter: If a stage does not exist, or if `stages` is a string.
        """
        check_model_name(name)
        if isinstance(stages, str):
            raise InvalidParameter(f"stages must be a list such as [{stages!r:.80}], not a string.")
        wanted = {canonical_stage(stage) for stage in check_list(stages, "stages")}
        latest = self._store.get_registered_model(name).latest_versions
        return [version for version in latest if not wanted or version.current_stage in wanted]

    def update_model_version(
        self, name: str, version: int | str, description: str | None = None, *, reason: str | None = None
    ) -> ModelVersion:
        """Replace the description of a model version.

        Args:
            name: Name of the model.
            version: Number of the version.
            description: The new description. '' removes it.
            reason: Why the description is changed, for the history.

        Returns:
            The changed version.

        Raises:
            NotFound: If the model or the version does not exist.
            InvalidParameter: If `description` is None.
        """
        return self._store.update_model_version(name, version, description, user_id=user(), reason=reason)

    def copy_model_version(self, src_model_uri: str, dst_name: str, *, reason: str | None = None) -> ModelVersion:
        """Copy a version of one registered model as the next version of another.

        The copy has the tags, the description and the run of the original. It can still be loaded if the original is
        renamed or deleted.

        Args:
            src_model_uri: The version to copy: "models:/digits/3", "models:/digits/Production", "models:/digits/latest"
                or "models:/digits@champion".
            dst_name: Name of the other model, which is created if it does not exist.
            reason: Why the version is copied, for the history.

        Returns:
            The new version, in the stage None.

        Raises:
            NotFound: If the model or the version does not exist, or if the stage is empty.
            InvalidParameter: If the URI does not name a version, or if the alias does not exist.
            Conflict: If another process has created the other model in the meantime.
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
        """Move a model version to another stage.

        Args:
            name: Name of the model.
            version: Number of the version.
            stage: None, Staging, Production or Archived, in upper or lower case.
            archive_existing_versions: Whether to move all other versions in that stage to Archived, in the same
                transaction. Only for Staging and Production.
            reason: Why the version is moved, for the history.
            expected_stage: The stage that the version must be in, for example because the user has seen it there.
            expected_current: The version, or the list of versions, that must be in the target stage; [] for none. The
                version that is moved is not counted.
            override_gates: Whether to move the version even if its run does not pass the gates of the stage. Requires a
                `reason`.

        Returns:
            The moved version.

        Raises:
            NotFound: If the model or the version does not exist.
            GateClosed: If the version's run does not pass a gate of the stage.
            Conflict: If the stages are not as expected, because another process has changed them.
            InvalidParameter: If the stage does not exist, if `archive_existing_versions` is used with another stage, or
                if a gate is overridden without a reason.

        Example:
            >>> client.transition_model_version_stage("digits", 3, "Production", True)  # doctest: +SKIP
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
        expected_restored: int | str | None = None,
        override_gates: bool = False,
    ) -> ModelVersion:
        """Undo the last promotion to a stage: restore the version that was in the stage before.

        The version that entered the stage last moves to Archived. A second rollback restores the version before that
        one.

        Args:
            name: Name of the model.
            stage: Production or Staging, in upper or lower case.
            reason: Why the stage is rolled back, for the history.
            expected_current: The version, or the list of versions, that must be in the stage, so that two users do not
                roll back twice.
            expected_restored: The version that you expect to be restored.
            override_gates: Whether to restore the version even if its run does not pass the gates of the stage.
                Requires a `reason`.

        Returns:
            The restored version.

        Raises:
            NotFound: If the model does not exist.
            InvalidState: If no earlier version of the stage still exists.
            GateClosed: If the run of the earlier version does not pass a gate of the stage.
            Conflict: If other versions are in the stage than expected, or if another version would be restored.
            InvalidParameter: If the stage is another one, or if a gate is overridden without a reason.
        """
        return self._store.rollback_stage(
            name,
            stage,
            expected_current=expected_current,
            expected_restored=expected_restored,
            override_gates=override_gates,
            user_id=user(),
            reason=reason,
        )

    def wait_for_stage(
        self, name: str, stage: str, version: int | str | None = None, timeout: float | None = None
    ) -> ModelVersion:
        """Wait until a model version is in a stage.

        Changes by other processes are noticed within a second.

        Args:
            name: Name of the model.
            stage: None, Staging, Production or Archived, in upper or lower case.
            version: Number of the version to wait for. Defaults to any version.
            timeout: The most seconds to wait. Defaults to no limit.

        Returns:
            The version, or the newest version in the stage if `version` is None.

        Raises:
            TimedOut: If the version is not in the stage in time.
            NotFound: If the model or the version does not exist or is deleted while waiting.
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
        """Watch a stage: yield a change each time another version becomes the newest one in it.

        The first change is the current version, if there is one. Changes by other processes are noticed within a
        second. The loop ends after `timeout` seconds, when `stop()` of the returned object is called, or with Ctrl-C.

        Args:
            name: Name of the model.
            stage: None, Staging, Production or Archived, in upper or lower case.
            callback: A function that a background thread calls with each change. The watch then runs until `stop()`.
            timeout: The most seconds to watch. Defaults to no limit.

        Returns:
            An iterator of `nbtrack.entities.StageChange`, which is also a context manager that stops the watch.

        Raises:
            NotFound: If the model does not exist, or when it is deleted.
        """
        watch = StageWatch(self._store, name, stage, timeout)
        if callback is not None:
            watch.call(callback)
        return watch

    # Gates

    def set_gate(
        self, name: str, stage: str, filter_string: str, gate: str = DEFAULT_GATE, *, reason: str | None = None
    ) -> ModelGate:
        """Set a gate: a filter that the run of a version must match before the version can enter a stage.

        A stage can have several gates with different names. A gate of the same name is replaced. Versions that are
        already in the stage stay there. A version without a run cannot pass a gate.

        Args:
            name: Name of the model.
            stage: Staging or Production, in upper or lower case.
            filter_string: A filter of `search_runs`, such as "metrics.`val/accuracy` > 0.95 AND tags.reviewed = 'yes'".
            gate: Name of the gate, at most 255 characters.
            reason: Why the gate is set, for the history.

        Returns:
            The gate.

        Raises:
            NotFound: If the model does not exist.
            QueryError: If the filter is not valid.
            InvalidParameter: If the stage is another one, or if the filter is empty.
        """
        text = _required(filter_string, "filter_string")
        made = self._store.set_gate(name, stage, text, gate, user_id=user(), reason=reason)
        assert made is not None
        return made

    def get_gates(self, name: str, stage: str | None = None) -> list[ModelGate]:
        """Return the gates of a registered model.

        Args:
            name: Name of the model.
            stage: A stage, in upper or lower case. Defaults to all stages.

        Returns:
            The gates, sorted by stage and name.

        Raises:
            NotFound: If the model does not exist.
        """
        return self._store.get_gates(name, stage)

    def delete_gate(self, name: str, stage: str, gate: str = DEFAULT_GATE, *, reason: str | None = None) -> None:
        """Delete a gate.

        Args:
            name: Name of the model.
            stage: The stage of the gate, in upper or lower case.
            gate: Name of the gate.
            reason: Why the gate is deleted, for the history.

        Raises:
            NotFound: If the model does not exist, or if the stage has no gate of this name.
        """
        self._store.set_gate(name, stage, None, check_string(gate, "gate"), user_id=user(), reason=reason)

    # Lineage

    def get_lineage(self, name: str, version: int | str) -> Lineage:
        """Return where a model version came from: its run, code, notebook cell, datasets and environment.

        Args:
            name: Name of the model.
            version: Number of the version.

        Returns:
            The lineage. Parts that are not known are empty.

        Raises:
            NotFound: If the model or the version does not exist.
        """
        return lineage_of(self, self.get_model_version(name, version))

    def get_versions_from(self, *, run_id: str | None = None, dataset: str | None = None) -> list[ModelVersion]:
        """Return the model versions that came from a run or from a dataset. Pass one of the two.

        Args:
            run_id: A run. Versions from its nested runs are included.
            dataset: The digest of a dataset that the versions' runs used.

        Returns:
            The versions.

        Raises:
            InvalidParameter: If neither or both arguments are given.
        """
        if (run_id is None) == (dataset is None):
            raise InvalidParameter("Pass either run_id or dataset (the digest of a dataset), and not both.")
        if dataset is not None:
            return self._store.versions_from(dataset=check_string(dataset, "dataset"))
        return self._store.versions_from(run_id=str(run_id))

    # Deleting and finding versions

    def delete_model_version(
        self, name: str, version: int | str, *, reason: str | None = None, expected_stage: str | None = None
    ) -> None:
        """Delete a model version with its tags and aliases.

        Its run and its files are kept, and its number is not used again.

        Args:
            name: Name of the model.
            version: Number of the version.
            reason: Why the version is deleted, for the history.
            expected_stage: The stage that the version must be in, for example because the user has seen it there.

        Raises:
            NotFound: If the model or the version does not exist.
            Conflict: If the version is in another stage than expected.
        """
        self._store.delete_model_version(name, version, expected_stage=expected_stage, user_id=user(), reason=reason)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return a page of the model versions that match a filter.

        Args:
            filter_string: A filter such as `name = 'digits' AND stage = 'Production'`; see `nbtrack guide query`.
                Defaults to the versions of all models.
            max_results: The most versions on a page, at most 200,000.
            order_by: Clauses such as `["version_number DESC"]`. By default, the version that was updated last comes
                first.
            page_token: The `token` of the previous page. Defaults to the first page.

        Returns:
            The versions. Their `token` is None on the last page.

        Raises:
            QueryError: If the filter or `order_by` is not valid.
            InvalidParameter: If `max_results` or `page_token` is not valid.
        """
        return self._store.search_model_versions(filter_string, max_results, order_by, page_token)

    def get_model_version_stages(self, name: str, version: int | str) -> list[str]:
        """Return the stages that a model version can be in.

        Args:
            name: Ignored. MLflow has this parameter.
            version: Ignored. MLflow has this parameter.

        Returns:
            None, Staging, Production and Archived, as strings.
        """
        return list(ALL_STAGES)

    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        """Return the URI of a model version's files.

        Args:
            name: Name of the model.
            version: Number of the version.

        Returns:
            The source of the version. For a `runs:/` source, the URI of these artifacts of the run. For a copy, the URI
            of the original version's files.

        Raises:
            NotFound: If the model, the version or its run does not exist.
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
        expected_value: str | Sequence[str] | None = None,
    ) -> None:
        """Set a tag on a model version. Pass either `version` or `stage`.

        Args:
            name: Name of the model.
            version: Number of the version.
            key: Key of the tag, at most 500 characters. Required.
            value: Value of the tag. It is converted to a string.
            stage: A stage, for the newest version in it.
            reason: Why the tag is set, for the history.
            expected_value: The value that the tag must have until now, [] for none.

        Raises:
            NotFound: If the model or the version does not exist, or if the stage is empty.
            InvalidParameter: If neither or both of `version` and `stage` are given, or if the key is missing.
            Conflict: If the tag has another value than expected.
        """
        number = self._version_of(name, version, stage)
        key = _required(key, "key")
        self._store.set_model_tag(
            name, key, str(value), version=number, expected_value=expected_value, user_id=user(), reason=reason
        )

    def delete_model_version_tag(
        self,
        name: str,
        version: int | str | None = None,
        key: str | None = None,
        stage: str | None = None,
        *,
        reason: str | None = None,
        expected_value: str | Sequence[str] | None = None,
    ) -> None:
        """Delete a tag of a model version. Pass either `version` or `stage`.

        Nothing happens if the version does not have the tag.

        Args:
            name: Name of the model.
            version: Number of the version.
            key: Key of the tag. Required.
            stage: A stage, for the newest version in it.
            reason: Why the tag is deleted, for the history.
            expected_value: The value that the tag must have until now.

        Raises:
            NotFound: If the model or the version does not exist, or if the stage is empty.
            InvalidParameter: If neither or both of `version` and `stage` are given, or if the key is missing.
            Conflict: If the tag has another value than expected.
        """
        number = self._version_of(name, version, stage)
        key = _required(key, "key")
        self._store.set_model_tag(
            name, key, None, version=number, expected_value=expected_value, user_id=user(), reason=reason
        )

    # Aliases

    def set_registered_model_alias(
        self,
        name: str,
        alias: str,
        version: int | str,
        *,
        reason: str | None = None,
        expected_version: Versions | None = None,
    ) -> None:
        """Point an alias at a model version. `models:/name@alias` then names that version.

        Args:
            name: Name of the model.
            alias: The alias: letters, digits, '_' and '-', at most 255 characters. Upper and lower case matter.
                "latest" and "v" with a number are reserved.
            version: Number of the version. An alias names one version, so it no longer names another one.
            reason: Why the alias is set, for the history.
            expected_version: The version that the alias must name until now, [] for none.

        Raises:
            NotFound: If the model or the version does not exist.
            InvalidParameter: If the alias is not valid or reserved.
            Conflict: If the alias names another version than expected.
        """
        self._store.set_model_alias(
            name, alias, check_version(version), expected_version=expected_version, user_id=user(), reason=reason
        )

    def delete_registered_model_alias(
        self, name: str, alias: str, *, reason: str | None = None, expected_version: Versions | None = None
    ) -> None:
        """Delete an alias. Nothing happens if the model does not have it.

        Args:
            name: Name of the model.
            alias: The alias.
            reason: Why the alias is deleted, for the history.
            expected_version: The version that the alias must name until now.

        Raises:
            NotFound: If the model does not exist.
            Conflict: If the alias names another version than expected.
        """
        self._store.set_model_alias(name, alias, None, expected_version=expected_version, user_id=user(), reason=reason)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the model version that an alias names.

        Args:
            name: Name of the model.
            alias: The alias, or "latest" for the newest version.

        Returns:
            The version.

        Raises:
            NotFound: If the model does not exist.
            InvalidParameter: If the alias does not exist, as in MLflow.
        """
        return self._store.get_model_version(name, alias=_required(alias, "alias"))

    def _version_at(self, uri: str) -> ModelVersion:
        """Return the version that a `models:/` URI names."""
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


def _required(value: str | None, argument: str) -> str:
    if value is None:
        raise InvalidParameter(f"{argument} must not be None.")
    return value


def _absolute(source: str) -> str:
    """Return the source of a version that still names the same folder after a change of the working directory."""
    with suppress(NbtrackError, OSError, ValueError):
        location = absolute_location(source)
        if path_of_uri(location).is_dir():
            return location
    return source
