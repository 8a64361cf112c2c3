"""A block that a killed process left half written: DuckDB writes some blocks of its catalog in place.

A checkpoint writes data into blocks that nobody uses, and then the header that makes them count. But of a block that
holds several pieces of the catalog it writes the whole anew when one is added, and the system cuts such a write of
256 KiB short, between two pages, where the process is killed. What counts is the same in the old block and in the new
one; only the checksum in front is that of a block that was never finished. Without it nothing of the file can be read.
So the checksum is set right, after it was tried on a copy that then has to be whole and to add up.
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
_MOST = 4
"""Blocks that one death can have left half written: one, and few more where others died while they set it right."""
_ADDS_UP = """
    SELECT (SELECT COALESCE(SUM(points), 0) FROM latest_metrics) = (SELECT COUNT(*) FROM metrics)
       AND NOT EXISTS (SELECT 1 FROM latest_metrics AS l WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.run = l.run))
"""


def mend(database: Path) -> bool:
    """Set such a block's checksum right where there is one; whether there was. The caller holds the store's lock.

    Only a death leaves DuckDB's log behind, so nothing is looked at where there is none. A file that is damaged in
    another way is left as it is.
    """
    if not log_of(database).exists() or not _CHECKSUM.search(_trouble(database) or ""):
        return False
    work = database.with_name("runs.torn.duckdb")
    try:
        shutil.copyfile(database, work)
        shutil.copyfile(log_of(database), log_of(work))
        cures = _cures(work)
        if not cures or not read_all(work).is_whole:
            return False
    finally:
        work.unlink(missing_ok=True)
        log_of(work).unlink(missing_ok=True)
    _write(database, cures)
    warnings.warn(
        f"A process was killed while DuckDB wrote to {database}. Nothing is lost: the checksum of the block at byte "
        f"{', '.join(f'{position:,}' for position in cures)} was set right, and the whole file was read.",
        RuntimeWarning,
        stacklevel=2,
    )
    return True


def _cures(work: Path) -> dict[int, int]:
    """The checksum of each block that DuckDB complains of, by its position; {} where that does not help."""
    cures: dict[int, int] = {}
    for _ in range(_MOST + 1):
        trouble = _trouble(work, _ADDS_UP)
        if trouble is None:
            return cures
        found = _CHECKSUM.search(trouble)
        if not found or int(found[2]) in cures:
            break
        cures[int(found[2])] = int(found[1])
        _write(work, cures)
    return {}


def _write(path: Path, cures: dict[int, int]) -> None:
    # Eight bytes of one page: no death can cut them in two.
    with path.open("rb+") as file:
        for position, checksum in cures.items():
            file.seek(position)
            file.write(checksum.to_bytes(8, "little"))
        file.flush()
        os.fsync(file.fileno())


def _trouble(path: Path, question: str = "SELECT TRUE") -> str | None:
    """What DuckDB says where the file cannot be opened, or the answer to the question is no."""
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
    return None if answer and answer[0] else "what is counted is not what is there"
