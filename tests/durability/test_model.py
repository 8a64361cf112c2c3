"""Random calls, deaths and re-opens of several writers, compared with a plain Python model of the expected state."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import nbtrack
from nbtrack.entities import LifecycleStage, RunStatus, ViewType
from nbtrack.errors import InvalidParameter
from nbtrack.store.folder.store import FolderStore

from .children import LONG

WRITERS = ("a", "b")
KEYS = st.sampled_from(["loss", "acc/β"])
VALUES = st.floats(width=64) | st.sampled_from([0.0, -0.0, float("nan"), float("inf")])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
STAGES = st.sampled_from(["Staging", "Production", "Archived"])


class Expected:
    """The expected state of one run."""

    def __init__(self, name: str, writer: str) -> None:
        self.name = name
        self.writer: str | None = writer
        self.status = RunStatus.RUNNING
        self.stage = LifecycleStage.ACTIVE
        self.points: list[tuple[str, int, str]] = []
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}


class Store(RuleBasedStateMachine):
    """Several writers, each a client with its own store object and journal. A death leaves the journal unclosed."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clients: dict[str, Any] = {}
        self.runs: dict[str, Expected] = {}
        self.experiments = {"0": "Default"}
        self.stages: dict[int, str] = {}
        self.champion: int | None = None
        for writer in WRITERS:
            self.clients[writer] = self.open()
        self.clients["a"].create_registered_model("digits")

    def open(self) -> Any:
        client = nbtrack.MlflowClient(str(self.folder / ".nbtrack"))
        # Not the one that all clients of a process share.
        client._store = FolderStore(self.folder / ".nbtrack")
        return client

    def teardown(self) -> None:
        for client in self.clients.values():
            client._store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run_of(self, data: st.DataObject) -> tuple[str, Expected]:
        run_id = data.draw(st.sampled_from(sorted(self.runs)), label="run")
        return run_id, self.runs[run_id]

    def active(self, client: Any, run: Expected, call: Callable[[], object]) -> bool:
        """Return whether an operation was allowed. It must be, unless the client knows that the run is deleted."""
        try:
            call()
        except InvalidParameter:
            assert run.stage == LifecycleStage.DELETED
            return False
        return True

    # -- what clients do

    @rule(writer=st.sampled_from(WRITERS), data=st.data())
    def create_run(self, writer: str, data: st.DataObject) -> None:
        experiment = data.draw(st.sampled_from(sorted(self.experiments)), label="experiment")
        name = f"run {len(self.runs)}"
        run = self.clients[writer].create_run(experiment, run_name=name, tags={"first": "tag"})
        self.runs[run.info.run_id] = Expected(name, writer)
        self.runs[run.info.run_id].tags["first"] = "tag"

    @precondition(lambda self: self.runs)
    @rule(writer=st.sampled_from(WRITERS), key=KEYS, values=st.lists(VALUES, min_size=1, max_size=4), data=st.data())
    def log(self, writer: str, key: str, values: list[float], data: st.DataObject) -> None:
        run_id, run = self.run_of(data)
        client = self.clients[writer]
        for value in values:
            step = len(run.points)
            if self.active(client, run, lambda v=value, s=step: client.log_metric(run_id, key, v, 1, s)):
                run.points.append((key, step, repr(value)))

    @precondition(lambda self: self.runs)
    @rule(writer=st.sampled_from(WRITERS), key=KEYS, value=TEXTS, data=st.data())
    def set_tag(self, writer: str, key: str, value: str, data: st.DataObject) -> None:
        """The order of two writers that set the same tag is not defined, so each writer has its own tags."""
        run_id, run = self.run_of(data)
        client, key = self.clients[writer], f"{writer} {key}"
        if self.active(client, run, lambda: client.set_tag(run_id, key, value)):
            run.tags[key] = value

    @precondition(lambda self: self.runs)
    @rule(writer=st.sampled_from(WRITERS), key=KEYS, value=TEXTS, data=st.data())
    def log_param(self, writer: str, key: str, value: str, data: st.DataObject) -> None:
        run_id, run = self.run_of(data)
        key = f"{writer} {key} {len(run.params)}"
        client = self.clients[writer]
        if self.active(client, run, lambda: client.log_param(run_id, key, value)):
            run.params[key] = value

    @precondition(lambda self: self.runs)
    @rule(status=st.sampled_from(RunStatus.ENDED), data=st.data())
    def end(self, status: str, data: st.DataObject) -> None:
        run_id, run = self.run_of(data)
        if run.writer is None or run.stage == LifecycleStage.DELETED:
            return
        self.clients[run.writer].set_terminated(run_id, status)
        run.status, run.writer = status, None

    @precondition(lambda self: self.runs)
    @rule(writer=st.sampled_from(WRITERS), restore=st.booleans(), data=st.data())
    def bin(self, writer: str, restore: bool, data: st.DataObject) -> None:
        run_id, run = self.run_of(data)
        client = self.clients[writer]
        (client.restore_run if restore else client.delete_run)(run_id)
        run.stage = LifecycleStage.ACTIVE if restore else LifecycleStage.DELETED
        for other in self.clients.values():
            # Another process would go on logging into the bin until it looks at the run again.
            other._store.forget_recorder(run_id)

    @rule(writer=st.sampled_from(WRITERS))
    def create_experiment(self, writer: str) -> None:
        name = f"experiment {len(self.experiments)}"
        self.experiments[self.clients[writer].create_experiment(name)] = name

    @rule(writer=st.sampled_from(WRITERS), data=st.data())
    def rename_experiment(self, writer: str, data: st.DataObject) -> None:
        experiment = data.draw(st.sampled_from(sorted(self.experiments)), label="experiment")
        name = f"{self.experiments[experiment]}'"
        self.clients[writer].rename_experiment(experiment, name)
        self.experiments[experiment] = name

    @rule(writer=st.sampled_from(WRITERS))
    def create_version(self, writer: str) -> None:
        version = self.clients[writer].create_model_version("digits", "source").version
        assert version == len(self.stages) + 1
        self.stages[version] = "None"

    @precondition(lambda self: self.stages)
    @rule(writer=st.sampled_from(WRITERS), stage=STAGES, archive=st.booleans(), data=st.data())
    def promote(self, writer: str, stage: str, archive: bool, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(sorted(self.stages)), label="version")
        archive = archive and stage != "Archived"
        self.clients[writer].transition_model_version_stage("digits", version, stage, archive)
        if archive:
            self.stages = {other: "Archived" if was == stage else was for other, was in self.stages.items()}
        self.stages[version] = stage

    @precondition(lambda self: self.stages)
    @rule(writer=st.sampled_from(WRITERS), data=st.data())
    def name_champion(self, writer: str, data: st.DataObject) -> None:
        self.champion = data.draw(st.sampled_from(sorted(self.stages)), label="version")
        self.clients[writer].set_registered_model_alias("digits", "champion", self.champion)

    # -- what happens to them

    @rule(writer=st.sampled_from(WRITERS))
    def close_and_open(self, writer: str) -> None:
        """A process that ends regularly leaves its active runs to the process that resumes them."""
        self.clients[writer]._store.close()
        self.clients[writer] = self.open()

    @rule(writer=st.sampled_from(WRITERS), torn=st.booleans())
    def die(self, writer: str, torn: bool) -> None:
        """Fork a real process with this writer's store, which logs and dies, in the middle of a line if `torn`."""
        store = self.clients[writer]._store
        expected, said = Expected(f"run {len(self.runs)}", writer), os.pipe()
        child = os.fork()
        if child == 0:
            run_id = self.clients[writer].create_run("0", run_name=expected.name).info.run_id
            for step in range(3):
                self.clients[writer].log_metric(run_id, "loss", step / 7, 1, step)
            if torn:
                store.append(b'{"e":"metric","r":"')
            os.write(said[1], json.dumps(run_id).encode())
            os.kill(os.getpid(), 9)
        os.waitpid(child, 0)
        run_id = json.loads(os.read(said[0], 1000))
        for end in said:
            os.close(end)
        expected.points = [("loss", step, repr(step / 7)) for step in range(3)]
        expected.status, expected.writer = RunStatus.KILLED, None
        self.runs[run_id] = expected

    @rule()
    def move_away_and_back(self) -> None:
        """Replace the file by another one with the same content, as restoring a backup does."""
        with self.clients["a"]._store.checkpointed():
            shutil.copy(self.folder / ".nbtrack" / "runs.duckdb", self.folder / "copy")
        os.replace(self.folder / "copy", self.folder / ".nbtrack" / "runs.duckdb")

    # -- what must be there

    @invariant()
    def agree(self) -> None:
        client = self.clients[WRITERS[len(self.runs) % 2]]
        found = {run.info.run_id: run for run in client.search_runs(None, run_view_type=ViewType.ALL)}
        assert sorted(found) == sorted(self.runs)
        for run_id, expected in self.runs.items():
            run = found[run_id]
            assert (run.info.run_name, run.info.lifecycle_stage) == (expected.name, expected.stage)
            assert run.info.status == expected.status
            assert run.data.params == expected.params
            tags = {key: value for key, value in run.data.tags.items() if not key.startswith(("mlflow.", "nbtrack."))}
            assert tags == expected.tags
            history = [
                (point.key, point.step, repr(point.value))
                for key in {key for key, _, _ in expected.points}
                for point in client.get_metric_history(run_id, key)
            ]
            assert sorted(history) == sorted(expected.points)
            assert set(run.data.metrics) == {key for key, _, _ in expected.points}
        experiments = {experiment.experiment_id: experiment.name for experiment in client.search_experiments()}
        assert experiments == self.experiments
        versions = client.search_model_versions("name = 'digits'")
        assert {version.version: version.current_stage for version in versions} == self.stages
        champion = {"champion": self.champion} if self.champion else {}
        assert client.get_registered_model("digits").aliases == champion


TestStore = pytest.mark.slow(Store.TestCase)
TestStore.settings = settings(
    max_examples=100 if LONG else 5,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
