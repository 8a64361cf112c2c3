"""Repair of a block that a killed process left half written. DuckDB writes some blocks of its catalog in place.

A checkpoint writes data into unused blocks, and then the header that makes them valid. But when a piece is added to a
block that holds several pieces of the catalog, DuckDB writes that whole block again. If the process is killed during
such a write of 256 KiB, the system cuts it short between two pages. The valid content is the same in the old and in the
new block; only the checksum at the start belongs to a block that was never finished. With the wrong checksum, nothing
in the file can be read. So the checksum is corrected, first on a copy, which must then be readable as a whole and
consistent.
"""

from __future__ import annotations

import os
import re
import shutil
import warnings
from pathlib import Path

from .copies import log_of
from .database import READ_WRITE, in_memory, literal
from .repair.salvage import read_all

_CHECKSUM = re.compile(r"computed checksum (\d+) does not match stored checksum \d+ in block at location (\d+)")
_MAX_BLOCKS = 4
"""Blocks that can be half written: one for each death, and a few more if others died while they corrected it."""
_IS_CONSISTENT = """
    SELECT (SELECT COALESCE(SUM(points), 0) FROM latest_metrics) = (SELECT COUNT(*) FROM metrics)
       AND NOT EXISTS (SELECT 1 FROM latest_metrics AS l WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.run = l.run))
"""


def repair_torn_blocks(database: Path) -> bool:
    """Correct the checksum of a half-written block and return whether there was one.

    The caller holds the store's lock. Only a killed process leaves DuckDB's log behind, so without a log nothing is
    checked. A file that is damaged in another way is left unchanged.
    """
    if not log_of(database).exists() or not _CHECKSUM.search(_open_error(database) or ""):
        return False
    work = database.with_name("runs.torn.duckdb")
    try:
        shutil.copyfile(database, work)
        shutil.copyfile(log_of(database), log_of(work))
        checksums = _right_checksums(work)
        if not checksums or not read_all(work).is_whole:
            return False
    finally:
        work.unlink(missing_ok=True)
        log_of(work).unlink(missing_ok=True)
    _write(database, checksums)
    warnings.warn(
        f"A process was killed while DuckDB wrote to {database}. Nothing is lost: the checksum of the block at byte "
        f"{', '.join(f'{position:,}' for position in checksums)} was corrected, and the whole file was read.",
        RuntimeWarning,
        stacklevel=2,
    )
    return True


def _right_checksums(work: Path) -> dict[int, int]:
    """Return the computed checksum of each block that DuckDB rejects, by its position; {} if that does not help."""
    checksums: dict[int, int] = {}
    for _ in range(_MAX_BLOCKS + 1):
        error = _open_error(work, _IS_CONSISTENT)
        if error is None:
            return checksums
        found = _CHECKSUM.search(error)
        if not found or int(found[2]) in checksums:
            break
        checksums[int(found[2])] = int(found[1])
        _write(work, checksums)
    return {}


def _write(path: Path, checksums: dict[int, int]) -> None:
    # The eight bytes lie in one page, so a killed process cannot leave them half written.
    with path.open("rb+") as file:
        for position, checksum in checksums.items():
            file.seek(position)
            file.write(checksum.to_bytes(8, "little"))
        file.flush()
        os.fsync(file.fileno())


def _open_error(path: Path, question: str = "SELECT TRUE") -> str | None:
    """Return an error message if the file cannot be opened or if the query `question` does not return true."""
    import duckdb

    connection = in_memory()
    try:
        connection.execute(f"ATTACH {literal(path)} AS store ({READ_WRITE})")
        connection.execute("USE store")
        answer = connection.execute(question).fetchone()
        connection.execute("USE memory")
        connection.execute("DETACH store")
    except duckdb.Error as error:
        return str(error)
    finally:
        connection.close()
    return None if answer and answer[0] else "the stored counts differ from the rows in the tables"
