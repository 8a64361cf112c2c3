"""Merging two stores gives the same content in both directions, however often it is done."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.cli import main
from nbtrack.entities import IMPORTED, LifecycleStage, Metric
from nbtrack.errors import InvalidParameter
from nbtrack.journal.kinds import encode as event
from nbtrack.store import open_store
from nbtrack.transfer import Report

from ..depth import examples
from ..store.fixtures import make

Content = dict[str, Any]


def content(folder: Path) -> Content:
    """Return the content of a store, without its own numbers for experiments, runs, series and versions."""
    store = open_store(str(folder))
    with store.reading() as cursor:

        def rows(sql: str) -> Counter[tuple[Any, ...]]:
            # As texts, for NaN is not even equal to itself.
            return Counter(tuple(map(repr, row)) for row in cursor.execute(sql).fetchall())

        of_run = "JOIN runs AS r ON r.run = t.run"
        made = "(SELECT v.creation_time FROM model_versions AS v WHERE v.name = t.name AND v.version = t.version)"
        return {
            "experiments": rows("SELECT DISTINCT name, lifecycle_stage FROM experiments"),
            "experiment tags": rows(
                "SELECT e.name, e.lifecycle_stage, t.key, t.value FROM experiment_tags AS t "
                "JOIN experiments AS e ON e.experiment_id = t.experiment_id"
            ),
            "runs": rows(
                "SELECT r.run_id, e.name, r.name, r.user_id, r.status, r.start_time, r.end_time, r.lifecycle_stage "
                "FROM runs AS r JOIN experiments AS e ON e.experiment_id = r.experiment_id"
            ),
            "points": rows(
                f"SELECT r.run_id, t.key, m.step, m.timestamp, m.value FROM metrics AS m "
                f"JOIN latest_metrics AS t ON t.series = m.series {of_run}"
            ),
            "latest": rows(
                f"SELECT r.run_id, t.key, t.step, t.timestamp, t.value, t.points FROM latest_metrics AS t {of_run}"
            ),
            "params": rows(f"SELECT r.run_id, t.key, t.value FROM params AS t {of_run}"),
            "history": rows(f"SELECT DISTINCT r.run_id, t.key, t.value FROM param_history AS t {of_run}"),
            "tags": rows(f"SELECT r.run_id, t.key, t.value FROM tags AS t {of_run} WHERE t.key <> '{IMPORTED}'"),
            "datasets": rows(f"SELECT r.run_id, t.name, t.digest, t.context FROM inputs AS t {of_run}"),
            "models": rows("SELECT name, description, creation_time, last_update_time FROM registered_models"),
            "model tags": rows("SELECT * FROM registered_model_tags"),
            "versions": rows(
                "SELECT name, creation_time, last_update_time, current_stage, description, source, run_id "
                "FROM model_versions"
            ),
            "version tags": rows(f"SELECT name, {made}, key, value FROM model_version_tags AS t"),
            "aliases": rows(f"SELECT name, alias, {made} FROM registered_model_aliases AS t"),
            "files": Counter(
                (run_id, path.relative_to(root).as_posix(), path.read_bytes())
                for run_id, root in [
                    (run_id, Path(store.locate(uri)))
                    for run_id, uri in cursor.execute("SELECT run_id, artifact_uri FROM runs").fetchall()
                ]
                for path in root.rglob("*")
                if path.is_file()
            ),
        }


def merge(other: Path, into: Path) -> Report:
    nbtrack.set_tracking_uri(into)
    report = nbtrack.merge(other)
    nbtrack.set_tracking_uri("")
    return report


# What two people do, each in a store of their own, after one has copied the other's: both know the runs a, b and c.
SHARED = ("a" * 32, "b" * 32, "c" * 32)
_KEYS = st.sampled_from(["loss", "acc"])
_VALUES = st.sampled_from(["1", "2", "x"])
_STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(10, 11), st.sampled_from([0.0, 1.5, float("nan"), float("inf"), -float("inf")])
    ),
    max_size=5,
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("points"), st.integers(0, 3), _KEYS, _STEPS),
        st.tuples(st.just("param"), st.integers(0, 3), _KEYS, _VALUES),
        st.tuples(st.just("tag"), st.integers(0, 3), _KEYS, _VALUES),
        st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from(["FINISHED", "FAILED"]), st.integers(100, 102)),
        st.tuples(st.just("delete"), st.integers(0, 3)),
        st.tuples(st.just("rename"), st.integers(0, 3), _VALUES),
        st.tuples(st.just("file"), st.integers(0, 3), _VALUES),
        st.tuples(st.just("experiment"), st.sampled_from(["one", "two"]), _VALUES),
        st.tuples(st.just("version"), st.integers(0, 3)),
        st.tuples(st.just("stage"), st.integers(1, 3), st.sampled_from(["Staging", "Production", "Archived"])),
        st.tuples(st.just("alias"), st.integers(1, 3), st.sampled_from(["champion", "next"])),
        st.tuples(st.just("version tag"), st.integers(1, 3), _VALUES),
    ),
    max_size=8,
)


def make_run(folder: Path, run_id: str, experiment: str) -> None:
    """Create a run with a given ID."""
    store = open_store(str(folder))
    found = store.get_experiment(name=experiment)
    assert found is not None
    fields = {
        "experiment_id": found.experiment_id,
        "name": f"run {run_id[0]}",
        "user_id": "u",
        "start_time": ord(run_id[0]),
        "artifact_uri": store.relative(f"{found.artifact_location}/{run_id}/artifacts"),
        "writer": None,
    }
    store.append(event("run", r=run_id, d=fields))
    store.append(event("tag", r=run_id, k="mlflow.runName", x=fields["name"]))


def act(folder: Path, actions: list[tuple[Any, ...]], own: str) -> None:
    """Apply these actions to a store. Only this store has run 3."""
    client = nbtrack.Client(str(folder))
    runs = [*SHARED, own * 32]
    make_run(folder, runs[3], "Default")
    for kind, *what in actions:
        if kind == "experiment":
            experiment = client.get_experiment_by_name(what[0])
            number = client.create_experiment(what[0]) if experiment is None else experiment.experiment_id
            client.set_experiment_tag(number, "k", what[1])
        elif kind in ("stage", "alias", "version tag"):
            versions = sorted(one.version for one in client.search_model_versions("name = 'model'"))
            if what[0] not in versions:
                continue
            if kind == "stage":
                client.transition_model_version_stage("model", what[0], what[1], what[1] != "Archived")
            elif kind == "alias":
                client.set_registered_model_alias("model", what[1], what[0])
            else:
                client.set_model_version_tag("model", what[0], "k", what[1])
        elif kind == "version":
            client.create_model_version("model", f"runs:/{runs[what[0]]}/model", runs[what[0]])
        elif client.get_run(runs[what[0]]).info.lifecycle_stage == LifecycleStage.ACTIVE:
            act_on_run(client, runs[what[0]], kind, what[1:])
    client.search_runs()


def act_on_run(client: nbtrack.Client, run_id: str, kind: str, what: list[Any]) -> None:
    if kind == "points":
        client.log_batch(run_id, [Metric(what[0], value, time, step) for step, time, value in what[1]])
    elif kind == "param":
        client.log_param(run_id, what[0], what[1])
    elif kind == "tag":
        client.set_tag(run_id, what[0], what[1])
    elif kind == "end":
        client.set_terminated(run_id, what[0], what[1])
    elif kind == "delete":
        client.delete_run(run_id)
    elif kind == "rename":
        client.update_run(run_id, name=f"named {what[0]}")
    else:
        client.log_text(run_id, what[0], "notes.txt")


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store from which both were copied."""
    folder = tmp_path_factory.mktemp("common") / ".nbtrack"
    client = nbtrack.Client(str(folder))
    client.create_experiment("one")
    for run_id in SHARED:
        make_run(folder, run_id, "one")
    client.log_param(SHARED[0], "loss", "1")
    client.log_metric(SHARED[0], "loss", 1.5, 10, 0)
    client.create_registered_model("model")
    client.create_model_version("model", f"runs:/{SHARED[0]}/model", SHARED[0])
    client.set_registered_model_alias("model", "champion", 1)
    open_store(str(folder)).close()
    return folder


