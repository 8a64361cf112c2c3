"""Test runs through the module-level API and the client, with MLflow's behavior and the intended differences."""

from __future__ import annotations

import asyncio
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nbtrack
import nbtrack as mlflow
from nbtrack.entities import Metric, Param, RunTag, ViewType
from nbtrack.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from nbtrack.journal import Journal
from nbtrack.store.folder.database import Database


def test_code_written_for_mlflow() -> None:
    mlflow.set_experiment("digits")
    with mlflow.start_run(run_name="first", tags={"team": "a"}, description="a note") as run:
        assert mlflow.active_run().info.run_id == run.info.run_id
        assert mlflow.log_param("lr", 0.1) == 0.1
        mlflow.log_params({"layers": [64, 32], "activation": "relu"})
        for epoch in range(3):
            mlflow.log_metric("loss", 1 / (epoch + 1), step=epoch)
        mlflow.log_metrics({"acc": 0.9, "f1": 0.8}, step=2)
        mlflow.set_tags({"a": 1, "b": 2})
        mlflow.delete_tag("b")
    assert mlflow.active_run() is None
    stored = mlflow.get_run(run.info.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.info.run_name == "first"
    assert stored.info.end_time >= stored.info.start_time
    assert stored.data.params == {"lr": "0.1", "layers": "[64, 32]", "activation": "relu"}
    assert stored.data.metrics == {"loss": pytest.approx(1 / 3), "acc": 0.9, "f1": 0.8}
    own = {key: value for key, value in stored.data.tags.items() if not key.startswith(("mlflow.", "nbtrack."))}
    assert own == {"team": "a", "a": "1"}
    assert stored.data.tags["mlflow.note.content"] == "a note"
    assert mlflow.last_active_run().info.run_id == run.info.run_id
    frame = mlflow.search_runs(experiment_names=["digits"])
    assert list(frame.columns[:6]) == ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
    assert frame["metrics.acc"][0] == 0.9
    assert str(frame["start_time"].dt.tz) == "UTC"


def test_runs_without_a_with_block_and_started_by_a_log_call() -> None:
    nbtrack.log_metric("m", 1)
    run = nbtrack.active_run()
    assert run is not None
    with pytest.raises(InvalidState, match=r"already active.*nested=True"):
        nbtrack.start_run()
    nbtrack.end_run("FAILED")
    assert nbtrack.get_run(run.info.run_id).info.status == "FAILED"
    nbtrack.end_run()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("boom"), "FAILED"),
        (ValueError("NUL \0 and half of a pair \ud800"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
    ],
)
def test_an_exception_ends_the_run_and_its_traceback_is_kept(error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), nbtrack.start_run() as run:
        raise error
    stored = nbtrack.get_run(run.info.run_id)
    assert stored.info.status == status
    assert type(error).__name__ in stored.data.tags["nbtrack.traceback"]
    assert nbtrack.active_run() is None


def test_an_exit_caused_by_an_interrupt_kills_the_run_and_other_exits_fail_it() -> None:
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)

    for leave, status in ((interrupted, "KILLED"), (lambda: sys.exit(1), "FAILED")):
        with pytest.raises(SystemExit), nbtrack.start_run() as run:
            leave()
        assert nbtrack.get_run(run.info.run_id).info.status == status


