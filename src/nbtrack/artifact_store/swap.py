"""Exchanges two folders, in one step if the system supports it."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

_HERE = -100
"""AT_FDCWD: relative paths are relative to the working directory."""
_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS."""


def swap(one: Path, other: Path) -> None:
    """Exchange the names of two folders.

    On Linux and macOS both names exist at every moment, even if the process is killed. If the file system does not
    support that (some network file systems), this takes three renames, and a kill between them leaves `other` without
    a folder, and its content beside it under another name.
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
