"""Workers of every kind nest their runs in the run that they work for, and each point is stored once."""

from __future__ import annotations

import asyncio
import contextvars
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import InvalidState
from nbtrack.runs import ancestors

from .work import POINTS, train, train_for

pytestmark = pytest.mark.usefixtures("fresh_loky")

Map = Callable[[Callable[[int], str], range], list[str]]


def _threads(work: Callable[[int], str], numbers: range) -> list[str]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(work, numbers))


def _processes(method: str) -> Map:
    def map_(work: Callable[[int], str], numbers: range) -> list[str]:
        with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
            return list(pool.map(work, numbers))

    return map_


def _pool(method: str) -> Map:
    def map_(work: Callable[[int], str], numbers: range) -> list[str]:
        with multiprocessing.get_context(method).Pool(2) as pool:
            return pool.map(work, numbers)

    return map_


def _joblib(backend: str) -> Map:
    def map_(work: Callable[[int], str], numbers: range) -> list[str]:
        joblib = pytest.importorskip("joblib")
        return list(joblib.Parallel(2, backend=backend)(joblib.delayed(work)(number) for number in numbers))

    return map_


WAYS: dict[str, Map] = {
    "threads": _threads,
    "joblib threading": _joblib("threading"),
    "joblib loky": _joblib("loky"),
    "joblib multiprocessing": _joblib("multiprocessing"),
    "futures fork": _processes("fork"),
    "futures spawn": _processes("spawn"),
    "pool fork": _pool("fork"),
    "pool spawn": _pool("spawn"),
    "pool forkserver": _pool("forkserver"),
}
# Processes take up to a second for each of their workers.
FAST = ("threads", "joblib threading")
every_way = pytest.mark.parametrize(
    "way", [way if way in FAST else pytest.param(way, marks=pytest.mark.slow) for way in WAYS]
)


def check(parent: str, run_ids: list[str]) -> None:
    """Check that exactly these runs are nested in `parent`, in its experiment, with each of their points once."""
    client = nbtrack.MlflowClient()
    found = client.search_runs(None, f"children('{parent}')")
    assert sorted(run.info.run_id for run in found) == sorted(run_ids)
    assert {run.info.experiment_id for run in found} == {client.get_run(parent).info.experiment_id}
    for run in found:
        number = int(run.info.run_name.removeprefix("trial "))
        assert run.info.status == "FINISHED"
        points = client.get_metric_history(run.info.run_id, "m")
        assert [point.value for point in points] == [number * POINTS + step for step in range(POINTS)]
    assert client.get_metric_history(parent, "m") == []


@every_way
def test_a_nested_run_finds_its_parent(way: str) -> None:
    """A pool may be reused: runs of a worker from the first sweep are nested in the second sweep."""
    for name in ("first", "second"):
        nbtrack.set_experiment(name)
        with nbtrack.start_run(run_name=name) as sweep:
            run_ids = WAYS[way](train, range(6))
        check(sweep.info.run_id, run_ids)
    with nbtrack.start_run(run_name="outer"), nbtrack.start_run(run_name="inner", nested=True) as inner:
        run_ids = WAYS[way](train, range(2))
    check(inner.info.run_id, run_ids)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["joblib loky", "futures spawn"])