def test_steps_are_counted_and_continue_in_a_resumed_run() -> None:
    client = nbtrack.MlflowClient()
    with nbtrack.start_run() as run:
        nbtrack.log_metric("loss", 1)
        nbtrack.log_metric("loss", 2)
        nbtrack.log_metric("loss", 3, step=10)
        nbtrack.log_metric("other", 1)
        nbtrack.log_metric("loss", 4)
    client._store.forget_recorder(run.info.run_id)
    with nbtrack.start_run(run_id=run.info.run_id) as again:
        assert again.info.run_id == run.info.run_id
        assert nbtrack.get_run(run.info.run_id).info.status == "RUNNING"
        nbtrack.log_metric("loss", 5)
    assert [m.step for m in client.get_metric_history(run.info.run_id, "loss")] == [0, 1, 10, 11, 12]
    assert nbtrack.get_run(run.info.run_id).info.status == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "latest"),
    [
        ([(1, 100, 5), (2, 200, 3)], 1),
        ([(9, 100, 5), (1, 200, 5)], 1),
        ([(9, 100, 5), (1, 100, 5)], 9),
        ([(1, 1, -5), (2, 1, -1)], 2),
        ([(1, 7, 1), (float("nan"), 7, 1)], 1),
        ([(float("inf"), 7, 1), (1, 7, 1)], float("inf")),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_latest_metric_is_that_of_the_highest_step_then_time_then_value(
    points: list[tuple[float, int, int]], latest: float, at_once: bool
) -> None:
    with nbtrack.start_run() as run:
        for value, timestamp, step in points:
            nbtrack.log_metric("m", value, step=step, timestamp=timestamp)
            if not at_once:
                nbtrack.search_runs(output_format="list")
    assert nbtrack.get_run(run.info.run_id).data.metrics["m"] == latest


def test_a_changed_param_is_stored_with_its_history_and_warned_about_once() -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_param("lr", 1)
        nbtrack.log_param("lr", 1)
        nbtrack.search_runs(output_format="list")
        with pytest.warns(UserWarning, match="lr.*changed from '1' to '2'"):
            nbtrack.log_param("lr", 2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            nbtrack.log_param("lr", 3)
    client = nbtrack.MlflowClient()
    assert client.get_run(run.info.run_id).data.params == {"lr": "3"}
    assert [value for _, value, _ in client._store._param_history(run.info.run_id)] == ["1", "2"]


@pytest.mark.parametrize(
    "value", [np.float32(0.5), np.int64(3), np.array(0.25), np.array([2.0]), True, 7, SimpleNamespace(__float__=None)]
)
def test_metric_values_of_other_types(value: object) -> None:
    with nbtrack.start_run() as run:
        if isinstance(value, SimpleNamespace):
            with pytest.raises(InvalidParameter, match="must be a number"):
                nbtrack.log_metric("m", value)
        else:
            nbtrack.log_metric("m", value)
            assert nbtrack.get_run(run.info.run_id).data.metrics["m"] == float(np.asarray(value).reshape(())[()])


@pytest.mark.parametrize("value", ["0.5", "abc", None, 1j, [1, 2], np.array([1.0, 2.0]), object()])
def test_a_metric_that_is_not_a_number_is_an_error_and_nothing_is_logged(value: object) -> None:
    with nbtrack.start_run() as run:
        with pytest.raises(InvalidParameter, match="'bad' must be a number"):
            nbtrack.log_metric("bad", value)
        with pytest.raises(InvalidParameter, match="'bad' must be a number"):
            nbtrack.log_metrics({"good": 1, "bad": value})
        nbtrack.log_metric("good", 2)
    history = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "good")
    assert [(m.step, m.value) for m in history] == [(0, 2)]
    assert "bad" not in nbtrack.get_run(run.info.run_id).data.metrics


NASTY = [
    "it's",
    'a "quote"',
    "<b onmouseover=alert(1)>",
    "😀 emoji",
    "../up",
    "a`b",
    "tab\there",
    "back\\slash",
    "%_",
    "né",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NASTY)
def test_names_with_any_characters_are_returned_and_found(name: str) -> None:
    nbtrack.set_experiment(name)
    with nbtrack.start_run(run_name=name) as run:
        nbtrack.log_param(name, name)
        nbtrack.log_metric(name, 1.5)
        nbtrack.set_tag(name, name)
        nbtrack.log_text("hello", "file.txt")
    (stored,) = nbtrack.search_runs(output_format="list", experiment_names=[name])
    assert stored.info.run_id == run.info.run_id
    assert (stored.info.run_name, stored.data.params, stored.data.metrics) == (name, {name: name}, {name: 1.5})
    assert stored.data.tags[name] == name
    quoted = name.replace("'", "''")
    assert len(nbtrack.search_runs(filter_string=f"run_name = '{quoted}'")) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 10_000, "nul\0", "half \ud800 pair", 7])
def test_invalid_names_are_clear_errors(name: object) -> None:
    with nbtrack.start_run() as run:
        for call in (
            lambda: nbtrack.log_metric(name, 1),
            lambda: nbtrack.log_param(name, 1),
            lambda: nbtrack.set_tag(name, 1),
            lambda: nbtrack.create_experiment(name),
        ):
            with pytest.raises(InvalidParameter):
                call()
    stored = nbtrack.get_run(run.info.run_id)
    assert (stored.data.params, stored.data.metrics) == ({}, {})


