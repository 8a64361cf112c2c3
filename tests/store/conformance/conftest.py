"""The backends that the conformance tests run on: DuckDB in a folder, and a PostgreSQL that the tests start."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

import nbtrack
from nbtrack.store.folder.store import FolderStore
from nbtrack.store.sql.tables import SqlTables
from tests.conftest import made_once

from . import data
from .postgres import PostgresTables
from .server import Server

T = TypeVar("T")


@dataclass
class Both:
    """The same rows in DuckDB and in PostgreSQL."""

    duckdb: FolderStore
    postgres: PostgresTables
    ids: dict[str, str]
    """The ids of the runs by their names."""

    def same(self, ask: Callable[[SqlTables], T]) -> T:
        """Ask both backends the same question, compare the answers, and return one of them."""
        answer = ask(self.duckdb)
        assert plain(ask(self.postgres)) == plain(answer)
        return answer


@contextmanager
def filled(server: Server, folder: Path, fill: Callable[[nbtrack.MlflowClient], dict[str, str]]) -> Iterator[Both]:
    """Log what `fill` does in both databases."""
    with made_once(folder):
        ids = fill(nbtrack.MlflowClient())
    store = FolderStore(folder)
    tables = PostgresTables(server.dsn(server.create_database()), str(store.artifacts))
    tables.create_tables()
    tables.copy_tables(store)
    yield Both(store, tables, ids)
    tables.close()
    store.close()


@pytest.fixture(scope="session")
def both(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """The runs and models of `data.py` in both databases. Tests must only read them."""
    with filled(server, tmp_path_factory.mktemp("conformance") / "store", data.fill) as found:
        yield found


@pytest.fixture(scope="session")
def empty_postgres(server: Server) -> Iterator[PostgresTables]:
    tables = PostgresTables(server.dsn(server.create_database()))
    tables.create_tables()
    yield tables
    tables.close()


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "store"
    with made_once(folder):
        pass
    return folder


@pytest.fixture(params=["duckdb", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlTables]:
    """An empty store of each backend, for tests that write."""
    if request.param == "postgres":
        tables: PostgresTables = request.getfixturevalue("empty_postgres")
        tables.empty_tables()
        yield tables
        return
    shutil.copytree(request.getfixturevalue("empty_folder"), tmp_path / "written")
    folder = FolderStore(tmp_path / "written")
    yield folder
    folder.close()


def plain(answer: Any) -> Any:
    """Return an answer in a form that can be compared: NaN equals NaN, and sums may differ by rounding."""
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return {field.name: plain(getattr(answer, field.name)) for field in dataclasses.fields(answer)}
    if isinstance(answer, dict):
        return [(plain(key), plain(value)) for key, value in answer.items()]
    if isinstance(answer, set):
        return sorted(map(plain, answer))
    if isinstance(answer, list | tuple):
        return [plain(each) for each in answer]
    if isinstance(answer, np.ndarray):
        kind = "number" if answer.dtype.kind in "if" else answer.dtype.kind
        return [kind, *map(plain, np.ma.masked_array(answer).tolist())]
    if isinstance(answer, float):
        return f"{answer:.12g}"
    return answer
