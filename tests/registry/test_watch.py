"""Deployment scripts see changes that another process makes to a stage soon and cheaply, until they stop watching."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

import nbtrack
from nbtrack import MlflowClient
from nbtrack.entities import StageChange
from nbtrack.errors import InvalidParameter, NotFound, TimedOut

PROMOTER = """
import sys, time
from nbtrack import MlflowClient
client = MlflowClient()
for line in sys.stdin:
    version, stage = line.split()
    client.transition_model_version_stage("digits", version, stage, archive_existing_versions=stage == "Production",
                                          reason=f"for the test")
    print(time.time(), flush=True)
"""


class Promoter:
    """Another process that transitions versions."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROMOTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def move(self, version: int, stage: str) -> float:
        """Transition a version, and return the time at which that was done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(version, stage, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def __enter__(self) -> Promoter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.communicate()


def soon(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.mark.slow
def test_changes_of_another_process_are_seen_within_a_second(
    trained: MlflowClient, measured: Callable[[str, float], None]
) -> None:
    trained.transition_model_version_stage("digits", 1, "Production")
    seen: list[tuple[float, StageChange]] = []
    with Promoter() as promoter, nbtrack.watch("digits", "production", lambda c: seen.append((time.time(), c))):
        assert soon(lambda: len(seen) == 1)
        delays = []
        for count, version in enumerate((2, 3, 2), 2):
            done = promoter.move(version, "Production")
            assert soon(lambda count=count: len(seen) == count)  # type: ignore[misc]
            delays.append(seen[-1][0] - done)
        promoter.move(2, "Archived")
        assert soon(lambda: len(seen) == 5)
    changes = [change for _, change in seen]
    assert [change.version and change.version.version for change in changes] == [1, 2, 3, 2, None]
    assert [change.previous and change.previous.version for change in changes] == [None, 1, 2, 3, 2]
    first, second = changes[:2]
    assert (first.name, first.stage, first.events) == ("digits", "Production", [])
    assert [(e.version, e.new, e.reason) for e in second.events] == [
        (1, "Archived", "for the test"),
        (2, "Production", "for the test"),
    ]
    measured("ms until another process's promotion is seen", max(delays) * 1000)
    # An idle machine needs less than a second. A busy one gets five.
    assert max(delays) < 5.0
    # The watch has stopped, so the callback is no longer called.
    trained.transition_model_version_stage("digits", 3, "Production")
    time.sleep(0.3)
    assert len(seen) == 5


@pytest.mark.slow
def test_unrelated_changes_are_not_seen(trained: MlflowClient) -> None:
    watch = nbtrack.watch("digits", "Production", timeout=1.0)
    trained.set_registered_model_tag("digits", "k", "v")
    trained.transition_model_version_stage("digits", 1, "Staging")
    assert list(watch) == []
    trained.transition_model_version_stage("digits", 2, "Production")
    watch = nbtrack.watch("digits", "Production", timeout=20.0)
    assert next(watch).version == trained.get_model_version("digits", 2)
    threading.Timer(0.2, watch.stop).start()
    assert list(watch) == []


@pytest.mark.slow
def test_watching_costs_nothing_while_nothing_happens(trained: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    original = type(trained._store).get_registered_model
    monkeypatch.setattr(
        type(trained._store), "get_registered_model", lambda *args: looks.append(args) or original(*args)
    )
    before = os.stat(trained._store.database)
    with nbtrack.start_run():
        # A watch does not apply the journals, which have the data of other runs.
        nbtrack.log_metric("loss", 1.0)
        trained._store._background.stop()  # type: ignore[union-attr]
        assert list(trained.watch("digits", "Production", timeout=1.5)) == []
    after = os.stat(trained._store.database)
    assert len(looks) <= 3
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


def test_a_failing_callback_warns_and_gets_the_next_change(trained: MlflowClient) -> None:
    seen: list[int] = []

    def callback(change: StageChange) -> None:
        assert change.version is not None
        seen.append(change.version.version)
        raise RuntimeError("no such server")

    def promote_twice() -> None:
        with nbtrack.watch("digits", "Production", callback):
            for count in (1, 2):
                trained.transition_model_version_stage("digits", count, "Production")
                assert soon(lambda count=count: len(seen) == count)  # type: ignore[misc]

    with pytest.warns(RuntimeWarning, match="no such server"):
        promote_twice()
    assert seen == [1, 2]


@pytest.mark.slow
def test_waiting_ends_when_the_version_is_there(trained: MlflowClient) -> None:
    with pytest.raises(TimedOut, match=r"Version 2 .* did not enter stage Production within 0\.3 seconds"):
        nbtrack.wait_for_stage("digits", "Production", 2, timeout=0.3)
    assert issubclass(TimedOut, TimeoutError)
    with pytest.raises(TimedOut, match=r"No version .* entered stage Production within 0 seconds"):
        nbtrack.wait_for_stage("digits", "production", timeout=0)
    with Promoter() as promoter:
        threading.Timer(0.5, promoter.move, (1, "Production")).start()
        assert nbtrack.wait_for_stage("digits", "Production", timeout=30).version == 1
        threading.Timer(0.5, promoter.move, (2, "Production")).start()
        assert nbtrack.wait_for_stage("digits", "Production", "2", timeout=30).version == 2
        assert nbtrack.wait_for_stage("digits", "Archived", 1, timeout=0).current_stage == "Archived"


def test_wrong_names_raise_at_once_and_a_deleted_model_ends_the_loop(trained: MlflowClient) -> None:
    with pytest.raises(NotFound):
        nbtrack.watch("digit", "Production")
    with pytest.raises(NotFound):
        nbtrack.wait_for_stage("digit", "Production")
    with pytest.raises(NotFound):
        nbtrack.wait_for_stage("digits", "Production", 9)
    with pytest.raises(InvalidParameter):
        nbtrack.watch("digits", "Prod")
    watch = nbtrack.watch("digits", "Production", timeout=20)
    trained.delete_registered_model("digits")
    with pytest.raises(NotFound):
        next(watch)


LOOP = """
import nbtrack
print("watching", flush=True)
try:
    for change in nbtrack.watch("digits", "Production"):
        print(change.version.version, flush=True)
except KeyboardInterrupt:
    nbtrack.MlflowClient().set_registered_model_tag("digits", "interrupted", "yes")
    print("interrupted", flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_ends_the_loop_and_leaves_the_store_usable(trained: MlflowClient) -> None:
    trained.transition_model_version_stage("digits", 1, "Production")
    process = subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert [process.stdout.readline(), process.stdout.readline()] == ["watching\n", "1\n"]
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "interrupted\n"), errors
    assert "Traceback" not in errors
    assert trained.get_registered_model("digits").tags == {"interrupted": "yes"}
