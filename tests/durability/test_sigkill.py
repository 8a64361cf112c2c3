"""A process that is killed at random moments: everything that a call has acknowledged is stored once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import nbtrack
from nbtrack.entities import Metric, ModelEvent

from .children import LONG
from .victim import MODEL, MODES

ROUNDS = 200 if LONG else 8
VICTIM = Path(__file__).with_name("victim.py")


def _kill_at_random_moments(nursery: subprocess.Popen[str], folder: Path, number: int) -> list[Path]:
    """Kill one process of each kind, and return the files in which they have recorded their work."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    victims, files = [], []
    for mode in MODES:
        files.append(folder / f"{number}-{mode}")
        print(files[-1], mode, file=nursery.stdin, flush=True)
        victims.append(int(nursery.stdout.readline()))
    deadline = time.monotonic() + 60
    while not all(file.exists() and file.stat().st_size for file in files):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    random.shuffle(victims)
    for victim in victims:
        time.sleep(random.uniform(0, 0.25))
        os.kill(victim, signal.SIGKILL)
    while any(psutil.pid_exists(victim) for victim in victims):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return files


def _check_runs(lines: list[list[str]], batches: list[list[str]]) -> tuple[int, int, int]:
    """Check that every acknowledged point is stored once, and return the numbers of runs, killed runs and points."""
    runs: dict[str, str] = {}
    points: dict[str, set[int]] = {}
    batched = {run_id for kind, run_id, *_ in batches if kind == "run"}
    for kind, run_id, *steps in [*lines, *batches]:
        if kind == "point":
            points.setdefault(run_id, set()).add(int(steps[0]))
        elif kind == "points":
            points.setdefault(run_id, set()).update(range(int(steps[0]), int(steps[1])))
        else:
            runs[run_id] = kind
    found = {run.info.run_id: run for run in nbtrack.search_runs(output_format="list", max_results=1_000_000)}
    logged = _logged()
    assert runs.keys() <= found.keys()
    for run_id, kind in runs.items():
        acknowledged = len(points.get(run_id, set()))
        n, steps = logged.get(run_id, (0, 0))
        assert n == steps
        # At most one call was cut off, before its acknowledgement; a batch perhaps in the middle of its write.
        assert acknowledged <= n <= acknowledged + (2000 if run_id in batched else 1)
        if kind == "ended":
            assert found[run_id].info.status == "FINISHED"
    assert {run.info.status for run in found.values()} <= {"FINISHED", "KILLED"}
    killed = [run for run in found.values() if run.info.status == "KILLED"]
    assert all("died before the run was ended" in run.data.tags["nbtrack.killed"] for run in killed)
    return len(runs), len(killed), sum(map(len, points.values()))


def _logged() -> dict[str, tuple[int, int]]:
    """Return the number of points of each run, and of their different steps."""
    counts = nbtrack.sql(
        "SELECT run_id, COUNT(*) AS n, COUNT(DISTINCT step) AS steps FROM nbtrack.metrics GROUP BY run_id"
    )
    return {row.run_id: (row.n, row.steps) for row in counts.itertuples()}


def _check_rewound(lines: list[list[str]]) -> int:
    """Check that runs were rewound from 200 points to 100 completely or not at all; return how many were."""
    allowed = {"run": range(201), "points": (100, 200), "rewound": range(100, 151), "again": (150,), "ended": (150,)}
    logged, state = _logged(), {run_id: kind for kind, run_id, *_ in lines}
    for run_id, kind in state.items():
        n, steps = logged.get(run_id, (0, 0))
        assert n == steps
        assert n in allowed[kind]
    return sum(kind in ("rewound", "again", "ended") for kind in state.values())


def _check_registry(lines: list[list[str]]) -> int:
    """Check the registry against its history, which must have all acknowledged changes; return how many these are."""
    client = nbtrack.MlflowClient()
    history: list[ModelEvent] = client.get_history(MODEL)[::-1]
    stages: dict[int, str] = {}
    champion = None
    arrived = set()
    for event in history:
        if event.kind == "version_created":
            assert event.version is not None
            stages[event.version] = "None"
            arrived.add(("version", event.version))
        elif event.kind == "stage":
            assert event.version is not None
            assert stages[event.version] == event.old
            stages[event.version] = str(event.new)
            # The others go to Archived along with it, in the same change, of which nobody says anything.
            if event.new != "Archived":
                arrived.add(("stage", event.version, event.new))
        elif event.kind == "alias_set":
            champion = event.version
            arrived.add(("alias", event.version))
    versions = {version.version: version.current_stage for version in client.search_model_versions(max_results=100_000)}
    assert versions == stages
    assert list(versions.values()).count("Production") <= 1
    assert client.get_registered_model(MODEL).aliases == ({"champion": champion} if champion else {})
    said = {(kind, int(version), *more) for kind, version, *more in lines}
    assert said <= arrived
    assert len(arrived) - len(said) <= ROUNDS
    numbers = sorted(stages)
    assert numbers == list(range(1, len(numbers) + 1)), "no number is given twice or left out"
    return len(said)