def test_a_worker_process_finds_the_store_that_only_a_call_named(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NBTRACK_TRACKING_URI")
    nbtrack.set_tracking_uri(tmp_path / "elsewhere")
    with nbtrack.start_run() as sweep:
        run_ids = WAYS[way](train, range(2))
    check(sweep.info.run_id, run_ids)
    assert not (tmp_path / ".nbtrack").exists()


@pytest.mark.parametrize(
    "way", ["threads", *(pytest.param(way, marks=pytest.mark.slow) for way in ("joblib loky", "futures spawn"))]
)
def test_a_worker_can_name_its_parent(way: str) -> None:
    """This also works if the parent is not active in any process and its experiment was not set."""
    client = nbtrack.MlflowClient()
    parent = client.create_run(client.create_experiment("told")).info.run_id
    numbers = range(2)
    if way == "threads":
        run_ids = _threads(lambda number: train_for(parent, number), numbers)
    elif way == "joblib loky":
        joblib = pytest.importorskip("joblib")
        run_ids = joblib.Parallel(2)(joblib.delayed(train_for)(parent, number) for number in numbers)
    else:
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            run_ids = list(pool.map(train_for, [parent] * 2, numbers))
    check(parent, run_ids)


@pytest.mark.slow
def test_the_environment_names_the_parent_of_a_process_on_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = nbtrack.MlflowClient().create_run("0").info.run_id
    script = "import sys; from tests.sweeps.work import train; print(train(int(sys.argv[1])))"
    run_ids = []
    for number in range(2):
        environment = {**os.environ, "NBTRACK_PARENT_RUN_ID": parent, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", script, str(number)]
        run_ids.append(
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
        )
    check(parent, run_ids)


@pytest.mark.slow
def test_a_process_under_a_shell_finds_its_parent_and_leaves_it_alone_elsewhere(tmp_path: Path) -> None:
    script = "from tests.sweeps.work import train; print(train(0))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = f"{sys.executable} -c '{script}' && true"
    with nbtrack.start_run() as sweep:
        inside = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=True)
        environment["NBTRACK_TRACKING_URI"] = str(tmp_path / "another")
        subprocess.run(command, shell=True, env=environment, capture_output=True, check=True)
    check(sweep.info.run_id, [inside.stdout.strip()])
    (alone,) = nbtrack.MlflowClient(str(tmp_path / "another")).search_runs()
    assert "mlflow.parentRunId" not in alone.data.tags


def test_a_thread_that_worked_for_one_run_works_for_the_next() -> None:
    """A thread remembers only the runs that it started. Their parent is looked up each time."""
    with ThreadPoolExecutor(1) as pool:
        with nbtrack.start_run(run_name="outer") as outer:
            first = pool.submit(train, 0).result()
            with nbtrack.start_run(run_name="inner", nested=True) as inner:
                second = pool.submit(train, 1).result()
                pool.submit(nbtrack.log_metric, "bare", 1).result()
            check(inner.info.run_id, [second])
        assert "bare" in nbtrack.get_run(inner.info.run_id).data.metrics
        nested = {first, inner.info.run_id}
        found = nbtrack.search_runs(filter_string=f"parent = '{outer.info.run_id}'", output_format="list")
        assert {run.info.run_id for run in found} == nested
        assert pool.submit(nbtrack.active_run).result() is None


def test_the_runs_of_a_thread_do_not_affect_other_threads() -> None:
    def work() -> None:
        with nbtrack.start_run():
            pass
        with nbtrack.start_run(), pytest.raises(InvalidState):
            nbtrack.start_run()

    with nbtrack.start_run(), ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
        pool.submit(work).result()


@pytest.mark.slow
def test_a_sweep_in_a_thread_can_pass_its_context_on() -> None:
    """If the parent does not belong to the main thread, a worker needs the context or the parent's ID."""

    def sweep(name: str) -> tuple[str, list[str]]:
        with nbtrack.start_run(run_name=name) as run, ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(contextvars.copy_context().run, train, number) for number in range(4)]
            return run.info.run_id, [job.result() for job in jobs]

    with ThreadPoolExecutor(2) as pool:
        for parent, run_ids in pool.map(sweep, ["a", "b"]):
            check(parent, run_ids)


def test_tasks_and_their_threads() -> None:
    async def sweep() -> tuple[str, list[str]]:
        with nbtrack.start_run() as run:
            return run.info.run_id, await asyncio.gather(*(asyncio.to_thread(train, number) for number in range(4)))

    check(*asyncio.run(sweep()))


# -- the note -----------------------------------------------------------------------------------------------------


def _note() -> Path:
    return ancestors._path(os.getpid())


def test_the_note_names_the_innermost_run_and_is_deleted_with_the_last() -> None:
    with nbtrack.start_run() as outer:
        with nbtrack.start_run(nested=True) as inner:
            assert inner.info.run_id in _note().read_text()
        assert outer.info.run_id in _note().read_text()
        thread = threading.Thread(target=train, args=(0,))
        thread.start()
        thread.join()
        assert outer.info.run_id in _note().read_text()
    assert not _note().exists()


@contextmanager
def _noted(text: str) -> Iterator[None]:
    path = ancestors._path(os.getppid())
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": {}}', '{"process": {"pid": "x"}, "run_id": 3}'])
def test_an_invalid_note_is_ignored(text: str) -> None:
    with _noted(text):
        assert ancestors.parent_run() is None


def test_the_note_of_an_earlier_process_with_the_same_pid_is_ignored() -> None:
    with nbtrack.start_run() as run:
        text = _note().read_text()
    fields = json.loads(text)
    # The PID of the parent process, with the start time of an earlier process that had it.
    fields["process"] |= {"pid": os.getppid(), "started": 1.0}
    with _noted(json.dumps(fields)):
        assert ancestors.parent_run() is None
    assert run.info.run_id in text


def test_a_missing_temp_folder_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(pid: int) -> Path:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(ancestors, "_path", nowhere)
    with nbtrack.start_run() as run:
        run_ids = _threads(train, range(2))
    check(run.info.run_id, run_ids)


@pytest.mark.slow
def test_notes_of_dead_processes_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In the shared temp folder, a process of another test might delete them first.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = "import os, nbtrack; nbtrack.start_run(); print(os.getpid(), flush=True); os.kill(os.getpid(), 9)"
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    note = ancestors._path(int(killed.stdout))
    assert note.exists()
    subprocess.run([sys.executable, "-c", "import nbtrack; nbtrack.start_run()"], check=True)
    assert not note.exists()
