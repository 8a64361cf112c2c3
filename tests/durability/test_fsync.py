"""NBTRACK_FSYNC: when logged data is synced to disk. The calls are counted in a real process."""

from __future__ import annotations

import errno
import json
import os
import stat
import warnings
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import InvalidParameter
from nbtrack.journal import Journal, syncing
from nbtrack.journal.kinds import encode as event

from .children import run

pytestmark = pytest.mark.slow

COUNT = """
calls = []
def counted(name):
    real = getattr(os, name)
    def call(fd):
        path = os.readlink(f"/proc/self/fd/{fd}")
        size = os.fstat(fd).st_size
        real(fd)
        if path.endswith((".jsonl", "journal")):
            calls.append([os.path.basename(path), size])
    setattr(os, name, call)
counted("fsync"); counted("fdatasync")
def of_files(): return [call for call in calls if call[0].endswith(".jsonl")]
def is_synced(): return bool(of_files()) and of_files()[-1][1] >= journal().path.stat().st_size
"""


def test_always_syncs_before_the_call_returns() -> None:
    result = run(
        [
            COUNT,
            """
            run = nbtrack.start_run()
            for step in range(20):
                before = len(of_files())
                nbtrack.log_metric("m", step)
                path = journal().path
                assert len(of_files()) == before + 1
                assert of_files()[-1] == [path.name, path.stat().st_size], "all that the file holds"
            assert ["journal", calls[1][1]] in calls[:2], "the name of a new file too"
            nbtrack.log_params({"a": 1, "b": 2})
            assert len(of_files()) == before + 2, "once for a call, however many lines it writes"
            nbtrack.end_run()
            print("done")
            """,
        ],
        env={"NBTRACK_FSYNC": "always"},
    )
    assert result.lines == ["done"]


def test_interval_syncs_about_once_a_second_if_something_was_logged() -> None:
    result = run(
        [
            COUNT,
            """
            nbtrack.start_run()
            wait_until(is_synced)
            before = len(of_files())
            time.sleep(1.5)
            assert len(of_files()) == before, "nothing was logged, so nothing is synced"
            logged = time.monotonic()
            for step in range(10_000):
                nbtrack.log_metric("m", step)
            wait_until(is_synced)
            print(json.dumps([time.monotonic() - logged, len(of_files()) - before]))
            """,
        ],
    )
    seconds, syncs = json.loads(result.lines[0])
    assert syncs <= seconds + 2


def test_interval_syncs_when_a_run_or_the_process_ends() -> None:
    run(
        [
            COUNT,
            """
            from nbtrack.journal import syncing
            syncing.SECONDS = 3600
            nbtrack.start_run()
            nbtrack.log_metric("m", 1)
            nbtrack.end_run()
            wait_until(is_synced)
            nbtrack.start_run()
            nbtrack.log_metric("m", 1)
            before = len(of_files())
            nbtrack.end_run()
            store().close()
            assert len(of_files()) > before
            """,
        ],
    )


def test_never_leaves_it_to_the_system() -> None:
    result = run(
        [
            COUNT,
            """
            with nbtrack.start_run():
                for step in range(1000):
                    nbtrack.log_metric("m", step)
                time.sleep(1.5)
            nbtrack.MlflowClient()._store.journal.close()
            print(len(of_files()))
            """,
        ],
        env={"NBTRACK_FSYNC": "never"},
    )
    assert result.lines == ["0"]


def test_the_mode_can_change_in_a_running_process() -> None:
    run(
        [
            COUNT,
            """
            nbtrack.start_run()
            nbtrack.set_fsync("always")
            nbtrack.log_metric("m", 1)
            assert of_files()[-1][1] == journal().path.stat().st_size
            nbtrack.set_fsync("never")
            before = len(of_files())
            nbtrack.log_metric("m", 2)
            time.sleep(1.2)
            assert len(of_files()) == before
            nbtrack.set_fsync("")
            nbtrack.log_metric("m", 3)
            wait_until(lambda: len(of_files()) > before)
            """,
        ]
    )


def test_a_journal_is_removed_only_after_the_database_has_it_on_disk(own_store: Path) -> None:
    """The order of the system calls: DuckDB's data is synced, then the file is removed, then its offset."""
    import shutil
    import subprocess
    import sys

    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    script = "import nbtrack\nwith nbtrack.start_run(): nbtrack.log_metric('m', 1)\n"
    subprocess.run([sys.executable, "-c", script], check=True, stderr=subprocess.DEVNULL)
    reader = "import nbtrack; nbtrack.search_runs(output_format='list')"
    (own_store / "runs.duckdb").exists()
    trace = own_store / "trace"
    calls = "trace=openat,fsync,fdatasync,unlink,unlinkat,write,pwrite64"
    # The first process has applied its journal at its end: this one logs, is killed, and leaves the work to the reader.
    killed = script + "import os\nnbtrack.log_metric('m', 2); os.kill(os.getpid(), 9)\n"
    subprocess.run([sys.executable, "-c", killed], check=False, stderr=subprocess.DEVNULL)
    done = subprocess.run(
        ["strace", "-f", "-y", "-e", calls, "-o", trace, sys.executable, "-c", reader], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("strace may not trace here")
    lines = [line for line in trace.read_text().splitlines() if ".nbtrack" in line]
    gone = next(n for n, line in enumerate(lines) if "unlink" in line and ".jsonl" in line)
    synced = [n for n, line in enumerate(lines) if "fdatasync" in line and "runs.duckdb" in line]
    folder = next(
        n for n, line in enumerate(lines) if "fsync" in line and line.rstrip().endswith("= 0") and "/journal>" in line
    )
    written = [n for n, line in enumerate(lines) if "write" in line and "runs.duckdb" in line]
    assert any(n < gone for n in synced)
    assert max(n for n in synced if n < gone) > max(n for n in written if n < gone), "nothing is left to sync"
    assert gone < folder < min(n for n in written if n > gone), "the offset goes after the file's name has"


def test_a_rescue_file_goes_after_the_disk_has_the_name_of_what_it_held(
    own_store: Path, rescue_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, write, sync_folder = Journal(own_store / "journal"), os.write, syncing.sync_folder
    beside: list[int] = []

    def full(fd: int, data: bytes) -> int:
        if fd == journal._fd:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    def look(folder: Path) -> None:
        beside.append(len(list(rescue_folder.iterdir())))
        sync_folder(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.warns(RuntimeWarning, match="Logging continues"):
            journal.append(event("tag", r="f" * 32, k="a", x="b"))
    monkeypatch.setattr(syncing, "sync_folder", look)
    assert journal.flush()
    assert beside == [1]
    assert not list(rescue_folder.iterdir())
    journal.close()


def test_a_file_system_that_cannot_sync_a_folder_is_no_trouble(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def refuse(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in (1, 2, 3):
            with nbtrack.start_run():
                nbtrack.log_metric("m", 1)
            assert len(nbtrack.search_runs(output_format="list")) == number
            # The next round finds this journal gone, and forgets how far it was applied.
            nbtrack.MlflowClient()._store.close()


def test_a_wrong_mode_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="never, interval, always"):
        nbtrack.set_fsync("sometimes")
    result = run(
        """
        try:
            nbtrack.start_run()
        except nbtrack.errors.InvalidParameter as error:
            print(error)
        """,
        env={"NBTRACK_FSYNC": "often"},
    )
    assert "NBTRACK_FSYNC must be one of never, interval, always, not 'often'" in result.lines[0]