def test_values_of_any_length() -> None:
    text = "ü" * 1_000_000
    with nbtrack.start_run() as run:
        nbtrack.log_param("text", text)
        nbtrack.set_tag("text", text)
    stored = nbtrack.get_run(run.info.run_id)
    assert stored.data.params["text"] == stored.data.tags["text"] == text


def test_unknown_and_deleted_runs() -> None:
    client = nbtrack.MlflowClient()
    for call in (
        lambda: nbtrack.get_run("0" * 32),
        lambda: nbtrack.start_run(run_id="nope"),
        lambda: client.log_metric("has space!", "m", 1),
        lambda: client.get_metric_history("0" * 32, "m"),
        lambda: nbtrack.delete_run("0" * 32),
    ):
        with pytest.raises(NotFound, match="does not exist") as caught:
            call()
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with nbtrack.start_run() as parent, nbtrack.start_run(nested=True) as child:
        pass
    nbtrack.delete_run(parent.info.run_id)
    assert len(nbtrack.search_runs()) == 0
    assert len(nbtrack.search_runs(run_view_type=ViewType.DELETED_ONLY)) == 2
    assert nbtrack.get_run(child.info.run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(InvalidParameter, match="restore_run"):
        client.log_metric(child.info.run_id, "m", 1)
    nbtrack.restore_run(parent.info.run_id)
    assert len(nbtrack.search_runs()) == 2
    client.log_metric(child.info.run_id, "m", 1)


def test_nested_runs_from_threads_pools_and_tasks_find_their_parent() -> None:
    def child(number: int) -> str:
        with nbtrack.start_run(run_name=f"child {number}", nested=True) as run:
            nbtrack.log_param("number", number)
            return run.info.run_id

    async def task(number: int) -> str:
        with nbtrack.start_run(nested=True) as run:
            await asyncio.sleep(0.01)
            nbtrack.log_param("number", number)
            return run.info.run_id

    async def tasks() -> list[str]:
        return await asyncio.gather(*(task(number) for number in range(4)))

    with nbtrack.start_run(run_name="parent") as parent:
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(child, range(8)))
        thread = threading.Thread(target=lambda: nbtrack.log_metric("bare", 1))
        thread.start()
        thread.join()
        ids += asyncio.run(tasks())
        assert nbtrack.active_run().info.run_id == parent.info.run_id
    found = nbtrack.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", output_format="list")
    assert {run.info.run_id for run in found} == set(ids)
    assert {run.data.params["number"] for run in found} == {str(n) for n in range(8)}
    assert nbtrack.get_run(parent.info.run_id).data.metrics == {"bare": 1}
    assert nbtrack.get_parent_run(ids[0]).info.run_id == parent.info.run_id
    assert len(nbtrack.search_runs()) == 13, "no orphans"


def test_running_a_cell_again_ends_the_run_that_it_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack import capture

    def run_cell(cell_id: str, count: int) -> nbtrack.ActiveRun:
        monkeypatch.setattr(capture, "current_cell", lambda: capture.Cell(cell_id, count, count))
        return nbtrack.start_run()

    first = run_cell("a", 1)
    second = run_cell("a", 2)
    assert nbtrack.active_run() is second
    with pytest.raises(InvalidState):
        run_cell("b", 3)
    nbtrack.end_run()
    assert nbtrack.get_run(first.info.run_id).info.status == "KILLED"
    assert nbtrack.get_run(second.info.run_id).info.status == "FINISHED"


def test_the_life_of_an_experiment() -> None:
    default = nbtrack.get_experiment("0")
    assert (default.name, default.lifecycle_stage) == ("Default", "active")
    first = nbtrack.create_experiment("e", tags={"k": "v"})
    assert nbtrack.get_experiment(first).tags == {"k": "v"}
    with pytest.raises(AlreadyExists):
        nbtrack.create_experiment("e")
    nbtrack.set_experiment("e")
    with nbtrack.start_run() as kept, nbtrack.start_run(nested=True) as binned:
        pass
    nbtrack.delete_run(binned.info.run_id)
    nbtrack.delete_experiment(first)
    with pytest.raises(NotFound):
        nbtrack.delete_experiment(first)
    with pytest.raises(InvalidState):
        nbtrack.rename_experiment(first, "f")
    with pytest.raises(InvalidParameter, match="deleted"):
        nbtrack.MlflowClient().create_run(first)
    assert nbtrack.get_run(kept.info.run_id).info.lifecycle_stage == "deleted"
    second = nbtrack.create_experiment("e")
    assert second != first, "a deleted experiment's name is free again"
    assert nbtrack.get_experiment_by_name("e").experiment_id == second
    with pytest.raises(AlreadyExists):
        nbtrack.restore_experiment(first)
    nbtrack.rename_experiment(second, "g")
    nbtrack.restore_experiment(first)
    assert nbtrack.get_run(kept.info.run_id).info.lifecycle_stage == "active"
    assert nbtrack.get_run(binned.info.run_id).info.lifecycle_stage == "deleted"
    assert {e.name for e in nbtrack.search_experiments()} == {"Default", "e", "g"}
    assert [e.name for e in nbtrack.search_experiments(filter_string="name ILIKE 'G%'")] == ["g"]
    for wrong, error in (("abc", InvalidParameter), ("4242", NotFound)):
        with pytest.raises(error):
            nbtrack.get_experiment(wrong)
    assert nbtrack.get_experiment_by_name("nope") is None


