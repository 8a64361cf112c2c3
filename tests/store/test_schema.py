"""A store of every earlier schema version can be opened completely and gives the same answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import StoreNotWritable, StoreTooNew
from nbtrack.store.sql import schema

from .fixtures import make

FIXTURES = Path(__file__).with_name("fixtures")
OLD = sorted(FIXTURES.glob("*.zip"))


def unpack(fixture: Path, store: Path) -> None:
    with zipfile.ZipFile(fixture) as archive:
        archive.extractall(store)


def assert_answers(fixture: Path) -> None:
    """Check that the current store answers like the fixture's version, in everything that version could be asked."""
    expected = json.loads(fixture.with_suffix(".json").read_text())
    answers = json.loads(json.dumps(make.answers()))
    assert {question: answers[question] for question in expected} == expected


@pytest.mark.slow
@pytest.mark.parametrize("fixture", OLD, ids=lambda path: path.stem)
def test_an_old_store_answers_as_its_own_version_did(
    fixture: Path, own_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unpack(fixture, own_store)
    assert_answers(fixture)
    version = int(fixture.stem.partition("_")[2])
    kept = own_store / f"runs.schema-{version}.duckdb"
    assert kept.exists() == (version < schema.VERSION)
    assert (str(kept) in capsys.readouterr().err) == kept.exists()
    # The next process finds nothing to do.
    before = sorted(own_store.iterdir())
    nbtrack.MlflowClient()._store.close()
    nbtrack.MlflowClient()._store._reset()
    assert len(make.answers()["runs"]) == len(json.loads(fixture.with_suffix(".json").read_text())["runs"])
    assert sorted(own_store.iterdir()) == before


def test_the_present_version_has_a_fixture() -> None:
    assert f"schema_{schema.VERSION}" in {path.stem for path in OLD}, "python -m tests.store.fixtures.make writes it"


def test_a_migrated_store_has_what_a_new_one_has(own_store: Path, tmp_path: Path) -> None:
    shape = "SELECT table_schema, table_name, column_name, data_type, is_nullable FROM information_schema.columns "
    shape += "WHERE table_catalog = 'store' ORDER BY ALL"
    new = nbtrack.sql(shape).to_dict("records")
    unpack(OLD[0], tmp_path / "old")
    nbtrack.set_tracking_uri(tmp_path / "old")
    assert nbtrack.sql(shape).to_dict("records") == new


@pytest.mark.slow
def test_two_processes_that_meet_an_old_store_bring_it_up_to_date_once(own_store: Path) -> None:
    fixture = FIXTURES / "schema_1.zip"
    unpack(fixture, own_store)
    script = "import sys, nbtrack; sys.stdin.readline(); print(len(nbtrack.search_runs(search_all_experiments=True)))"
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    counts = {process.communicate()[0] for process in processes}
    assert len(counts) == 1
    assert [path.name for path in own_store.glob("runs.schema-*")] == ["runs.schema-1.duckdb"]
    assert_answers(fixture)


@pytest.mark.slow
def test_a_migration_that_fails_changes_nothing(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack(OLD[0], own_store)
    with monkeypatch.context() as patch:
        patch.setattr("nbtrack.store.folder.sql_views.CREATE", "SELECT * FROM no_such_table")
        with pytest.raises(nbtrack.NbtrackError, match="no_such_table"):
            nbtrack.search_experiments()
    assert_answers(OLD[0])


def test_an_old_store_that_cannot_be_written_says_so(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack(OLD[0], own_store)
    monkeypatch.setattr("nbtrack.store.folder.sessions.os.access", lambda *_: False)
    with pytest.raises(StoreNotWritable, match="older version of nbtrack"):
        nbtrack.search_experiments()


def test_a_newer_store_is_refused_and_left_alone(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbtrack.search_experiments()
    monkeypatch.setattr(schema, "VERSION", schema.VERSION - 1)
    nbtrack.MlflowClient()._store._reset()
    before = (own_store / "runs.duckdb").read_bytes()
    with pytest.raises(StoreTooNew, match=re.escape("pip install -U nbtrack")):
        nbtrack.search_experiments()
    assert (own_store / "runs.duckdb").read_bytes() == before
