"""The cache folder of projects: checkouts and environments that are created once and used by many runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from .. import config
from ..errors import StoreNotWritable

_FIRST_WAIT = 0.5
_POLL = 0.1


def cache_folder(*names: str) -> Path:
    """Return a folder below the user's cache, and create it.

    The cache is NBTRACK_CACHE_DIR, or else `nbtrack` in XDG_CACHE_HOME, or else `~/.cache/nbtrack`. Only the user can
    enter it, because programs are run from it. Raises StoreNotWritable if it cannot be created.
    """
    folder = _root().joinpath(*names)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, "created", error) from error
    return folder


def new_folder(parent: Path, prefix: str) -> Path:
    """Create a folder with a random name in a folder of the cache. Raises StoreNotWritable if that is not possible."""
    try:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        raise _not_writable(parent, "written to", error) from error


def _not_writable(folder: Path, what: str, error: OSError) -> StoreNotWritable:
    return StoreNotWritable(
        f"The cache folder {str(folder)!r} cannot be {what}: {error.strerror}. Set NBTRACK_CACHE_DIR to a folder that "
        "you can write to."
    )


def _root() -> Path:
    chosen = config.environment("CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    # The XDG specification says that a relative path is not valid and must be ignored.
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "nbtrack"


@contextmanager
def one_at_a_time(lock_file: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a lock between processes and threads while the block runs.

    The lock of a process that is killed becomes free. `waiting` is called once if another process holds the lock.
    Raises StoreNotWritable if the file of the lock cannot be created.
    """
    lock = filelock.FileLock(lock_file, poll_interval=_POLL)
    try:
        lock.acquire(timeout=_FIRST_WAIT)
    except filelock.Timeout:
        if waiting is not None:
            waiting()
        lock.acquire()
    except OSError as error:
        raise _not_writable(lock_file.parent, "written to", error) from error
    try:
        yield
    finally:
        lock.release()