@pytest.mark.slow
def test_sigkill_at_random_moments_loses_and_doubles_nothing(
    own_store: Path, tmp_path: Path, measured: Callable[[str, float], None]
) -> None:
    nbtrack.MlflowClient().create_registered_model(MODEL)
    command = [sys.executable, "-m", "tests.durability.victim", own_store]
    with (
        (tmp_path / "stderr of the victims.txt").open("w") as said_by_victims,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said_by_victims,
            text=True,
            cwd=VICTIM.parents[2],
        ) as nursery,
    ):
        files = [file for number in range(ROUNDS) for file in _kill_at_random_moments(nursery, tmp_path, number)]
    # The last line may be torn as well: a call that was not acknowledged.
    said = {
        mode: [line.split() for file in files if file.name.endswith(mode) for line in file.read_text().split("\n")[:-1]]
        for mode in MODES
    }
    runs, killed, points = _check_runs(said["log"], said["apply"])
    changes = _check_registry(said["promote"])
    rewound = _check_rewound(said.get("rewind", []))
    assert not list((own_store / "journal").glob("*.jsonl")), "the journals of dead writers are gone once applied"
    assert nbtrack.doctor().is_healthy
    measured("SIGKILL: processes killed", len(files))
    measured("SIGKILL: runs, all of them there", runs)
    measured("SIGKILL: of these KILLED", killed)
    measured("SIGKILL: acknowledged points, each there once", points)
    measured("SIGKILL: acknowledged changes of the registry, each there", changes)
    measured("SIGKILL: runs that were rewound, as a whole", rewound)


def _kill_after(seconds: float, work: Callable[[], object]) -> None:
    """Run a function in a forked child that is killed in the middle of it or just after."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.slow
def test_a_batch_that_was_cut_short_is_no_damage() -> None:
    """SIGKILL can end a long write between two pages, so within a line."""
    with nbtrack.start_run() as run:
        run_id = run.info.run_id
    child = os.fork()
    if child == 0:
        nbtrack.MlflowClient().log_batch(run_id, [Metric("m", step, 1, step) for step in range(3)])
        nbtrack.MlflowClient()._store.append(f'{{"e":"metric","r":"{run_id}","k":"m","s":3,"t"'.encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert nbtrack.get_run(run_id).data.metrics == {"m": 2}
    report = nbtrack.doctor(repair=True)
    assert report.is_healthy, report
    kept = nbtrack.sql("SELECT reason FROM rejected_events")
    assert kept["reason"].tolist() == ["its writer died while writing it"]


@pytest.mark.slow
def test_a_death_while_a_store_is_made_or_migrated(tmp_path: Path) -> None:
    """DuckDB cannot open a file whose creation was interrupted, so a store must appear completely or not at all."""
    nbtrack.search_runs()  # imports once what each child would
    for number in range(ROUNDS):
        nbtrack.set_tracking_uri(tmp_path / f"new {number}")
        _kill_after(random.uniform(0, 0.06), nbtrack.search_runs)
        with nbtrack.start_run() as run:
            nbtrack.log_metric("m", 1)
        assert nbtrack.get_run(run.info.run_id).data.metrics == {"m": 1}
        assert nbtrack.MlflowClient().get_experiment("0").name == "Default"
    expected = None
    for number in range(ROUNDS):
        store = tmp_path / f"old {number}"
        with zipfile.ZipFile(Path(__file__).parents[1] / "store" / "fixtures" / "schema_1.zip") as archive:
            archive.extractall(store)
        nbtrack.set_tracking_uri(store)
        if number:
            _kill_after(random.uniform(0, 0.3), lambda: nbtrack.search_runs(search_all_experiments=True))
        found = nbtrack.search_runs(search_all_experiments=True, output_format="list")
        data = [(run.info.run_id, run.info.status, run.data.params, run.data.metrics) for run in found]
        assert data
        expected = expected or data
        assert repr(data) == repr(expected)
    nbtrack.set_tracking_uri("")