def test_pages_are_complete_and_end(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    ids = [client.create_run("0", start_time=number).info.run_id for number in range(7)]
    found, token, pages = [], None, 0
    while pages == 0 or token:
        page = client.search_runs(["0"], max_results=3, page_token=token)
        found += [run.info.run_id for run in page]
        token, pages = page.token, pages + 1
    assert (found, pages) == (ids[::-1], 3)
    assert client.search_runs(["0"], max_results=7).token is None
    for bad in ("nonsense", "b2Zmc2V0PS0x", "é"):
        with pytest.raises(InvalidParameter, match="page_token"):
            client.search_runs(["0"], page_token=bad)
    for bad in (0, -1, "3", 10**9):
        with pytest.raises(InvalidParameter, match="max_results"):
            client.search_runs(["0"], max_results=bad)
    with pytest.raises(InvalidParameter, match="filter_string"):
        nbtrack.search_runs("metrics.m > 1")
    assert client.search_runs([]) == []
    assert client.search_runs(["424242"]) == []


def test_the_client_writes_whole_batches_and_statuses() -> None:
    client = nbtrack.MlflowClient()
    run_id = client.create_run("0", tags={"mlflow.user": "ada"}, run_name="batch").info.run_id
    metrics = [Metric("m", float(step), 1000 + step, step) for step in range(1500)]
    client.log_batch(run_id, metrics, [Param(f"p{i}", str(i)) for i in range(150)], [RunTag("t", "1")])
    assert client.get_metric_history(run_id, "m") == [
        Metric("m", m.value, m.timestamp, m.step, run_id) for m in metrics
    ]
    client.log_batch(run_id, [metrics[0]])
    assert len(client.get_metric_history(run_id, "m")) == 1500, "a point logged twice alike counts once"
    client.update_run(run_id, name="renamed")
    assert client.get_run(run_id).info.run_name == "renamed"
    assert client.get_run(run_id).info.user_id == "ada"
    client.set_tag(run_id, "mlflow.runName", "again")
    assert client.get_run(run_id).info.run_name == "again"
    with pytest.raises(NotFound, match="no tag"):
        client.delete_tag(run_id, "nope")
    with pytest.raises(InvalidParameter, match="RUNNING"):
        client.update_run(run_id, status="BOGUS")
    client.set_terminated(run_id, "KILLED", end_time=99)
    assert (client.get_run(run_id).info.status, client.get_run(run_id).info.end_time) == ("KILLED", 99)
    with pytest.raises(InvalidParameter, match="two names"):
        client.create_run("0", run_name="a", tags={"mlflow.runName": "b"})


def test_artifacts_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    with nbtrack.start_run() as run:
        nbtrack.log_artifact(tmp_path / "data.csv", "raw")
        nbtrack.log_dict({"a": [1, 2]}, "config.json")
        nbtrack.log_table({"x": [1], "y": ["a"]}, "table.json")
        assert nbtrack.get_artifact_uri("raw/data.csv").endswith("/artifacts/raw/data.csv")
        with pytest.raises(InvalidParameter, match="must not leave"):
            nbtrack.log_text("x", "../escaped.txt")
    listed = nbtrack.artifacts.list_artifacts(run_id=run.info.run_id)
    assert [(entry.path, entry.is_dir) for entry in listed] == [
        ("config.json", False),
        ("raw", True),
        ("table.json", False),
    ]
    local = nbtrack.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="raw/data.csv")
    assert Path(local).read_text() == "a,b\n1,2\n"
    with pytest.raises(NotFound):
        nbtrack.MlflowClient().download_artifacts(run.info.run_id, "nope.txt")


