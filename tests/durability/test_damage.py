"""Damage: doctor reports what is wrong, keeps the original and recovers everything that can be read."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

import nbtrack
from nbtrack.cli import main
from nbtrack.errors import NotFound, StoreDamaged
from nbtrack.journal import Process
from nbtrack.journal.kinds import encode as event
from nbtrack.store.folder.repair.blocks import BLOCK, HEADER, HEADERS, bad_blocks

pytestmark = pytest.mark.slow

RUNS, STEPS = 20, 2000


def _fill() -> list[str]:
    """Fill a store with runs, a registry and artifacts, and return the IDs of its runs."""
    client, ids = nbtrack.MlflowClient(), []
    for number in range(RUNS):
        with nbtrack.start_run(run_name=f"run {number}") as run:
            ids.append(run.info.run_id)
            nbtrack.log_param("number", number)
            rng = random.Random(number)
            client.log_batch(
                run.info.run_id, [nbtrack.entities.Metric("m", rng.random(), 1, step) for step in range(STEPS)]
            )
    client.create_registered_model("digits")
    client.create_model_version("digits", "source", ids[0])
    client.transition_model_version_stage("digits", 1, "Production")
    nbtrack.search_runs(output_format="list")
    # Another process closes its journal: all is in the database.
    client._store.close()
    nbtrack.search_runs(output_format="list")
    return ids


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A store that tests copy and damage."""
    store = tmp_path_factory.mktemp("filled") / ".nbtrack"
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.durability.test_damage import _fill; "
        "import json; print(json.dumps(_fill()))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, root],
        env={**os.environ, "NBTRACK_TRACKING_URI": str(store)},
        capture_output=True,
        text=True,
        check=True,
    )
    return store, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def damaged(filled: tuple[Path, list[str]], own_store: Path) -> tuple[Path, list[str]]:
    """The database file of a store that a test may damage, and the IDs of its runs."""
    shutil.copytree(filled[0], own_store)
    return own_store / "runs.duckdb", filled[1]


