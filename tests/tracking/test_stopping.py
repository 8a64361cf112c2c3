"""Stopping a run, from its own process and from another one: what the training notices, and how the run ends."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack import autologging, views
from nbtrack.entities import Run
from nbtrack.errors import AlertWarning, InvalidParameter, InvalidState, NotFound, RunStopped
from nbtrack.integrations import optuna as optuna_integration
from nbtrack.journal import RunRecorder
from nbtrack.journal.stopping import without_stopping
from nbtrack.store.folder.stopping import StopFiles
from nbtrack.store.opening import close_stores

TRAINING = """
import time
import nbtrack
with nbtrack.start_run(run_name="training") as run:
    print(run.info.run_id, flush=True)
    for step in range(100_000_000):
        try:
            nbtrack.log_metric("loss", 1.0)
            time.sleep(0.001)
        except Exception:
            print("never", flush=True)
"""
"""A training in a process of its own, whose loop ignores every error."""


def stopped(run_id: str, **tags: str) -> Run:
    """Return a run after a check that it was stopped, by whom and why."""
    run = nbtrack.get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.data.tags["nbtrack.stopped_by"] == run.data.tags["mlflow.user"]
    assert run.data.tags.get("nbtrack.stop_reason") == tags.get("reason")
    assert not {"nbtrack.traceback", "nbtrack.killed"} & run.data.tags.keys()
    return run


@contextmanager
def until_stopped() -> Iterator[list[RunStopped]]:
    """Catch RunStopped, which must be raised in the block."""
    caught: list[RunStopped] = []
    try:
        yield caught
    except RunStopped as error:
        caught.append(error)
    assert caught, "No run was stopped."


def requests_in(store: Path) -> list[str]:
    return os.listdir(store / "stop") if (store / "stop").exists() else []


@pytest.mark.slow
def test_a_loop_in_another_process_stops_at_its_next_log_call(own_store: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", TRAINING], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    run_id = process.stdout.readline().decode().strip()
    reply, _ = views.handle(nbtrack.Client(), "live", {"run_id": run_id, "max_points": 100})
    assert reply["can_stop"]
    assert reply["stop"] is None
    command = [sys.executable, "-m", "nbtrack", "stop", "training", "--reason", "The loss is not falling"]
    assert b"stops at its next log call" in subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    output, errors = process.communicate(timeout=60)
    assert b"never" not in output
    assert errors.decode().rstrip().endswith("The loss is not falling")
    run = stopped(run_id, reason="The loss is not falling")
    assert requests_in(own_store) == []
    reply, _ = views.handle(nbtrack.Client(), "live", {"run_id": run_id, "max_points": 100})
    expected = {"by": run.data.tags["mlflow.user"], "reason": "The loss is not falling", "time": run.info.end_time}
    assert (reply["can_stop"], reply["stop"]) == (False, expected)


def test_the_call_that_notices_keeps_its_data_and_raises_once(own_store: Path) -> None:
    calls = [
        lambda: nbtrack.log_metric("a", 1.0),
        lambda: nbtrack.log_metrics({"b": 1, "c": 2}),
        lambda: nbtrack.log_series("d", range(25_000), range(25_000)),
        lambda: nbtrack.log_batch([nbtrack.entities.Metric("e", 1.0, 1, 0)], [nbtrack.entities.Param("p", "1")]),
        lambda: nbtrack.log_params({"q": 1}),
        lambda: nbtrack.set_tag("t", "1"),
    ]
    for call in calls:
        with until_stopped() as caught, nbtrack.start_run() as run:
            nbtrack.stop_run(run.info.run_id)
            try:
                call()
                pytest.fail("The call must raise.")
            finally:
                # A training saves what it has. Its log calls are not interrupted again.
                nbtrack.log_metric("last", 2.0)
        found = stopped(run.info.run_id)
        assert caught[0].run_id == run.info.run_id
        assert found.data.metrics.pop("last") == 2.0
        assert found.data.metrics or found.data.params or found.data.tags["t"] == "1"
        assert found.data.metrics.get("d", 24_999) == 24_999
    assert not isinstance(caught[0], Exception)
    assert str(pickle.loads(pickle.dumps(caught[0]))) == str(caught[0])
    assert caught[0]._render_traceback_() == [str(caught[0])]
    assert requests_in(own_store) == []


def test_a_loop_that_asks_ends_itself_and_counts_as_stopped() -> None:
    with nbtrack.start_run() as run:
        assert not nbtrack.should_stop()
        views.handle(nbtrack.Client(), "stop_run", {"run_id": run.info.run_id, "reason": "enough"})
        reply, _ = views.handle(nbtrack.Client(), "live", {"run_id": run.info.run_id, "max_points": 100})
        assert reply["can_stop"]
        assert reply["stop"]["reason"] == "enough"
        assert nbtrack.should_stop()
        assert run.should_stop
        nbtrack.log_metric("loss", 1.0)
    stopped(run.info.run_id, reason="enough")
    assert not nbtrack.should_stop()
    assert not run.should_stop


def test_a_run_that_ends_before_it_notices_was_not_stopped(own_store: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.stop_run(run.info.run_id)
    found = nbtrack.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert "nbtrack.stopped_by" not in found.data.tags
    assert requests_in(own_store) == []
    with pytest.raises(InvalidState, match="has already ended as FINISHED"):
        nbtrack.stop_run(run.info.run_id)


def test_an_old_request_stops_neither_a_resumed_run_nor_another_one(own_store: Path) -> None:
    with until_stopped(), nbtrack.start_run() as run:
        nbtrack.stop_run(run.info.run_id)
        nbtrack.log_metric("loss", 1.0)
    # A process that was killed leaves the file behind.
    StopFiles(own_store / "stop").write(run.info.run_id, nbtrack.entities.StopRequest("ada", "", 1))
    with nbtrack.start_run(run_id=run.info.run_id):
        nbtrack.log_metric("loss", 2.0)
        assert not nbtrack.should_stop()
    with nbtrack.start_run() as other:
        nbtrack.log_metric("loss", 3.0)
    StopFiles(own_store / "stop").write("a run that was deleted for good", nbtrack.entities.StopRequest("ada", "", 1))
    with until_stopped(), nbtrack.start_run() as last:
        nbtrack.stop_run(last.info.run_id)
        assert len(requests_in(own_store)) == 1
        nbtrack.log_metric("loss", 4.0)
    assert nbtrack.get_run(run.info.run_id).info.status == "FINISHED"
    assert nbtrack.get_run(other.info.run_id).info.status == "FINISHED"


def test_a_parent_stops_its_children_and_a_child_stops_alone() -> None:
    with nbtrack.start_run() as parent:
        for trial in range(3):
            try:
                with nbtrack.start_run(nested=True) as child:
                    if trial == 1:
                        nbtrack.stop_run(child.info.run_id)
                    nbtrack.log_metric("loss", trial)
            except RunStopped:
                stopped(child.info.run_id)
        nbtrack.log_metric("best", 0)
    children = nbtrack.search_runs(filter_string=f"parent = '{parent.info.run_id}'", output_format="list")
    assert sorted(child.info.status for child in children) == ["FINISHED", "FINISHED", "KILLED"]
    assert nbtrack.get_run(parent.info.run_id).info.status == "FINISHED"

    with until_stopped(), nbtrack.start_run() as parent, nbtrack.start_run(nested=True) as child:
        nbtrack.stop_run(parent.info.run_id, "too many")
        nbtrack.log_metric("loss", 1.0)
    stopped(child.info.run_id, reason="too many")
    stopped(parent.info.run_id, reason="too many")

    # Nothing catches it here: the parent ends too, and says which run was stopped.
    with until_stopped(), nbtrack.start_run() as parent, nbtrack.start_run(run_name="child", nested=True) as child:
        nbtrack.stop_run(child.info.run_id)
        nbtrack.log_metric("loss", 1.0)
    tags = nbtrack.get_run(parent.info.run_id).data.tags
    assert tags["nbtrack.killed"].startswith("Run 'child' was stopped by")
    assert "nbtrack.stopped_by" not in tags


def test_each_thread_of_a_training_is_stopped_and_nbtrack_itself_is_not() -> None:
    raised = []

    def work() -> None:
        try:
            nbtrack.log_metric("loss", 1.0)
        except RunStopped:
            raised.append(threading.current_thread())

    with until_stopped(), nbtrack.start_run() as run:
        nbtrack.stop_run(run.info.run_id)
        with without_stopping():
            run.log_metrics({"system/cpu": 1.0})
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(raised) == set(threads)
        run.log_metric("loss", 2.0)
    stopped(run.info.run_id)


@pytest.mark.slow
def test_a_forked_worker_is_told_and_not_interrupted() -> None:
    with nbtrack.start_run() as run:
        worker = multiprocessing.get_context("fork").Process(target=_work, args=[run])
        worker.start()
        nbtrack.stop_run(run.info.run_id)
        worker.join(60)
        assert worker.exitcode == 0
        assert run.should_stop
    assert stopped(run.info.run_id).data.metrics == {"worker": 1.0}


def _work(run: nbtrack.ActiveRun) -> None:
    """Wait until the run should stop. A pool waits forever for a task that ends with such an exception."""
    deadline = time.monotonic() + 50
    while not run.should_stop:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.log_metric("worker", 1.0)


def test_a_request_while_a_call_goes_back_to_the_fast_path_is_not_lost() -> None:
    class Conditions(list[Any]):
        """No conditions. A thread requests a stop when a log call has looked at them."""

        def __len__(self) -> int:
            recorder.request_stop(nbtrack.entities.StopRequest("ada", "", 1))
            return 0

    written: list[bytes] = []
    recorder = RunRecorder("1", "", written.append)
    recorder.is_owner = True
    recorder._conditions = Conditions()
    with pytest.warns(AlertWarning):
        recorder.metric("loss", float("nan"))
    with pytest.raises(RunStopped):
        recorder.metric("loss", 1.0)
    assert b"".join(written).count(b'"e":"metric"') == 2


def test_a_run_of_the_client_is_stopped_too() -> None:
    client = nbtrack.Client()
    run_id = client.create_run("0", tags={"mlflow.user": nbtrack.client.tracking.user()}).info.run_id
    client.stop_run(run_id)
    with pytest.raises(RunStopped):
        client.log_metric(run_id, "loss", 1.0)
    client.set_terminated(run_id)
    assert stopped(run_id).data.metrics == {"loss": 1.0}


def test_an_event_loop_survives(own_store: Path) -> None:
    async def train() -> None:
        nbtrack.log_metric("loss", 1.0)

    async def main() -> Any:
        with nbtrack.start_run() as run:
            nbtrack.stop_run(run.info.run_id)
            return (await asyncio.gather(asyncio.create_task(train()), return_exceptions=True))[0]

    assert isinstance(asyncio.run(main()), RunStopped)


def test_what_cannot_be_stopped_is_refused() -> None:
    with pytest.raises(NotFound):
        nbtrack.stop_run("../../etc/passwd")
    run = nbtrack.Client().create_run("0").info
    with pytest.raises(InvalidParameter, match="reason must be a string"):
        nbtrack.stop_run(run.run_id, 1)  # type: ignore[arg-type]
    # The process that ran it is done, and has not ended it.
    close_stores()
    with pytest.raises(InvalidState, match="no process that is still alive runs it"):
        nbtrack.stop_run(run.run_id)


def test_files_of_others_are_not_trusted(tmp_path: Path) -> None:
    files, run_id = StopFiles(tmp_path / "stop"), "../../x\0\ud800"
    request = nbtrack.entities.StopRequest("ada", "'; rm -rf /", 5)
    files.write("../../x", request)
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "stop"]
    assert files.find("../../x") == request
    assert files.all() == {"../../x": request}
    for number, content in enumerate((b"", b"{", b"[" * 100_000, b"[]", b'{"run_id": 1}', b"\xff", b"1" * 100_000)):
        (tmp_path / "stop" / f"{number}.json").write_bytes(content)
    (tmp_path / "secret").write_text(json.dumps({"run_id": run_id, "by": "", "reason": "", "time": 1}))
    (tmp_path / "stop" / "unstorable.json").write_bytes((tmp_path / "secret").read_bytes())
    (tmp_path / "stop" / "link.json").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "stop" / "pipe.json")
    assert files.all() == {"../../x": request}
    files.delete("../../x")
    assert files.find("../../x") is None


@pytest.mark.slow
def test_autologging_lets_it_pass() -> None:
    """A guard turns our own errors into warnings. This is not one, also in the middle of a real training."""
    with pytest.raises(RunStopped), autologging.guarded("sklearn", "log"):
        raise RunStopped("1", "run")

    from sklearn.linear_model import LinearRegression

    nbtrack.sklearn.autolog()
    try:
        with until_stopped(), nbtrack.start_run() as run:
            nbtrack.stop_run(run.info.run_id)
            LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    finally:
        nbtrack.sklearn.autolog(disable=True)
    assert stopped(run.info.run_id).data.params["fit_intercept"] == "True"


@pytest.mark.slow
def test_a_stopped_trial_is_pruned_and_a_stopped_study_ends() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()

    def objective(trial: Any) -> float:
        if trial.number == 1:
            nbtrack.stop_run(nbtrack.active_run().info.run_id)
        if trial.number == 3:
            nbtrack.stop_run(run.info.run_id, "good enough")
        nbtrack.log_metric("loss", 1.0)
        return float(trial.suggest_float("x", 0, 1))

    with optuna_integration.track(study) as run:
        study.optimize(objective, n_trials=10)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE", "PRUNED"]
    stopped(run.info.run_id, reason="good enough")
    statuses = nbtrack.search_runs(filter_string=f"parent = '{run.info.run_id}'", output_format="list")
    assert sorted(child.info.status for child in statuses) == ["FINISHED", "FINISHED", "KILLED", "KILLED"]