# Both change everything that one can disagree on, at once.
QUARREL = [
    [
        ("points", 0, "loss", [(0, 10, 1.5), (0, 10, 1.5), (1, 10, float("nan")), (2, 11, value)]),
        ("param", 0, "acc", text),
        ("tag", 0, "acc", text),
        ("rename", 1, text),
        ("file", 1, text),
        ("end", 1, status, 101),
        ("end", 2, "FINISHED", end),
        ("tag", 2, "loss", text),
        ("experiment", "two", text),
        ("version", 0),
        ("stage", 1, stage),
        ("version tag", 1, text),
        ("alias", 2, "next"),
    ]
    for value, text, status, end, stage in (
        (0.0, "1", "FINISHED", 100, "Staging"),
        (1.5, "2", "FAILED", 102, "Archived"),
    )
]


@pytest.mark.slow
@example(*QUARREL)
@example(*reversed(QUARREL))
@settings(
    max_examples=examples(4, 50), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(ACTIONS, ACTIONS)
@pytest.mark.filterwarnings("ignore:Param")
def test_merging_is_symmetric_and_idempotent(
    common: Path, mine: list[tuple[Any, ...]], yours: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        mine_folder, your_folder, both, other_way = (Path(name, part, ".nbtrack") for part in "abcd")
        shutil.copytree(common, mine_folder)
        shutil.copytree(common, your_folder)
        act(mine_folder, mine, "d")
        act(your_folder, yours, "e")
        shutil.copytree(mine_folder, both)
        shutil.copytree(your_folder, other_way)

        merge(your_folder, into=both)
        merge(mine_folder, into=other_way)
        united = content(both)
        assert content(other_way) == united
        for other in (your_folder, mine_folder, other_way):
            again = merge(other, into=both)
            assert not any(again.brought.values()), str(again)
            assert content(both) == united
        for folder in (mine_folder, your_folder, both, other_way):
            open_store(str(folder)).close()


@pytest.mark.slow
def test_a_version_whose_number_is_taken_gets_a_new_one_and_a_note(common: Path, tmp_path: Path) -> None:
    mine, yours = tmp_path / "mine", tmp_path / "yours"
    for folder, run_id in ((mine, SHARED[1]), (yours, SHARED[2])):
        shutil.copytree(common, folder)
        client = nbtrack.Client(str(folder))
        client.create_model_version("model", f"runs:/{run_id}/model", run_id)
        client.transition_model_version_stage("model", 2, "Production")
        client.set_registered_model_alias("model", "champion", 2)
    report = merge(yours, into=mine)
    assert [str(note) for note in report.notes] == [
        "1 × model versions with a new number, because theirs was taken (model 2 → 3)"
    ]
    client = nbtrack.Client(str(mine))
    assert [client.get_model_version("model", number).run_id for number in (1, 2, 3)] == list(SHARED)
    # Pointed at last in `yours`, and so it stays when it comes back.
    assert client.get_model_version_by_alias("model", "champion").version == 3
    merge(mine, into=yours)
    assert nbtrack.Client(str(yours)).get_model_version_by_alias("model", "champion").run_id == SHARED[2]
    # Its history is told under its new number, and what is deleted here does not come back.
    history = [(one.version, one.kind) for one in client.get_history("model") if one.version == 3]
    assert sorted(history) == [(3, "alias_set"), (3, "stage"), (3, "version_created")]
    client.delete_model_version("model", 3)
    assert merge(yours, into=mine).brought["model versions"] == 0
    # The next number is one that neither store has given.
    assert client.create_model_version("model", "runs:/x/y").version == 5


def test_a_store_with_everything_is_merged(tmp_path: Path) -> None:
    """Import with the command into an empty store."""
    other = tmp_path / "project" / ".nbtrack"
    nbtrack.set_tracking_uri(other)
    with nbtrack.start_run(run_name="parent") as parent:
        nbtrack.log_metrics({"loss": 0.5, "nan": float("nan")})
        nbtrack.log_text("hello", "notes/hello.txt")
        with nbtrack.start_run(run_name="child", nested=True):
            nbtrack.log_param("lr", 0.1)
    nbtrack.Client().create_registered_model("model", tags={"k": "v"}, description="text")
    file = f"{nbtrack.Client().get_run(parent.info.run_id).info.artifact_uri}/notes"
    nbtrack.Client().create_model_version("model", file, parent.info.run_id)
    nbtrack.set_tracking_uri("")
    before = content(other)
    assert main(["merge", str(tmp_path / "project")]) == 0
    assert content(other) == before
    after = content(tmp_path / ".nbtrack")
    # A path into the other store's artifacts has become an address that resolves in this one.
    assert nbtrack.Client().get_model_version("model", 1).source == f"runs:/{parent.info.run_id}/notes"
    assert {name for name in before if before[name] != after[name]} == {"versions"}
    assert nbtrack.Client().get_run(parent.info.run_id).data.tags[IMPORTED] == "nbtrack: .nbtrack"
    with pytest.raises(InvalidParameter, match="into itself"):
        nbtrack.merge(tmp_path / ".nbtrack")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "runs.lock"
    }


@pytest.mark.slow
def test_a_store_of_an_older_schema_is_merged_and_not_changed(tmp_path: Path) -> None:
    fixtures = Path(make.__file__).parent
    old = tmp_path / "old"
    with zipfile.ZipFile(fixtures / "schema_1.zip") as archive:
        archive.extractall(old)
    before = files(old)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(scratch))
        assert nbtrack.merge(old).is_complete
        assert not any(nbtrack.merge(old).brought.values())
    assert files(old) == before
    assert not list(scratch.iterdir())
    answers = json.loads((fixtures / "schema_1.json").read_text())
    runs = nbtrack.search_runs(search_all_experiments=True, run_view_type=nbtrack.ViewType.ALL, output_format="list")
    assert {run.info.run_id for run in runs} == {run[0] for run in answers["runs"]}
    # Also what only its journal had, and the files, which are not copied twice.
    assert [run.data.metrics for run in runs if run.info.run_name == "not applied yet"] == [{"loss": 0.25}]
    (parent,) = (run for run in runs if run.info.run_name == "parent")
    assert nbtrack.artifacts.load_text(f"runs:/{parent.info.run_id}/notes/hello.txt") == "hello"
    assert nbtrack.Client().get_model_version_by_alias("digits", "champion").version == 2