def test_threads_without_an_active_run_start_their_own() -> None:
    barrier, starting = threading.Barrier(4), threading.Lock()

    def start(number: int) -> nbtrack.ActiveRun:
        with starting:
            return nbtrack.start_run(run_name=f"alone {number}")

    def train(number: int) -> str:
        with start(number) as run:
            barrier.wait(timeout=10)
            nbtrack.log_metric("m", number)
            return run.info.run_id

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(train, range(4)))
    assert [nbtrack.get_run(run_id).data.metrics for run_id in ids] == [{"m": number} for number in range(4)]
    assert nbtrack.active_run() is None


def test_the_run_that_the_environment_names_is_resumed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with nbtrack.start_run() as run:
        pass
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    with nbtrack.start_run() as again:
        assert again.info.run_id == run.info.run_id
    with nbtrack.start_run() as other:
        assert other.info.run_id != run.info.run_id


def test_a_run_stays_in_its_store_when_the_current_one_changes(tmp_path: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.set_tracking_uri(tmp_path / "other")
        nbtrack.log_text("hello", "note.txt")
        assert nbtrack.get_artifact_uri("note.txt").startswith(str(tmp_path / ".nbtrack"))
    assert nbtrack.last_active_run().info.run_id == run.info.run_id
    assert not (tmp_path / "other").exists()


def test_a_batch_is_logged_as_a_whole_or_not_at_all() -> None:
    client = nbtrack.MlflowClient()
    run_id = client.create_run("0").info.run_id
    with pytest.raises(InvalidParameter, match="must be a number"):
        client.log_batch(run_id, [Metric("a", 1.0, 1), Metric("b", "x", 1)], [Param("p", "1")], [RunTag("t", "1")])
    data = client.get_run(run_id).data
    assert (data.metrics, data.params, "t" in data.tags) == ({}, {}, False)
    with pytest.raises(InvalidParameter, match="start_time"):
        client.create_run("0", start_time=2**63)
    with pytest.raises(TypeError, match="stepp"):
        nbtrack.log_metric("m", 1, stepp=3)


def test_frames_without_runs_and_with_a_run_in_the_far_future() -> None:
    empty = nbtrack.search_runs()
    assert list(empty.run_id.str.len()) == []
    nbtrack.MlflowClient().create_run("0", start_time=10**17)
    frame = nbtrack.search_runs()
    assert frame.dtypes["run_id"] == empty.dtypes["run_id"]
    assert frame.start_time.isna().all()
    assert len(nbtrack.MlflowClient().search_runs(["0", "--5", "²", "9" * 30])) == 1


def test_entities_return_their_fields_like_mlflows() -> None:
    with nbtrack.start_run(run_name="one") as run:
        nbtrack.log_metric("loss", 0.5, step=3, timestamp=7)
        nbtrack.log_param("lr", 0.1)
    stored = nbtrack.get_run(run.info.run_id)
    info, data = dict(stored.info), dict(stored.data)
    assert (info["run_name"], info["status"], data["params"]) == ("one", "FINISHED", {"lr": "0.1"})
    assert stored.to_dictionary() == {"info": info, "data": data, "inputs": {"dataset_inputs": []}}
    (point,) = nbtrack.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert (
        dict(point)
        == point.to_dictionary()
        == {"key": "loss", "value": 0.5, "timestamp": 7, "step": 3, "run_id": run.info.run_id}
    )
    assert dict(nbtrack.get_experiment("0"))["name"] == "Default"
    assert dict(nbtrack.MlflowClient().create_registered_model("model"))["aliases"] == {}


def test_a_tag_is_deleted_from_a_run_that_cannot_be_read_yet(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk, logged data waits in memory, and a loop that deletes a tag must continue."""
    client = nbtrack.MlflowClient()
    client.search_runs()
    monkeypatch.setattr(Database, "has_room", lambda database: False)
    monkeypatch.setattr(Journal, "unwritten", 1)
    run_id = client.create_run("0", tags={"note": "x"}).info.run_id
    client.delete_tag(run_id, "note")
    client.delete_tag(run_id, "nope")
    monkeypatch.undo()
    assert "note" not in client.get_run(run_id).data.tags
