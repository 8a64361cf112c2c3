"""Sessions on the database that are interrupted at any step, and a store that is deleted while a process uses it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import NotFound
from nbtrack.store.folder import background
from nbtrack.store.folder.database import Database


class _Interrupted:
    """A connection on which KeyboardInterrupt is raised just after its n-th statement."""

    def __init__(self, connection: Any, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def execute(self, *args: Any) -> Any:
        result = self._connection.execute(*args)
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _log() -> None:
    run = nbtrack.MlflowClient().create_run("0")
    nbtrack.MlflowClient().log_batch(run.info.run_id, [nbtrack.entities.Metric("m", 1.0, 1)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        lambda: nbtrack.search_runs(output_format="list"),
        lambda: nbtrack.create_experiment("interrupted"),
        lambda: nbtrack.sql("SELECT 1"),
    ],
    ids=["read", "write", "sql"],
)
def test_an_interrupt_after_any_statement_leaves_nothing_locked_or_half_done(
    call: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    _log()
    nbtrack.search_runs(output_format="list")
    logged, statement, finished = 1, 0, False
    instance = Database._instance
    while not finished:
        _log()
        logged, statement = logged + 1, statement + 1
        with monkeypatch.context() as patch:
            patch.setattr(Database, "_instance", lambda self, n=statement: _Interrupted(instance(self), n))
            try:
                call()
                finished = True
            except KeyboardInterrupt:
                pass
        assert len(nbtrack.search_runs(output_format="list")) == logged
        points = nbtrack.sql("SELECT COUNT(*) AS n FROM metrics")
        assert points.n[0] == logged
        for experiment in nbtrack.search_experiments(filter_string="name = 'interrupted'"):
            nbtrack.MlflowClient().rename_experiment(experiment.experiment_id, f"done {statement}")
    assert statement > 5, "the call ran to its end only when no statement of it was cut off"


def test_a_deleted_store_is_followed_by_a_new_one(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The background thread would notice the deletion first on a slow machine, and the warning would come from it.
    monkeypatch.setattr(background, "INTERVAL", 600.0)
    monkeypatch.setattr(background, "AFTER_A_RUN", 600.0)
    nbtrack.set_experiment("first")
    nbtrack.start_run(run_name="lost")
    nbtrack.search_runs()
    shutil.rmtree(own_store)
    nbtrack.log_metric("m", 1)
    nbtrack.end_run()
    with pytest.warns(RuntimeWarning, match="was deleted while this process used it"), pytest.raises(NotFound):
        nbtrack.start_run()
    nbtrack.set_experiment("first")
    with nbtrack.start_run(run_name="kept") as run:
        nbtrack.log_metric("m", 2)
    assert [found.info.run_name for found in nbtrack.search_runs(output_format="list")] == ["kept"]
    assert nbtrack.get_run(run.info.run_id).data.metrics == {"m": 2}


def test_two_paths_to_one_folder_are_one_store(own_store: Path, tmp_path: Path) -> None:
    nbtrack.search_runs()
    (tmp_path / "link").symlink_to(own_store)
    with nbtrack.MlflowClient(str(tmp_path / "link"))._store.reading(), nbtrack.MlflowClient()._store.reading():
        pass


def test_a_write_within_a_read_is_one_transaction() -> None:
    store = nbtrack.MlflowClient()._store
    with store.reading():
        with suppress(ZeroDivisionError), store.writing() as cursor:
            cursor.execute("DELETE FROM experiments")
            raise ZeroDivisionError
        assert nbtrack.get_experiment("0").name == "Default"
