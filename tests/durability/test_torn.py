"""A process that is killed while DuckDB writes a block of its catalog in place leaves a wrong checksum."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import duckdb
import pytest

import nbtrack
from nbtrack.errors import StoreDamaged
from nbtrack.store.folder.repair.blocks import BLOCK, HEADER, HEADERS

from .children import start

pytestmark = pytest.mark.slow

DIE_WITH_THE_FILE_OPEN = """
import signal
client = nbtrack.MlflowClient()
with client._store.reading():
    client.create_experiment("made just before the death")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def database(own_store: Path) -> Path:
    """The file of a store as a killed process leaves it, with DuckDB's log beside it."""
    for number in range(20):
        with nbtrack.start_run(run_name=f"run {number}"):
            nbtrack.log_params({"number": number})
            nbtrack.log_series("loss", range(200), [1 / (step + 1) for step in range(200)])
    assert len(nbtrack.search_runs()) == 20
    nbtrack.MlflowClient()._store.close()
    assert start(DIE_WITH_THE_FILE_OPEN).wait(timeout=60) == -9
    assert (own_store / "runs.duckdb.wal").exists()
    return own_store / "runs.duckdb"


def a_block_of_the_catalog(database: Path, tmp_path: Path) -> int:
    """Return the position of a block without which the file cannot be opened."""
    for position in range(HEADERS * HEADER, database.stat().st_size, BLOCK):
        copy = tmp_path / f"{position}.duckdb"
        shutil.copyfile(database, copy)
        spoil(copy, position)
        try:
            duckdb.connect(str(copy), read_only=True).close()
        except duckdb.Error:
            return position
    raise AssertionError("every block can be missed")


def spoil(path: Path, position: int, content: bytes = b"\x5a" * 8) -> None:
    with path.open("rb+") as file:
        file.seek(position)
        file.write(content)


def test_a_block_left_half_written_is_set_right_by_whoever_opens_the_store_next(database: Path, tmp_path: Path) -> None:
    spoil(database, a_block_of_the_catalog(database, tmp_path))
    with pytest.warns(RuntimeWarning, match="Nothing is lost"):
        runs = nbtrack.search_runs(order_by=["params.number"])
    assert list(runs["params.number"]) == [str(number) for number in range(20)]
    assert nbtrack.get_experiment_by_name("made just before the death") is not None
    assert nbtrack.sql("SELECT COUNT(*) AS n FROM metrics")["n"][0] == 20 * 200
    with warnings.catch_warnings(action="error"):
        nbtrack.search_runs()
    assert not list(database.parent.glob("*torn*"))


def test_doctor_sets_it_right_too(database: Path, tmp_path: Path) -> None:
    spoil(database, a_block_of_the_catalog(database, tmp_path))
    with pytest.warns(RuntimeWarning, match="Nothing is lost"):
        report = nbtrack.doctor(repair=True)
    assert "half written" in str(report)
    assert len(nbtrack.search_runs()) == 20


def test_other_damage_is_left_to_doctor(database: Path, tmp_path: Path) -> None:
    position = a_block_of_the_catalog(database, tmp_path)
    spoil(database, position + 4096, bytes(BLOCK - 4096))
    spoil(database, position + 8, bytes(4088))
    before = database.read_bytes()
    with pytest.raises(StoreDamaged):
        nbtrack.search_runs()
    assert database.read_bytes() == before


def test_without_a_death_a_wrong_checksum_is_damage(own_store: Path, database: Path, tmp_path: Path) -> None:
    nbtrack.search_runs()
    nbtrack.MlflowClient()._store.close()
    assert not (own_store / "runs.duckdb.wal").exists()
    spoil(database, a_block_of_the_catalog(database, tmp_path))
    with pytest.raises(StoreDamaged):
        nbtrack.search_runs()
