"""When the machine's disk is asked to keep what was logged: the setting NBTRACK_FSYNC.

What a log call has written survives the death of its process in any case. The setting is about the death of the
machine: a power cut, a kernel that stops.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ..errors import InvalidParameter

NEVER = "never"
"""The operating system writes when it likes (on Linux within about 30 seconds)."""
INTERVAL = "interval"
"""A thread asks about once a second, if something was logged, and when a run or the process ends."""
ALWAYS = "always"
"""Each log call returns when the disk has it."""

MODES = (NEVER, INTERVAL, ALWAYS)
SECONDS = 1.0

always = False
"""Whether the mode is ALWAYS: each log call looks at this."""
_chosen: str | None = None


def set_fsync(mode: str) -> None:
    """Choose when logged data is forced to disk: "never", "interval" (the default) or "always"; see the guide.

    For all stores of this process, from the next log call on. An empty text goes back to NBTRACK_FSYNC.

    >>> set_fsync("always")
    >>> set_fsync("")
    """
    global always, _chosen
    _chosen = _checked(mode, "fsync") if mode else None
    always = get_fsync() == ALWAYS


def get_fsync() -> str:
    """The mode: what `set_fsync` was given, else NBTRACK_FSYNC, else "interval"."""
    return _chosen or _checked(os.environ.get("NBTRACK_FSYNC") or INTERVAL, "NBTRACK_FSYNC")


def look() -> None:
    """Look at the setting again. Raises InvalidParameter where NBTRACK_FSYNC is none of the modes."""
    global always
    always = get_fsync() == ALWAYS


def sync_file(fd: int) -> None:
    """Wait until the disk has this file's content."""
    # Not on macOS; and looked up each time, so that a test can count the calls.
    getattr(os, "fdatasync", os.fsync)(fd)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has this folder's entries: a new file's name, or that one is gone.

    Where a file system cannot be asked that of a folder, it keeps them as it likes.
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
        raise InvalidParameter(f"{what} is {mode!r:.80}. Use one of {', '.join(MODES)}.")
    return mode
