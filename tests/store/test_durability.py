"""What a log call has returned from is there, once, whenever and wherever its process is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import nbtrack

ROUNDS = 20
VICTIM = Path(__file__).with_name("victim.py")


def _kill_at_a_random_moment(nursery: subprocess.Popen[str], folder: Path, number: int) -> list[Path]:
    """Two processes, one of which applies journals too; the files in which they say what they have logged."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    victims, files = [], []
    for mode in ("log", "apply"):
        files.append(folder / f"{number}-{mode}")
        print(files[-1], mode, file=nursery.stdin, flush=True)
        victims.append(int(nursery.stdout.readline()))
    deadline = time.monotonic() + 30
    while not all(file.exists() and file.stat().st_size for file in files):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for victim in victims:
        time.sleep(random.uniform(0, 0.25))
        os.kill(victim, signal.SIGKILL)
    while any(psutil.pid_exists(victim) for victim in victims):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return files


@pytest.mark.slow
def test_sigkill_at_random_moments_loses_and_doubles_nothing(own_store: Path, tmp_path: Path) -> None:
    command = [sys.executable, VICTIM, own_store]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as nursery:
        files = [file for number in range(ROUNDS) for file in _kill_at_a_random_moment(nursery, tmp_path, number)]

    runs: dict[str, str] = {}
    points: dict[str, set[int]] = {}
    for file in files:
        # The last line may be torn as well: a call that was not acknowledged.
        for line in file.read_text().split("\n")[:-1]:
            kind, run_id, *step = line.split()
            if kind == "point":
                points.setdefault(run_id, set()).add(int(step[0]))
            else:
                runs[run_id] = kind

    found = {run.info.run_id: run for run in nbtrack.search_runs(output_format="list", max_results=1_000_000)}
    counts = nbtrack.sql("SELECT run_id, COUNT(*) AS n, COUNT(DISTINCT step) AS steps FROM metrics GROUP BY run_id")
    logged = {row.run_id: (row.n, row.steps) for row in counts.itertuples()}

    assert runs.keys() <= found.keys()
    total = 0
    for run_id, kind in runs.items():
        acknowledged = points.get(run_id, set())
        total += len(acknowledged)
        n, steps = logged.get(run_id, (0, 0))
        # At most one call was cut off between its write and its acknowledgement.
        assert n == steps
        assert len(acknowledged) <= n <= len(acknowledged) + 1
        if kind == "ended":
            assert found[run_id].info.status == "FINISHED"
    assert {run.info.status for run in found.values()} <= {"FINISHED", "KILLED"}
    killed = [run for run in found.values() if run.info.status == "KILLED"]
    assert all("died before the run was ended" in run.data.tags["nbtrack.killed"] for run in killed)
    assert not list((own_store / "journal").glob("*.jsonl")), "the journals of dead writers are gone once applied"
    print(f"{2 * ROUNDS} processes killed, {len(runs)} runs ({len(killed)} KILLED), {total:,} acknowledged points")


def test_many_writers_and_a_reader_at_once(own_store: Path, tmp_path: Path) -> None:
    """Four processes log and apply beside a reader; every point arrives once and no read sees it twice."""
    script = tmp_path / "writer.py"
    script.write_text(
        "import nbtrack, sys\n"
        "for part in range(3):\n"
        "    with nbtrack.start_run(run_name=sys.argv[1]):\n"
        "        for step in range(1000): nbtrack.log_metric('m', step, step=step)\n"
        "    nbtrack.search_runs(max_results=5, output_format='list')\n"
    )
    writers = [subprocess.Popen([sys.executable, script, str(n)], stderr=subprocess.DEVNULL) for n in range(4)]
    while any(writer.poll() is None for writer in writers):
        seen = nbtrack.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT (run_id, step)) AS once FROM metrics")
        assert seen.n[0] == seen.once[0]
    assert [writer.returncode for writer in writers] == [0] * 4
    counts = nbtrack.sql("SELECT run_id, COUNT(*) AS n FROM metrics GROUP BY run_id")
    assert sorted(counts.n) == [1000] * 12
    assert {run.info.status for run in nbtrack.search_runs(output_format="list")} == {"FINISHED"}
