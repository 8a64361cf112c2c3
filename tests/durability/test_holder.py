"""Another program holds the database: logging continues, reads name the program, and all data arrives afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import StoreLocked

from .children import LONG

SECONDS = 60 if LONG else 6

PYTHON = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def _hold(database: Path) -> subprocess.Popen[str]:
    """Open the file in DuckDB's command line, or in Python if it is not installed."""
    # The program itself: what pip puts beside Python starts it as another process.
    package = find_spec("duckdb_cli")
    beside = Path(package.origin).with_name("duckdb") if package and package.origin else None
    command_line = str(beside) if beside and beside.exists() else shutil.which("duckdb")
    command = [command_line, database] if command_line else [sys.executable, "-c", PYTHON, database]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdin is not None
    assert holder.stdout is not None
    if command_line:
        holder.stdin.write("SELECT 'held';\n")
        holder.stdin.flush()
    while "held" not in holder.stdout.readline():
        assert holder.poll() is None
    return holder


@pytest.mark.slow
def test_held_for_a_while_by_the_command_line(own_store: Path) -> None:
    with nbtrack.start_run(run_name="before"):
        nbtrack.log_metric("m", 0)
    nbtrack.search_runs()
    holder = _hold(own_store / "runs.duckdb")
    end, ids, refusals = time.monotonic() + SECONDS, [], 0
    while time.monotonic() < end:
        # A sweep, each run of which must be able to start and to end meanwhile.
        with nbtrack.start_run() as run:
            ids.append(run.info.run_id)
            nbtrack.log_param("a", len(ids))
            for step in range(100):
                nbtrack.log_metric("m", step, step=step)
            nbtrack.log_text("a note", "note.txt")
        with pytest.raises(StoreLocked, match=rf"PID {holder.pid}.*nothing is lost"):
            nbtrack.search_runs()
        refusals += 1
        time.sleep(0.2)
    holder.communicate(".exit\n" if "duckdb" in str(holder.args[0]) else "")  # type: ignore[index]
    assert refusals > 5
    found = {run.info.run_id: run for run in nbtrack.search_runs(output_format="list")}
    assert len(found) == len(ids) + 1
    for number, run_id in enumerate(ids, 1):
        assert found[run_id].info.status == "FINISHED"
        assert found[run_id].data.params == {"a": str(number)}
        history = nbtrack.MlflowClient().get_metric_history(run_id, "m")
        assert [point.step for point in history] == list(range(100))
