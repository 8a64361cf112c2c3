"""Read as much as possible of a damaged database file, table by table and, if one fails, in smaller ranges of rows.

`python -m nbtrack.store.folder.repair.salvage SOURCE [TARGET]` prints what it found as JSON. With a target, it writes
the readable rows there. It runs in its own process, because DuckDB may crash on a damaged file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import StoreLocked
from ..database import READ_ONLY, READ_WRITE, in_memory, literal

if TYPE_CHECKING:
    import duckdb

_SMALLEST = 2048
"""Rows that DuckDB reads at once. A range of this size that fails is not divided further."""


@dataclass
class Content:
    """The content of a file, as far as it can be read."""

    error: str | None = None
    """Why the file cannot be opened at all."""
    rows: dict[str, int] = field(default_factory=dict)
    """How many rows of each table can be read."""
    lost: dict[str, int] = field(default_factory=dict)
    """How many rows of each table cannot be read; -1 if not even their number is known."""

    @property
    def is_whole(self) -> bool:
        """Whether every row can be read."""
        return self.error is None and not self.lost

    @property
    def total(self) -> int:
        """The number of rows that can be read."""
        return sum(self.rows.values())


def read_all(source: Path, target: Path | None = None) -> Content:
    """Read all of a database in a separate process, and write everything that can be read to the new file `target`.

    Raises StoreLocked if another program holds the file.
    """
    command = [
        sys.executable,
        "-m",
        "nbtrack.store.folder.repair.salvage",
        str(source),
        *([str(target)] if target else []),
    ]
    child = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if child.returncode:
        reason = child.stderr.strip().splitlines()
        return Content(error=f"DuckDB failed with exit code {child.returncode}: {reason[-1] if reason else ''}")
    content = Content(**json.loads(child.stdout.splitlines()[-1]))
    if content.error and "lock on file" in content.error:
        raise StoreLocked(
            f"{source} is held by another program. Close the file there. (DuckDB says: {content.error:.300})"
        )
    return content


def main(source: Path, target: Path | None) -> None:
    """Print the content of `source` as JSON, and copy its readable rows to `target`."""
    import duckdb

    content = Content()
    connection = in_memory()
    try:
        connection.execute(f"ATTACH {literal(source)} AS store ({READ_ONLY})")
        tables = connection.execute(
            "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = 'store' AND schema_name = 'main' "
            "ORDER BY table_name"
        ).fetchall()
    except duckdb.Error as error:
        content.error = str(error)
        tables = []
    if target is not None:
        connection.execute(f"ATTACH {literal(target)} AS target ({READ_WRITE})")
    for table, sql in tables:
        if target is not None:
            connection.execute("USE target")
            connection.execute(sql)
        _take(connection, table, content, copy=target is not None)
    connection.execute("USE memory")
    if target is not None:
        connection.execute("DETACH target")
    print(json.dumps(asdict(content)))


def _take(connection: duckdb.DuckDBPyConnection, table: str, content: Content, copy: bool) -> None:
    import duckdb

    name = '"' + table.replace('"', '""') + '"'
    read = f"INSERT INTO target.main.{name} SELECT * FROM store.main.{name}" if copy else _reading(name)
    content.rows[table] = 0
    try:
        count = _number(connection, f"SELECT COUNT(*) FROM store.main.{name}")
        end = _number(connection, f"SELECT COALESCE(MAX(rowid) + 1, 0) FROM store.main.{name}")
    except duckdb.Error:
        # Not even the number of rows can be read.
        content.lost[table] = -1
        return
    for low, high in _readable(connection, read, 0, end):
        content.rows[table] += _number(
            connection, f"SELECT COUNT(*) FROM store.main.{name} WHERE rowid >= {low} AND rowid < {high}"
        )
    if content.rows[table] < count:
        content.lost[table] = count - content.rows[table]


def _reading(name: str) -> str:
    """Return a query that reads every column of every row."""
    return f"SELECT bit_xor(hash(t)) FROM store.main.{name} AS t"


def _readable(connection: duckdb.DuckDBPyConnection, read: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Run `read` on ranges of rows that are as large as possible, and yield the ranges on which it succeeds."""
    import duckdb

    if low >= high:
        return
    try:
        connection.execute(f"{read} WHERE rowid >= {low} AND rowid < {high}").fetchall()
    except duckdb.Error:
        if high - low > _SMALLEST:
            middle = low + ((high - low) // 2 + _SMALLEST - 1) // _SMALLEST * _SMALLEST
            yield from _readable(connection, read, low, middle)
            yield from _readable(connection, read, middle, high)
        return
    yield low, high


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row: Any = connection.execute(sql).fetchone()
    return int(row[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
