"""The database file: whether it can be read, and a new one in the place of one that cannot."""

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
from .blocks import HEADER, HEADERS, BadBlock, bad_blocks, copy_header, mend, newest_header_first
from .checks import check_numbers
from .findings import FOUND, LOST, REPAIRED, Finding, Report
from .salvage import Content, read_all

if TYPE_CHECKING:
    from ..store import FolderStore


def check_file(store: FolderStore, report: Report, repair: bool) -> bool:
    """Whether the file can be read now; with `repair`, it can. The caller holds the store's lock."""
    database = store.database
    if not database.exists() or not database.stat().st_size:
        finding = report.add(
            "database",
            f"{database.name} is missing{_copies_beside(store)}. Only what is in the journals can be brought back.",
            "a new one is made from the journals.",
        )
        finding.state = LOST if repair else FOUND
        return False
    if repair:
        from ..torn import mend as mend_torn

        if mend_torn(database):
            finding = report.add(
                "database", f"{database.name} has a block that a killed process left half written.", ""
            )
            finding.state, finding.cure = REPAIRED, "its checksum was set right, and the whole file was read."
    content = read_all(database)
    if content.is_whole:
        unused = list(bad_blocks(database))
        if unused:
            report.notes.append(f"{len(unused)} block(s) that no table uses are damaged, which does no harm.")
        return True
    blocks = list(bad_blocks(database))
    finding = report.add("database", _in_words(database, content, blocks), "")
    if not repair:
        curable = sum(block.cure is not None for block in blocks)
        finding.cure = "the original is kept, and all that can be read is brought into a new file"
        finding.cure += f"; {curable} block(s) can be mended exactly." if curable else "."
        return False
    _replace(store, report, finding, blocks)
    return True


def _in_words(database: Path, content: Content, blocks: list[BadBlock]) -> str:
    where = f" ({', '.join(map(str, blocks[:3]))}{' …' if len(blocks) > 3 else ''})" if blocks else ""
    if content.error:
        return f"{database.name} cannot be opened{where}: {content.error:.200}"
    return f"{database.name} is damaged{where}. {_lost(content)}"


def _lost(content: Content) -> str:
    lost = ", ".join(
        f"{count:,} of {table}" if count >= 0 else f"all of {table}" for table, count in content.lost.items()
    )
    return f"Rows that cannot be read: {lost}." if lost else ""


def _replace(store: FolderStore, report: Report, finding: Finding, blocks: list[BadBlock]) -> None:
    """Put a new database file in the place of a damaged one, with all that the best way of reading it gives."""
    database = store.database
    work, new = database.with_name("runs.doctor.duckdb"), database.with_name("runs.repaired.duckdb")
    best, says, exact = Content(), "nothing can be read of it; a new one was made from the journals", False
    _remove(new)
    for way in _WAYS:
        _copy(database, work)
        if not way.prepare(work, blocks):
            continue
        target = database.with_name("runs.attempt.duckdb")
        _remove(target)
        content = read_all(work, target)
        if content.total > best.total:
            best, says, exact = content, way.says, way.is_exact and content.is_whole
            os.replace(target, new)
        _remove(target)
        if content.is_whole:
            break
    _remove(work)
    kept = keep_aside(database, "damaged")
    report.kept.append(kept)
    _complete(new, report)
    put_in_place(new, database)
    finding.cure = f"{says}: {best.total:,} rows are in a new file."
    finding.state = REPAIRED if exact else LOST
    if not exact:
        finding.cure += f" {_lost(best)}"


@dataclass(frozen=True)
class _Way:
    """A change to a copy that may make more of it readable; `prepare` says whether there was one to make."""

    says: str
    prepare: Callable[[Path, list[BadBlock]], bool]
    is_exact: bool = False


def _mended(path: Path, blocks: list[BadBlock]) -> bool:
    mend(path, blocks)
    return any(block.cure is not None for block in blocks)


def _without_log(path: Path, blocks: list[BadBlock]) -> bool:
    mend(path, blocks)
    if not log_of(path).exists():
        return False
    log_of(path).unlink()
    return True


def _with_header(path: Path, blocks: list[BadBlock], of_newest: bool) -> bool:
    if path.stat().st_size < HEADERS * HEADER:
        return False
    mend(path, blocks)
    log_of(path).unlink(missing_ok=True)
    newest, other = newest_header_first(path)
    copy_header(path, *((newest, other) if of_newest else (other, newest)))
    return True


_WAYS = (
    _Way("what the checksums of its blocks tell was mended exactly", _mended, is_exact=True),
    _Way("what can be read was taken", lambda path, blocks: True),
    _Way("what can be read without its write-ahead log was taken", _without_log),
    # What the last checkpoint has replaced is there until the next one writes over it.
    _Way("it was read as of the checkpoint before the last", lambda path, blocks: _with_header(path, blocks, False)),
    _Way("one of its two headers was taken for both", lambda path, blocks: _with_header(path, blocks, True)),
)


def _complete(new: Path, report: Report) -> None:
    """Make the tables that could not be found at all, and what rows refer to, so that the file is a store's."""
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
            # The first schema, which the next opening brings up to date.
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
    """Other database files in the folder, which may hold more."""
    others = [path.name for path in sorted(store.folder.glob("runs.*.duckdb"))]
    return f" (beside it there are {', '.join(others)})" if others else ""


def _copy(database: Path, target: Path) -> None:
    _remove(target)
    shutil.copyfile(database, target)
    if log_of(database).exists():
        shutil.copyfile(log_of(database), log_of(target))


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    log_of(path).unlink(missing_ok=True)
