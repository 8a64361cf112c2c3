"""Journals that are torn, written by others, inherited by a fork, or on a full disk."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.journal import Process
from nbtrack.journal.kinds import encode as event

_RUN = {"experiment_id": "0", "name": "n", "user_id": "u", "start_time": 1, "artifact_uri": "a", "writer": "w"}


def _history(run_id: str, key: str = "m") -> list[float]:
    return [metric.value for metric in nbtrack.MlflowClient().get_metric_history(run_id, key)]


def _journal_of_another_process(store: Path, text: bytes) -> Path:
    path = store / "journal" / "foreign-0000.jsonl"
    path.write_bytes(text)
    return path


def test_a_listing_with_a_writers_newest_file_but_not_the_one_before(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listing of a folder is not a snapshot: both files were created while it was read."""
    folder = own_store / "journal"
    nbtrack.search_runs()
    folder.mkdir(exist_ok=True)
    (folder / "foreign-0001.jsonl").write_bytes(event("run", r="a" * 32, d=_RUN))
    (folder / "foreign-0002.jsonl").write_bytes(event("metric", r="a" * 32, k="m", s=0, t=0, v=1.0))
    listings = [["foreign-0002.jsonl"], ["foreign-0001.jsonl", "foreign-0002.jsonl", "late-0002.jsonl"]]
    (folder / "late-0002.jsonl").write_bytes(event("metric", r="b" * 32, k="m", s=0, t=0, v=2.0))
    real = Path.glob

    def glob(path: Path, pattern: str) -> Any:
        return (folder / name for name in listings.pop(0)) if path == folder and listings else real(path, pattern)

    monkeypatch.setattr(Path, "glob", glob)
    assert _history("a" * 32) == [1.0]
    (folder / "late-0001.jsonl").write_bytes(event("run", r="b" * 32, d=_RUN))
    assert _history("b" * 32) == [2.0]


def test_a_foreign_line_is_kept_aside_and_the_others_apply(own_store: Path) -> None:
    with nbtrack.start_run() as run:
        pass
    run_id = run.info.run_id
    good = [event("metric", r=run_id, k="m", s=step, t=step, v=float(step)) for step in range(3)]
    foreign = [
        b"this is not JSON\n",
        b'{"e":"metric","r":"' + run_id.encode() + b'","k":"m","s":"three","t":1,"v":1}\n',
        b'{"e":"wish","r":"x"}\n',
        event("metric", r="f" * 32, k="m", s=0, t=0, v=1.0),
        b"\xff\xfe\x00\n",
        b"[1, 2]\n",
        event("run", r="a" * 32, d={"experiment_id": "0"}),
        event("run", r="a" * 32, d={**_RUN, "experiment_id": "abc"}),
        event("run", r="a" * 32, d={**_RUN, "start_time": 2**63}),
        event("status", r=run_id, x="WISHFUL"),
    ]
    lines = [good[0], foreign[0], foreign[1], good[1], foreign[2], foreign[3], b"\n", *foreign[4:], good[2]]
    _journal_of_another_process(own_store, b"".join(lines))
    with pytest.warns(RuntimeWarning, match="rejected_events"):
        assert _history(run_id) == [0.0, 1.0, 2.0]
    kept = nbtrack.sql("SELECT position, line, reason FROM rejected_events ORDER BY position")
    assert list(kept.line[:2]) == [line.decode().rstrip("\n") for line in foreign[:2]]
    assert len(kept) == len(foreign)
    assert kept.position[0] == len(good[0])
    assert "no such run" in set(kept.reason)


def test_a_torn_last_line_waits_for_its_rest(own_store: Path) -> None:
    with nbtrack.start_run() as run:
        pass
    run_id = run.info.run_id
    line = event("metric", r=run_id, k="m", s=0, t=0, v=0.5)
    path = _journal_of_another_process(own_store, line[:20])
    assert _history(run_id) == []
    with path.open("ab") as file:
        file.write(line[20:])
    assert _history(run_id) == [0.5]
    assert _history(run_id) == [0.5]