@pytest.mark.slow
def test_gc_deletes_no_file_of_a_source_with_an_artifact_location(tmp_path: Path) -> None:
    """Both stores have the experiment, with the same artifact location outside of both."""
    outside = tmp_path / "disk"
    for folder in (tmp_path / "other", tmp_path / "own"):
        nbtrack.set_tracking_uri(folder)
        nbtrack.set_experiment(experiment_id=nbtrack.create_experiment("digits", str(outside)))
        with nbtrack.start_run(run_name=folder.name) as run:
            nbtrack.log_text(folder.name, "notes.txt")
        if folder.name == "other":
            theirs = run.info.run_id
    before = files(outside)
    assert len(before) == 2
    nbtrack.merge(tmp_path / "other")
    assert nbtrack.artifacts.load_text(f"runs:/{theirs}/notes.txt") == "other"
    nbtrack.delete_run(theirs)
    assert main(["gc", "--yes"]) == 0
    assert not nbtrack.search_runs(filter_string="run_name = 'other'", run_view_type=nbtrack.ViewType.ALL).size
    assert files(outside) == before
    # One of its own is taken there, for it is below the experiment's location.
    nbtrack.delete_run(run.info.run_id)
    assert main(["gc", "--yes"]) == 0
    assert list(files(outside)) == [f"{theirs}/artifacts/notes.txt"]


@pytest.mark.slow
def test_the_details_of_datasets_are_merged(tmp_path: Path) -> None:
    nbtrack.set_tracking_uri(tmp_path / "other")
    with nbtrack.start_run() as run:
        nbtrack.log_input(nbtrack.data.from_file(__file__), "training", {"split": "a/b", "seed": 3})
    nbtrack.set_tracking_uri("")
    nbtrack.merge(tmp_path / "other")
    (logged,) = nbtrack.get_run(run.info.run_id).inputs.dataset_inputs
    assert [logged] == run.inputs.dataset_inputs
    assert {tag.key: tag.value for tag in logged.tags} == {
        "mlflow.data.context": "training",
        "split": "a/b",
        "seed": "3",
    }
