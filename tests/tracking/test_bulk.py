"""Test operations on many runs: tagging, and moving to another experiment."""

from __future__ import annotations

import pytest

import nbtrack
from nbtrack.entities import ViewType
from nbtrack.errors import InvalidParameter, NotFound


@pytest.fixture
def runs() -> list[nbtrack.ActiveRun]:
    nbtrack.set_experiment("here")
    made = []
    for i in range(4):
        with nbtrack.start_run(run_name=f"run-{i}") as run:
            nbtrack.log_metric("m", i)
            nbtrack.log_text(f"text {i}", "notes/a.txt")
        made.append(run)
    return made


def tagged(key: str) -> list[str]:
    found = nbtrack.search_runs(output_format="list", order_by=["start_time", "run_name"])
    return [run.info.run_name for run in found if key in run.data.tags]


def test_runs_are_tagged_by_ids_runs_tables_and_filters(runs: list[nbtrack.ActiveRun]) -> None:
    client = nbtrack.MlflowClient()
    assert nbtrack.tag_runs("metrics.m >= 2", {"good": True, "team": "a"}) == 2
    assert tagged("good") == ["run-2", "run-3"]
    assert client.get_run(runs[3].info.run_id).data.tags["good"] == "True"
    assert nbtrack.tag_runs([runs[0], runs[1].info.run_id, runs[0]], {"some": 1}) == 2
    assert nbtrack.tag_runs(runs[2].info.run_id, {"one": 1}) == 1
    assert nbtrack.tag_runs(nbtrack.search_runs(filter_string="metrics.m < 2"), {"frame": 1}) == 2
    assert nbtrack.tag_runs(runs[0], {"it": 1}) == 1
    assert [tagged(key) for key in ("some", "one", "frame", "it")] == [
        ["run-0", "run-1"],
        ["run-2"],
        ["run-0", "run-1"],
        ["run-0"],
    ]
    assert nbtrack.tag_runs("metrics.m > 100", {"none": 1}) == 0
    assert nbtrack.tag_runs(runs, {"mlflow.runName": "all"}) == 4
    assert {run.info.run_name for run in client.search_runs()} == {"all"}


def test_a_filter_searches_the_active_experiment_and_with_the_client_all(runs: list[nbtrack.ActiveRun]) -> None:
    nbtrack.set_experiment("elsewhere")
    assert nbtrack.tag_runs("metrics.m >= 2", {"x": 1}) == 0
    assert nbtrack.tag_runs("metrics.m >= 2", {"x": 1}, search_all_experiments=True) == 2
    assert nbtrack.MlflowClient().tag_runs("metrics.m >= 1", {"x": 1}) == 3


def test_if_one_run_is_invalid_none_is_changed(runs: list[nbtrack.ActiveRun]) -> None:
    client = nbtrack.MlflowClient()
    client.delete_run(runs[3].info.run_id)
    target = client.create_experiment("target")
    for change in (lambda named: client.tag_runs(named, {"x": 1}), lambda named: client.move_runs(named, target)):
        with pytest.raises(InvalidParameter, match=r"deleted.*restore_run"):
            change([run.info.run_id for run in runs])
        with pytest.raises(NotFound):
            change([runs[0].info.run_id, "f" * 32])
    with pytest.raises(InvalidParameter, match="key"):
        client.tag_runs(runs[:2], {"": 1})
    with pytest.raises(NotFound):
        client.move_runs(runs[:2], "17")
    client.delete_experiment(target)
    with pytest.raises(InvalidParameter, match="deleted"):
        client.move_runs(runs[:2], target)
    assert len(client.search_runs([runs[0].info.experiment_id])) == 3
    assert tagged("x") == []