def test_a_line_after_the_close_event_is_not_lost(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread continues logging while its process ends, after a reader has looked and before it removes the file."""
    from nbtrack.store.folder.loading import Journals

    with nbtrack.start_run() as run:
        pass
    path = _journal_of_another_process(own_store, event("close", t=1))
    retire = Journals._retire_file

    def log_before(self: Journals, cursor: Any, journal: Path, applied: int) -> None:
        if journal == path:
            with journal.open("ab") as file:
                file.write(event("metric", r=run.info.run_id, k="m", s=0, t=0, v=0.5))
        retire(self, cursor, journal, applied)

    with monkeypatch.context() as patch:
        patch.setattr(Journals, "_retire_file", log_before)
        assert _history(run.info.run_id) == []
    assert _history(run.info.run_id) == [0.5]


def test_non_finite_values_come_back_as_they_went_in() -> None:
    values = [float("nan"), float("inf"), float("-inf"), 5e-324, -0.0, 1e308]
    with nbtrack.start_run() as run:
        for value in values:
            nbtrack.log_metric("m", value)
    assert [repr(value) for value in _history(run.info.run_id)] == [repr(value) for value in values]


@pytest.mark.slow
def test_a_long_line_and_a_journal_larger_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.journal import reading

    monkeypatch.setattr(reading, "CHUNK_BYTES", 4096)
    text = "x" * 20_000_000
    with nbtrack.start_run() as run:
        nbtrack.log_param("text", text)
        for step in range(500):
            nbtrack.log_metric("m", step)
    assert nbtrack.get_run(run.info.run_id).data.params["text"] == text
    assert _history(run.info.run_id) == list(range(500))


def test_a_large_apply_leaves_nothing_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.store.folder import loading as apply

    monkeypatch.setattr(apply, "MANY", 100)
    with nbtrack.start_run() as run:
        for step in range(200):
            nbtrack.log_metric("m", step)
        nbtrack.log_param("a", "b")
        nbtrack.log_text("a", "b.txt")
        with nbtrack.MlflowClient()._store.reading() as cursor:
            assert cursor.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall() == []
        nbtrack.log_metric("m", 200)
    assert _history(run.info.run_id) == list(range(201))


def test_a_full_journal_file_is_followed_by_another(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.journal import writer

    monkeypatch.setattr(writer, "ROTATE_BYTES", 2000)
    with nbtrack.start_run() as run:
        for step in range(200):
            nbtrack.log_metric("m", step)
        assert len(list((own_store / "journal").iterdir())) > 3
        assert _history(run.info.run_id) == list(range(200))
        assert len(list((own_store / "journal").iterdir())) == 1, "what is applied and closed is removed"
        nbtrack.log_metric("m", 200)
    assert len(_history(run.info.run_id)) == 201


@pytest.mark.slow
def test_several_files_of_one_writer_are_applied_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of all lengths: if a chunk ends before a long line, it has room left for the lines of the next file."""
    from nbtrack.journal import reading, writer

    monkeypatch.setattr(writer, "ROTATE_BYTES", 4000)
    monkeypatch.setattr(reading, "CHUNK_BYTES", 3000)
    values = [f"{number} {'x' * (number * 397 % 2000)}" for number in range(100)]
    with nbtrack.start_run() as run:
        for number, value in enumerate(values):
            nbtrack.set_tag(f"order {number // 2}", value)
    stored = nbtrack.get_run(run.info.run_id).data.tags
    assert [stored[f"order {number}"] for number in range(50)] == values[1::2]


def test_a_read_ends_while_others_go_on_logging(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbtrack.store.folder import loading as apply

    with nbtrack.start_run() as run:
        pass
    run_id, stage, calls = run.info.run_id, apply.stage, 0
    path = _journal_of_another_process(own_store, event("metric", r=run_id, k="m", s=0, t=0, v=0.0))

    def stage_while_another_writes(*args: object) -> int:
        nonlocal calls
        calls += 1
        assert calls < 10, "the reader runs after a writer that never stops"
        with path.open("ab") as file:
            file.write(event("metric", r=run_id, k="m", s=calls, t=calls, v=float(calls)))
        return stage(*args)

    monkeypatch.setattr(apply, "stage", stage_while_another_writes)
    assert _history(run_id)[0] == 0
    assert _history(run_id)[:2] == [0, 1]


def test_a_later_process_with_the_same_pid_is_told_apart() -> None:
    process = Process.current()
    assert not process.is_dead()
    assert dataclasses.replace(process, started=process.started - 1).is_dead()
    assert dataclasses.replace(process, boot="another").is_dead()
    assert not dataclasses.replace(process, host="elsewhere", boot="another").is_dead()


def test_a_forked_child_logs_to_a_journal_of_its_own(own_store: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", 0, step=0)
        nbtrack.search_runs()
        pid = os.fork()
        if pid == 0:
            try:
                nbtrack.log_metric("m", 1, step=1)
                nbtrack.search_runs(output_format="list")
                nbtrack.log_metric("m", 2, step=2)
            finally:
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        nbtrack.log_metric("m", 3, step=3)
    assert sorted(_history(run.info.run_id)) == [0, 1, 2, 3]
    assert nbtrack.get_run(run.info.run_id).info.status == "FINISHED"


@pytest.mark.slow
def test_a_child_that_exits_leaves_its_parents_run_open(own_store: Path) -> None:
    """Fork while another thread reads, with os._exit and with an exit that runs the atexit functions."""
    script = """
import os, sys, threading, nbtrack
nbtrack.search_runs(output_format="list")
done = threading.Event()
def read():
    while not done.is_set():
        nbtrack.search_runs(output_format="list")
thread = threading.Thread(target=read)
thread.start()
with nbtrack.start_run() as run:
    for number in range(4):
        if os.fork() == 0:
            nbtrack.log_metric("m", number)
            nbtrack.search_runs(output_format="list")
            sys.exit() if number % 2 else os._exit(0)
        assert os.wait()[1] == 0
    print(nbtrack.get_run(run.info.run_id).info.status)
done.set()
thread.join()
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "RUNNING\n"), result.stderr
    (run,) = nbtrack.search_runs(output_format="list")
    assert run.info.status == "FINISHED"
    assert sorted(_history(run.info.run_id)) == [0, 1, 2, 3]


@pytest.mark.slow
def test_a_script_that_raises_fails_its_open_run_and_one_that_ends_finishes_it(tmp_path: Path) -> None:
    for body, status in (("pass", "FINISHED"), ("1 / 0", "FAILED")):
        script = tmp_path / "script.py"
        script.write_text(f"import nbtrack\nnbtrack.start_run(run_name={status!r})\n{body}\n")
        subprocess.run([sys.executable, script], stderr=subprocess.DEVNULL, check=False)
    runs = nbtrack.search_runs(output_format="list")
    assert {run.info.run_name: run.info.status for run in runs} == {"FINISHED": "FINISHED", "FAILED": "FAILED"}


@pytest.mark.slow
def test_background_threads_end_before_duckdb_and_the_program_can_still_log(own_store: Path) -> None:
    script = """
import atexit, sys, threading, nbtrack
def last():
    nbtrack.log_metric("m", 1)
    print([thread.name for thread in threading.enumerate() if thread.name.startswith("nbtrack")])
atexit.register(last)
assert "duckdb" not in sys.modules, "DuckDB registers its end where it is imported: before that of the program"
nbtrack.start_run()
nbtrack.log_metric("m", 0)
nbtrack.search_runs()
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr
    (run,) = nbtrack.search_runs(output_format="list")
    assert run.info.status == "FINISHED"
    assert _history(run.info.run_id) == [0, 1]


@pytest.mark.slow
def test_threads_log_at_once_and_every_point_arrives() -> None:
    with nbtrack.start_run() as run:

        def work(number: int) -> None:
            for step in range(500):
                nbtrack.log_metric(f"m{number}", step)
                if step % 100 == 0:
                    nbtrack.search_runs(output_format="list")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(4):
        assert _history(run.info.run_id, f"m{number}") == list(range(500))
