"""Two folders change places: in one step where the system has one."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

_HERE = -100
"""AT_FDCWD: paths are as they stand."""
_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS."""


def swap(one: Path, other: Path) -> None:
    """Give each of two folders the other's name.

    On Linux and macOS nobody ever sees one of the names without a folder, whatever dies when. Where the file system
    cannot do that (some network file systems), it is three renames, and a death between them leaves `other` without
    a folder, and what was in it beside it under a hidden name.
    """
    if not _swap_at_once(os.fsencode(one), os.fsencode(other)):
        aside = one.with_name(f"{one.name}-{uuid.uuid4().hex}")
        os.rename(other, aside)
        try:
            os.rename(one, other)
        except OSError:
            os.rename(aside, other)
            raise
        os.rename(aside, one)


def _swap_at_once(one: bytes, other: bytes) -> bool:
    import ctypes

    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return bool(library.renamex_np(one, other, _EXCHANGE) == 0)
        return bool(library.renameat2(_HERE, one, _HERE, other, _EXCHANGE) == 0)
    except (OSError, AttributeError):
        # A C library from before 2018.
        return False