def test_a_moved_run_takes_its_children_along_and_keeps_its_artifacts(runs: list[nbtrack.ActiveRun]) -> None:
    client = nbtrack.MlflowClient()
    with nbtrack.start_run(run_name="parent") as parent, nbtrack.start_run(nested=True, run_name="child"):
        with nbtrack.start_run(nested=True, run_name="grandchild") as grandchild:
            nbtrack.log_text("deep", "a.txt")
        with nbtrack.start_run(nested=True, run_name="gone") as gone:
            pass
    client.delete_run(gone.info.run_id)
    nbtrack.create_experiment("there")
    assert nbtrack.move_runs([parent.info.run_id, runs[1]], "there") == 5
    assert nbtrack.move_runs(parent, "there") == 0
    there = client.get_experiment_by_name("there").experiment_id
    assert {run.info.run_name for run in client.search_runs([there], run_view_type=ViewType.ALL)} == {
        "parent",
        "child",
        "grandchild",
        "gone",
        "run-1",
    }
    assert nbtrack.artifacts.load_text(f"runs:/{grandchild.info.run_id}/a.txt") == "deep"
    assert nbtrack.artifacts.load_text(f"runs:/{runs[1].info.run_id}/notes/a.txt") == "text 1"
    client.log_text(runs[1].info.run_id, "more", "b.txt")
    assert [file.path for file in client.list_artifacts(runs[1].info.run_id)] == ["b.txt", "notes"]
    # It is the new experiment's bin that they go to.
    client.delete_experiment(there)
    assert client.get_run(runs[1].info.run_id).info.lifecycle_stage == "deleted"
    assert client.get_run(runs[0].info.run_id).info.lifecycle_stage == "active"
    assert nbtrack.move_runs("metrics.m = 0", experiment_id="0") == 1


def test_a_run_is_renamed_while_it_runs_and_after(runs: list[nbtrack.ActiveRun]) -> None:
    client = nbtrack.MlflowClient()
    with nbtrack.start_run(run_name="a") as run:
        nbtrack.set_tag("mlflow.runName", "b")
        assert client.get_run(run.info.run_id).info.run_name == "b"
    client.update_run(run.info.run_id, name="c")
    renamed = client.get_run(run.info.run_id)
    assert (renamed.info.run_name, renamed.data.tags["mlflow.runName"]) == ("c", "c")
    assert len(nbtrack.search_runs(filter_string="run_name = 'c'")) == 1


def test_every_written_file_is_recorded_with_its_size(tmp_path: object) -> None:
    from pathlib import Path

    import numpy as np

    folder = Path(str(tmp_path)) / "results"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(b"x" * 10)
    (folder / "b.txt").write_text("b")
    with nbtrack.start_run() as run:
        nbtrack.log_text("hello", "notes/hello.txt")
        nbtrack.log_dict({"a": 1}, "a.json")
        nbtrack.log_image(np.zeros((2, 2), dtype="uint8"), "zero.png")
        nbtrack.log_table({"x": [1]}, "table.json")
        nbtrack.log_table({"x": [2]}, "table.json")
        nbtrack.log_artifact(folder / "b.txt", "one")
        nbtrack.log_artifacts(folder, "all")
        nbtrack.log_artifacts(folder, "all")
        (folder / "b.txt").write_text("longer")
        nbtrack.log_artifact(folder)
    rows = nbtrack.sql("SELECT path, size FROM nbtrack.artifacts WHERE run_id = $1", [run.info.run_id])
    root = Path(run.info.artifact_uri)
    on_disk = {file.relative_to(root).as_posix(): file.stat().st_size for file in root.rglob("*") if file.is_file()}
    assert dict(zip(rows["path"], rows["size"], strict=True)) == on_disk
    assert len(on_disk) == 9


def test_arguments_that_are_not_runs_are_refused() -> None:
    for runs in (3, [3], [None]):
        with pytest.raises(InvalidParameter, match="tag_runs takes run IDs, Run objects"):
            nbtrack.tag_runs(runs, {"a": "b"})
    with pytest.raises(InvalidParameter, match="a column run_id"):
        nbtrack.move_runs(nbtrack.search_runs()[["status"]], experiment_id="0")
