"""Check of the database file, and its replacement by a new one if it cannot be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...sql import schema
from ...sql.base import Cursor, transaction
from .. import sql_views
from ..copies import keep_aside, log_of, put_in_place
from ..database import READ_WRITE, in_memory, literal
from ..torn import repair_torn_blocks
from .blocks import HEADER, HEADERS, BadBlock, bad_blocks, copy_header, newest_header_first, write_fixes
from .checks import check_numbers
from .findings import FOUND, LOST, REPAIRED, Finding, Report, counted
from .salvage import Content, read_all

if TYPE_CHECKING:
    from ..store import FolderStore


def check_file(store: FolderStore, report: Report, repair: bool) -> bool:
    """Return whether the file can be read now; with `repair`, make it readable. The caller holds the store's lock."""
    database = store.database
    if not database.exists() or not database.stat().st_size:
        finding = report.add(
            "database",
            f"{database.name} is missing{_copies_beside(store)}. Only data in the journals can be recovered.",
            "A new database is created from the journals.",
        )
        finding.state = LOST if repair else FOUND
        return False
    if repair and repair_torn_blocks(database):
        finding = report.add("database", f"{database.name} has a block that a killed process left half written.", "")
        finding.state, finding.repair = REPAIRED, "The checksum was corrected, and the whole file was read."
    content = read_all(database)
    if content.is_whole:
        unused = list(bad_blocks(database))
        if unused:
            report.notes.append(
                f"{counted(len(unused), 'unused block is', 'unused blocks are')} damaged, which does no harm."
            )
        return True
    blocks = list(bad_blocks(database))
    finding = report.add("database", _described(database, content, blocks), "")
    if not repair:
        exact = sum(block.fix is not None for block in blocks)
        finding.repair = "The original is kept, and everything that can be read is copied to a new file."
        finding.repair += f" {counted(exact, 'block')} can be repaired exactly." if exact else ""
        return False
    _replace(store, report, finding, blocks)
    return True


def _described(database: Path, content: Content, blocks: list[BadBlock]) -> str:
    where = f" ({', '.join(map(str, blocks[:3]))}{' …' if len(blocks) > 3 else ''})" if blocks else ""
    if content.error:
        return f"{database.name} cannot be opened{where}: {content.error:.200}"
    return f"{database.name} is damaged{where}. {_lost(content)}"


def _lost(content: Content) -> str:
    lost = ", ".join(
        f"{count:,} in {table}" if count >= 0 else f"all in {table}" for table, count in content.lost.items()
    )
    return f"Rows that cannot be read: {lost}." if lost else ""


def _replace(store: FolderStore, report: Report, finding: Finding, blocks: list[BadBlock]) -> None:
    """Replace a damaged database file with a new one with everything that the most successful attempt could read."""
    database = store.database
    work, new = database.with_name("runs.doctor.duckdb"), database.with_name("runs.repaired.duckdb")
    best, exact = Content(), False
    done = "Nothing in the file could be read, so a new database was created from the journals"
    _remove(new)
    for attempt in _ATTEMPTS:
        _copy(database, work)
        if not attempt.prepare(work, blocks):
            continue
        target = database.with_name("runs.attempt.duckdb")
        _remove(target)
        content = read_all(work, target)
        if content.total > best.total:
            best, done, exact = content, attempt.description, attempt.is_exact and content.is_whole
            os.replace(target, new)
        _remove(target)
        if content.is_whole:
            break
    _remove(work)
    kept = keep_aside(database, "damaged")
    report.kept.append(kept)
    _complete(new, report)
    put_in_place(new, database)
    rows = f"The new file has {counted(best.total, 'row')}." if best.total else ""
    finding.repair = " ".join(filter(None, [f"{done}.", rows, "" if exact else _lost(best)]))
    finding.state = REPAIRED if exact else LOST


@dataclass(frozen=True)
class _Attempt:
    """A change to a copy of the file that may make more of it readable.

    `prepare` makes the change and returns whether there was one to make.
    """

    description: str
    prepare: Callable[[Path, list[BadBlock]], bool]
    is_exact: bool = False


def _fixed(path: Path, blocks: list[BadBlock]) -> bool:
    write_fixes(path, blocks)
    return any(block.fix is not None for block in blocks)


def _without_log(path: Path, blocks: list[BadBlock]) -> bool:
    write_fixes(path, blocks)
    if not log_of(path).exists():
        return False
    log_of(path).unlink()
    return True


def _with_header(path: Path, blocks: list[BadBlock], of_newest: bool) -> bool:
    if path.stat().st_size < HEADERS * HEADER:
        return False
    write_fixes(path, blocks)
    log_of(path).unlink(missing_ok=True)
    newest, other = newest_header_first(path)
    copy_header(path, *((newest, other) if of_newest else (other, newest)))
    return True


_ATTEMPTS = (
    _Attempt("The damaged blocks were repaired exactly with their checksums", _fixed, is_exact=True),
    _Attempt("Everything that can be read was copied", lambda path, blocks: True),
    _Attempt("Everything that can be read without the write-ahead log was copied", _without_log),
    # Blocks that the last checkpoint has replaced exist until the next one overwrites them.
    _Attempt(
        "The file was read as of the checkpoint before the last",
        lambda path, blocks: _with_header(path, blocks, False),
    ),
    _Attempt("One of the two headers was used for both", lambda path, blocks: _with_header(path, blocks, True)),
)


def _complete(new: Path, report: Report) -> None:
    """Create missing tables, and missing rows that others refer to, so that the file is a valid store."""
    connection = in_memory()
    connection.execute(f"ATTACH {literal(new)} AS store ({READ_WRITE})")
    connection.execute("USE store")
    there = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    with transaction(connection):
        if _is_of_this_schema(connection, there):
            for statement in schema.TABLES.split(";"):
                name = statement.split("(")[0].replace("CREATE TABLE", "").strip()
                if name and name not in there:
                    connection.execute(statement)
            if not connection.execute("SELECT 1 FROM meta WHERE key = 'schema_version'").fetchall():
                connection.execute("INSERT INTO meta VALUES ('schema_version', $1)", [str(schema.VERSION)])
            connection.execute(sql_views.CREATE)
            check_numbers(connection, report, repair=True)
        elif "meta" not in there:
            # The first schema, which is migrated when the store is opened next.
            connection.execute("CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL)")
            connection.execute("INSERT INTO meta VALUES ('schema_version', '1')")
    connection.execute("USE memory")
    connection.execute("DETACH store")
    connection.close()


def _is_of_this_schema(connection: Cursor, there: set[str]) -> bool:
    if "meta" in there:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        if row is not None:
            return int(row[0]) == schema.VERSION
    columns = "SELECT 1 FROM information_schema.columns WHERE table_catalog = 'store' AND column_name = 'series'"
    return "metrics" not in there or bool(connection.execute(columns).fetchall())


def _copies_beside(store: FolderStore) -> str:
    """Return a remark that names the other database files in the folder, which may hold more data."""
    others = [path.name for path in sorted(store.folder.glob("runs.*.duckdb"))]
    return f" (the folder also has {', '.join(others)})" if others else ""


def _copy(database: Path, target: Path) -> None:
    _remove(target)
    shutil.copyfile(database, target)
    if log_of(database).exists():
        shutil.copyfile(log_of(database), log_of(target))


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    log_of(path).unlink(missing_ok=True)
