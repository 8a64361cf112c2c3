"""Views over a store without a folder: rows in PostgreSQL, behind an object that is not a Client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.client.settings import SettingsMixin
from nbtrack.entities import Experiment, Lineage, ModelVersion, RegisteredModel, Run, StopRequest
from nbtrack.errors import Conflict, NotFound, NotSupported
from nbtrack.model_registry.lineage import lineage_of
from nbtrack.query import RUNS, Completion, complete
from nbtrack.store.folder.store import FolderStore
from nbtrack.store.protocol import Snapshot
from nbtrack.tags import RUN_NAME
from tests.store.conformance.postgres import PostgresTables
from tests.store.conformance.server import Server

from .conftest import valid_requests

CHANGING = {"live": {"now"}, "run_page": {"now", "artifact_uri"}, "register": {"version"}, "transition": {"version"}}
"""Fields that differ between two answers to the same request."""


class Tables(PostgresTables):
    """The tables with the one read that the conformance tests do not need."""

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self.reading():
            yield Snapshot()


class ServerSource(SettingsMixin):
    """What a server would put between views and its database: the operations of `views.Source`, and no others."""

    def __init__(self, tables: Tables) -> None:
        self.reading = self.registry = tables
        self._store = tables  # type: ignore[assignment]

    def check_exists(self) -> None:
        pass

    def get_run(self, run_id: str) -> Run:
        return self.reading.get_runs([run_id], strict=True)[0]

    def get_experiment(self, experiment_id: str) -> Experiment:
        return self.reading.get_experiment(experiment_id)

    def edit_tags(
        self, run_id: str, tags: Mapping[str, str | None], *, expected: Mapping[str, str | None] | None
    ) -> Run:
        """Without journals, tags are changed in place. Two users who change them at once are a matter of the server."""
        with self.reading.writing() as cursor:
            for key, value in tags.items():
                cursor.execute(
                    "DELETE FROM tags USING runs WHERE runs.run = tags.run AND run_id = $1 AND key = $2", [run_id, key]
                )
                if value is not None:
                    cursor.execute(
                        "INSERT INTO tags (run, key, value) SELECT run, $2, $3 FROM runs WHERE run_id = $1",
                        [run_id, key, value],
                    )
            if (name := tags.get(RUN_NAME)) is not None:
                cursor.execute("UPDATE runs SET name = $2 WHERE run_id = $1", [run_id, name])
        return self.get_run(run_id)

    def complete(
        self, text: str, position: int, *, max_results: int, experiment_ids: Sequence[str] | None
    ) -> list[Completion]:
        known = self.reading.known(RUNS, max_results, experiment_ids)
        return complete(text, position, known=known, max_results=max_results)

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        return self.registry.get_model_version(name, version)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        return self.registry.get_model_version(name, alias=alias)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        latest = self.registry.get_registered_model(name).latest_versions
        return [version for version in latest if not stages or version.current_stage in stages]

    def get_lineage(self, name: str, version: int) -> Lineage:
        return lineage_of(self, self.get_model_version(name, version))

    def create_registered_model(self, name: str) -> RegisteredModel:
        return self.registry.create_registered_model(name, user_id="server")

    def create_model_version(
        self, name: str, source: str, run_id: str | None, tags: Mapping[str, object] | None, **more: Any
    ) -> ModelVersion:
        return self.registry.create_model_version(name, source, run_id, tags, user_id="server", **more)

    def stop_run(self, run_id: str, reason: str) -> StopRequest:
        request = StopRequest("server", reason, 0)
        self.reading.request_stop(run_id, request)
        return request

    def transition_model_version_stage(
        self, name: str, version: int, stage: str, archive_existing_versions: bool, **more: Any
    ) -> ModelVersion:
        return self.registry.transition_model_version_stage(
            name, version, stage, archive_existing_versions, user_id="server", **more
        )

    def rollback(self, name: str, stage: str, **more: Any) -> ModelVersion:
        return self.registry.rollback_stage(name, stage, user_id="server", **more)

    def delete_model_version(self, name: str, version: int, **more: Any) -> None:
        self.registry.delete_model_version(name, version, user_id="server", **more)

    def set_registered_model_alias(self, name: str, alias: str, version: int, **more: Any) -> None:
        self.registry.set_model_alias(name, alias, version, user_id="server", **more)

    def delete_registered_model_alias(self, name: str, alias: str, **more: Any) -> None:
        self.registry.set_model_alias(name, alias, None, user_id="server", **more)

    def set_model_version_tag(self, name: str, version: int, key: str, value: object, **more: Any) -> None:
        self.registry.set_model_tag(name, key, str(value), version=version, user_id="server", **more)

    def delete_model_version_tag(self, name: str, version: int, key: str, **more: Any) -> None:
        self.registry.set_model_tag(name, key, None, version=version, user_id="server", **more)


@pytest.fixture
def source(server: Server, filled_store: Path) -> Iterator[ServerSource]:
    store = FolderStore(filled_store)
    tables = Tables(server.dsn(server.create_database()), str(store.artifacts))
    tables.create_tables()
    tables.copy_tables(store)
    store.close()
    yield ServerSource(tables)
    tables.close()


@pytest.mark.slow
def test_every_view_answers_as_over_a_folder(source: ServerSource, requests: dict[str, dict[str, Any]]) -> None:
    client = nbtrack.MlflowClient()
    # The database was filled before this run was started, and cannot stop it.
    client.delete_run(requests["stop_run"]["run_id"])
    for name, payload in valid_requests().items():
        with_clock = CHANGING.get(name, set())
        (reply, buffers), (expected, of_folder) = (views.handle(each, name, payload) for each in (source, client))
        assert {k: v for k, v in reply.items() if k not in with_clock} == {
            k: v for k, v in expected.items() if k not in with_clock
        }, name
        assert buffers == of_folder, name
        for each in (reply, expected):
            each.get("version", {}).pop("creation_time", None)
            each.get("version", {}).pop("user_id", None)
        assert reply.get("version") == expected.get("version")


@pytest.mark.slow
def test_its_errors_are_the_same(source: ServerSource, requests: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(NotFound):
        views.handle(source, "registry", {"name": "digit"})
    with pytest.raises(NotSupported, match="cannot stop runs yet"):
        views.handle(source, "stop_run", requests["stop_run"])
    with pytest.raises(Conflict):
        views.handle(source, "transition", {**requests["transition"], "expected_stage": "Archived"})
