"""Forces logged data to disk (fsync), as the setting NBTRACK_FSYNC says.

Data that a log call has written always survives the death of its process. The setting is about a crash of the
machine, such as a power cut or a kernel panic.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ..errors import InvalidParameter

NEVER = "never"
"""The operating system decides when to write (on Linux within about 30 seconds)."""
INTERVAL = "interval"
"""A thread syncs about once a second if something was logged, and when a run or the process ends."""
ALWAYS = "always"
"""Each log call returns only when the disk has the data."""

MODES = (NEVER, INTERVAL, ALWAYS)
SECONDS = 1.0

always = False
"""Whether the mode is ALWAYS. Each log call reads this."""
_chosen: str | None = None


def set_fsync(mode: str) -> None:
    """Choose when logged data is forced to disk (fsync), for all stores of this process from the next log call on.

    This matters only for a crash of the machine: data that was logged always survives the death of its process. The
    page `durability` of the guide explains the choice.

    Args:
        mode: "never": the operating system decides. "interval" (the default): about once a second, and when a run
            or the process ends. "always": each log call returns only when the disk has its data. An empty string
            returns to the environment variable NBTRACK_FSYNC, or to "interval" if it is not set.

    Raises:
        InvalidParameter: If `mode` is none of these.

    >>> set_fsync("always")
    >>> set_fsync("")
    """
    global always, _chosen
    _chosen = _checked(mode, "mode") if mode else None
    always = get_fsync() == ALWAYS


def get_fsync() -> str:
    """Return the mode: the one that `set_fsync` chose, else NBTRACK_FSYNC, else "interval"."""
    return _chosen or _checked(os.environ.get("NBTRACK_FSYNC") or INTERVAL, "NBTRACK_FSYNC")


def reload() -> None:
    """Read the setting again. Raises InvalidParameter if NBTRACK_FSYNC is not one of the modes."""
    global always
    always = get_fsync() == ALWAYS


def sync_file(fd: int) -> None:
    """Wait until the disk has this file's content."""
    # macOS has no fdatasync. It is looked up each time, so that a test can count the calls.
    getattr(os, "fdatasync", os.fsync)(fd)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the entries of a folder: the names of new files, and the deletion of others.

    Does nothing if the file system does not support this for folders.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(fd)


def _checked(mode: str, what: str) -> str:
    if mode not in MODES:
        raise InvalidParameter(f"{what} must be one of {', '.join(MODES)}, not {mode!r:.80}.")
    return mode