def _spoil(path: Path, position: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(content)


def _points(run_id: str) -> list[float]:
    return [point.value for point in nbtrack.MlflowClient().get_metric_history(run_id, "m")]


def _check_all_there(ids: list[str]) -> None:
    for number, run_id in enumerate(ids):
        run = nbtrack.get_run(run_id)
        assert (run.info.run_name, run.data.params, run.info.status) == (
            f"run {number}",
            {"number": str(number)},
            "FINISHED",
        )
        rng = random.Random(number)
        assert _points(run_id) == [rng.random() for _ in range(STEPS)]
    assert nbtrack.MlflowClient().get_model_version("digits", 1).current_stage == "Production"
    assert len(nbtrack.sql("SELECT * FROM nbtrack.runs")) == RUNS


def test_a_healthy_store(damaged: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    before = damaged[0].read_bytes()
    assert main(["doctor"]) == 0
    assert "no problems found" in capsys.readouterr().out
    assert damaged[0].read_bytes() == before
    assert main(["doctor", "--repair"]) == 0
    _check_all_there(damaged[1])


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No store exists"):
        nbtrack.doctor()
    assert main(["doctor", "--store", str(tmp_path / "nowhere")]) == 1


def test_flipped_bits_are_mended_exactly(damaged: tuple[Path, list[str]]) -> None:
    """Flip one bit in each block. In the lowest bytes of a word, the checksum nearly always tells which bit it was."""
    database, ids = damaged
    original = database.read_bytes()
    rng = random.Random(0)
    for position in range(HEADERS * HEADER, len(original), BLOCK):
        words = memoryview(original[position : position + BLOCK]).cast("Q")
        counts = Counter(words)
        # Of a word that is there many times, one with a flipped bit is found too; of a few equal ones it is not.
        single = [index for index in range(1, len(words)) if counts[words[index]] == 1]
        for _ in range(3):
            place = position + 8 * rng.choice(single) + rng.randrange(3)
            _spoil(database, place, bytes([original[place] ^ 1 << rng.randrange(8)]))
            if all(block.fix for block in bad_blocks(database)):
                break
            _spoil(database, place, original[place : place + 1])
        else:
            pytest.fail("no three flipped bits were found that cannot be repaired exactly")
    blocks = list(bad_blocks(database))
    assert len(blocks) == (len(original) - HEADERS * HEADER) // BLOCK
    with pytest.raises(StoreDamaged, match="nbtrack doctor"):
        nbtrack.search_runs()
    spoilt = database.read_bytes()
    assert [finding.kind for finding in nbtrack.doctor().findings] == ["database"]
    assert database.read_bytes() == spoilt, "it looks and changes nothing"
    report = nbtrack.doctor(repair=True)
    assert report.is_repaired, str(report)
    assert report.kept[0].read_bytes() == spoilt
    _check_all_there(ids)
    assert nbtrack.doctor().is_healthy


@pytest.mark.parametrize("seed", range(6))
def test_a_zeroed_page_costs_what_was_in_its_block_and_nothing_else(damaged: tuple[Path, list[str]], seed: int) -> None:
    database, ids = damaged
    content = database.read_bytes()
    pages = [place for place in range(HEADERS * HEADER, len(content), 4096) if any(content[place : place + 4096])]
    _spoil(database, random.Random(seed).choice(pages), bytes(4096))
    report = nbtrack.doctor(repair=True)
    found = {run.info.run_id: run for run in nbtrack.search_runs(output_format="list")}
    # What is there is right, whatever is gone.
    intact = 0
    for number, run_id in enumerate(ids):
        if run_id not in found:
            continue
        rng = random.Random(number)
        right = {step: rng.random() for step in range(STEPS)}
        points = nbtrack.MlflowClient().get_metric_history(run_id, "m")
        assert len({point.step for point in points}) == len(points)
        assert all(right[point.step] == point.value for point in points)
        intact += len(points)
    if not report.findings:
        assert intact == RUNS * STEPS, "the page was in use by nothing"
    elif intact < RUNS * STEPS:
        assert report.has_losses
    again = nbtrack.doctor()
    assert again.is_healthy, f"{report}\n{again}"
    with nbtrack.start_run():
        nbtrack.log_metric("m", 1)
    assert len(nbtrack.search_runs()) == len(found) + 1


@pytest.mark.parametrize("what", ["truncated", "half", "empty", "zeroed", "no header", "one header", "text"])
def test_a_file_that_cannot_be_opened(
    damaged: tuple[Path, list[str]], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """There may be nothing left, but the store must work again, and the original must be kept."""
    database, ids = damaged
    size = database.stat().st_size
    if what == "truncated":
        os.truncate(database, size - 1000)
    elif what == "half":
        os.truncate(database, size // 2)
    elif what == "empty":
        os.truncate(database, 0)
    elif what == "zeroed":
        database.write_bytes(bytes(size))
    elif what == "no header":
        _spoil(database, 0, bytes(4096))
    elif what == "one header":
        _spoil(database, HEADER, os.urandom(HEADER))
    else:
        database.write_text("This is not a database.\n" * 10_000)
    spoilt = database.read_bytes()
    assert main(["doctor"]) == 3
    assert database.read_bytes() == spoilt
    code = main(["doctor", "--repair"])
    assert code in (0, 4), capsys.readouterr().out
    if what != "empty":
        (kept,) = database.parent.glob("runs.damaged-*.duckdb")
        assert kept.read_bytes() == spoilt
    assert main(["doctor"]) == 0, capsys.readouterr().out
    if what == "one header":
        _check_all_there(ids)
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", 1)
    assert _points(run.info.run_id) == [1]


def test_a_missing_database_with_journals(own_store: Path) -> None:
    """Runs that start in the journals are recovered completely, and of other runs only the data in the journals."""
    early = nbtrack.start_run(run_name="early")
    nbtrack.log_metric("m", 0, step=0)
    nbtrack.search_runs()
    nbtrack.end_run()
    store = nbtrack.MlflowClient()._store
    # Its beginning was in a journal that is gone.
    store.close()
    nbtrack.search_runs()
    (own_store / "journal").mkdir(exist_ok=True)
    lines = [event("metric", r=early.info.run_id, k="m", s=step, t=step, v=step / 2) for step in range(1, 4)]
    (own_store / "runs.duckdb").unlink()
    header = event("open", t=1, x="w", d={"format": 1, "host": "elsewhere", "pid": 1})
    (own_store / "journal" / "w-0000.jsonl").write_bytes(header + b"".join(lines) + event("close", t=1))
    assert [finding.kind for finding in nbtrack.doctor().findings] == ["database"]
    assert not (own_store / "runs.duckdb").exists()
    with pytest.warns(RuntimeWarning, match="was deleted"):
        report = nbtrack.doctor(repair=True)
    assert report.has_losses
    run = nbtrack.get_run(early.info.run_id)
    assert "nbtrack.recovered" in run.data.tags
    assert _points(early.info.run_id) == [0.5, 1.0, 1.5]
    assert nbtrack.doctor().is_healthy


def _journal(store: Path, *lines: bytes, header: bool = True, name: str = "f" * 32) -> Path:
    process = {"format": 1, **Process.current().to_dict(), "boot": "another"}
    path = store / "journal" / f"{name}-0000.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((event("open", t=1, x=name, d=process) if header else b"") + b"".join(lines))
    return path


def test_a_journal_with_garbage_in_the_middle_and_a_torn_tail(damaged: tuple[Path, list[str]]) -> None:
    database, ids = damaged
    points = [event("metric", r=ids[0], k="new", s=step, t=1, v=float(step)) for step in range(3)]
    _journal(database.parent, points[0], b"\0" * 5000 + b"\n", points[1], os.urandom(300).replace(b"\n", b"") + b"\n")
    with (database.parent / "journal" / f"{'f' * 32}-0000.jsonl").open("ab") as file:
        file.write(points[2] + points[0][:30])
    report = nbtrack.doctor()
    assert [finding.kind for finding in report.findings] == ["journal"]
    assert "2 lines" in str(report)
    with pytest.warns(RuntimeWarning, match="rejected_events"):
        report = nbtrack.doctor(repair=True)
    assert report.has_losses
    history = nbtrack.MlflowClient().get_metric_history(ids[0], "new")
    assert [point.value for point in history] == [0, 1, 2]
    assert len(nbtrack.sql("SELECT * FROM rejected_events")) == 3
    assert not list((database.parent / "journal").glob("f*"))


def test_a_journal_that_has_lost_its_header(damaged: tuple[Path, list[str]]) -> None:
    database = damaged[0]
    run_id = "a" * 32
    described = {
        "experiment_id": "0",
        "name": "headless",
        "user_id": "u",
        "start_time": 1,
        "artifact_uri": "a",
        "writer": "f" * 32,
    }
    torn = b'"pid":3,"started":12}}\n'
    path = _journal(
        database.parent,
        torn,
        event("run", r=run_id, d=described),
        event("metric", r=run_id, k="m", s=0, t=1, v=0.5),
        header=False,
    )
    with pytest.warns(RuntimeWarning, match="rejected_events"):
        nbtrack.search_runs()
    assert path.exists(), "nobody can tell whether its writer is alive"
    report = nbtrack.doctor(repair=True)
    assert {finding.kind for finding in report.findings} == {"journal", "run", "rejected"}
    assert not path.exists()
    run = nbtrack.get_run(run_id)
    assert (run.info.status, run.data.metrics) == ("KILLED", {"m": 0.5})


def test_a_journal_that_is_shorter_than_what_was_applied(own_store: Path) -> None:
    """A power cut removes the end of a file that was not synced, but DuckDB has synced the data taken from it."""
    with nbtrack.start_run() as run:
        for step in range(100):
            nbtrack.log_metric("m", step)
        assert _points(run.info.run_id) == list(range(100))
        journal = nbtrack.MlflowClient()._store.journal.path
        os.truncate(journal, journal.stat().st_size // 2)
        assert "the end of the file is missing" in str(nbtrack.doctor())
        nbtrack.doctor(repair=True)
        nbtrack.log_metric("m", 100)
        assert _points(run.info.run_id) == list(range(101))
        for step in range(101, 200):
            nbtrack.log_metric("m", step)
        assert _points(run.info.run_id) == list(range(200))


def test_rejected_lines_are_tried_again(own_store: Path) -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_metric("m", 0)
    late = "b" * 32
    lines = [event("metric", r=late, k="m", s=step, t=5, v=float(step)) for step in range(50)]
    _journal(own_store, *lines, b"nonsense\n", event("close", t=1))
    with pytest.warns(RuntimeWarning, match="no such run"):
        nbtrack.search_runs()
    assert [finding.kind for finding in nbtrack.doctor().findings] == ["rejected"]
    report = nbtrack.doctor(repair=True)
    assert "50 lines were applied; 1 line stays" in str(report)
    assert _points(late) == list(range(50))
    assert _points(run.info.run_id) == [0]
    assert _points(late) == list(range(50)), "once"


BREAKS = {
    "latest": "UPDATE latest_metrics SET value = 7, points = 3",
    "points of a series gone": "DELETE FROM metrics WHERE series = 1",
    "some points gone": "DELETE FROM metrics WHERE series = 2 AND step > 1000",
    "rows of latest_metrics gone": "DELETE FROM latest_metrics WHERE series = 3",
    "runs gone": "DELETE FROM runs WHERE run <= 2",
    "experiments gone": "DELETE FROM experiments",
    "experiment twice": "INSERT INTO experiments SELECT * FROM experiments",
    "params twice": "INSERT INTO params SELECT * FROM params",
    "runs twice": "INSERT INTO runs SELECT * FROM runs WHERE run = 4",
    "model gone": "DELETE FROM registered_models",
    "version number again": "UPDATE registered_models SET next_version = 1",
    "an alias of nothing": "INSERT INTO registered_model_aliases VALUES ('digits', 'champion', 99)",
    "nobody's run": "UPDATE runs SET status = 'RUNNING', writer = 'gone' WHERE run = 1",
    "an artifact that is gone": "INSERT INTO artifacts VALUES (1, 'model.pt', 10, 1)",
}


@pytest.mark.parametrize("what", BREAKS)
def test_tables_that_contradict_each_other(damaged: tuple[Path, list[str]], what: str) -> None:
    database, ids = damaged
    with duckdb.connect(str(database)) as connection:
        connection.execute(BREAKS[what])
    before = database.read_bytes()
    assert not nbtrack.doctor().is_healthy
    assert database.read_bytes() == before
    report = nbtrack.doctor(repair=True)
    assert all(finding.state != "found" for finding in report.findings)
    again = nbtrack.doctor()
    assert again.is_healthy, f"{report}\n{again}"
    if report.is_repaired and what != "nobody's run":
        _check_all_there(ids)
    assert len(nbtrack.search_runs(search_all_experiments=True)) >= RUNS


def test_what_waits_does_not_mix_with_rows_whose_run_is_gone(damaged: tuple[Path, list[str]]) -> None:
    """A new run and a new series get the next free number, which must not be the number of orphaned rows."""
    database, _ = damaged
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"DELETE FROM runs WHERE run = {RUNS}")
        connection.execute(f"DELETE FROM latest_metrics WHERE series >= {RUNS - 1}")
    new = "c" * 32
    described = {"experiment_id": "0", "name": "new", "user_id": "u", "start_time": 1, "artifact_uri": "a"}
    _journal(
        database.parent,
        event("run", r=new, d=described),
        event("metric", r=new, k="m", s=0, t=1, v=0.5),
        event("close", t=1),
    )
    report = nbtrack.doctor(repair=True)
    assert nbtrack.get_run(new).data.params == {}, report
    assert _points(new) == [0.5]
    assert nbtrack.doctor().is_healthy
    recovered = nbtrack.sql("SELECT COUNT(*) AS n FROM metrics WHERE key LIKE 'series %'")
    assert recovered.n[0] == 2 * STEPS
