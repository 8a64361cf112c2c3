"""Appends encoded lines to the journal of this process, with one write() per call."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import warnings
from pathlib import Path

from ..names import new_id
from . import events, syncing
from .detour import PREFIX, Detour, whole_lines
from .process import Process

ROTATE_BYTES = 64 * 1024 * 1024
"""A file that has grown to this size is closed and a new one is begun, so that applied files can be removed."""
RETURNED = "r.jsonl"
"""The suffix of files with lines that came back from a detour. Their offsets are never forgotten: if the process died
before it deleted the rescue file, that file could otherwise be taken back a second time."""
TRANSIENT = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN)
"""Errors that prevent a write now and may be over in a minute."""
_PARTIAL = ".partial"
_RETRY_SECONDS = 5.0


class Journal:
    """The journal of this process in one store.

    `append` returns when the kernel has the bytes, so they survive the death of the process. Whether they survive a
    crash of the machine depends on `syncing`. No method raises because of the disk: if it is full, unreachable or
    read-only, lines go to a rescue file in the temp folder, or into memory if that is full too. One warning says so,
    and the lines are moved into the journal, in order, as soon as it can be written again.
    """

    def __init__(self, folder: Path) -> None:
        syncing.reload()
        self.folder = folder
        self.writer = new_id()
        self._lock = threading.Lock()
        self._part = 0
        self._fd = -1
        self._size = 0
        self._synced = 0
        self._rotate_at = ROTATE_BYTES
        self._closed = False
        self._detour: Detour | None = None
        self._tried = 0.0
        try:
            self._begin(0)
        except OSError as error:
            _warn(self._divert(b"", error))

    @property
    def path(self) -> Path:
        """The file that is currently written."""
        return self.folder / f"{self.writer}-{self._part:04d}.jsonl"

    @property
    def unwritten(self) -> int:
        """The number of bytes that wait elsewhere because the journal cannot be written."""
        return self._detour.size if self._detour else 0

    def append(self, lines: bytes) -> None:
        """Write whole lines, each with its newline."""
        trouble = None
        with self._lock:
            if self._detour is None:
                try:
                    done = os.write(self._fd, lines)
                except OSError as error:
                    trouble = self._divert(lines, error)
                else:
                    if done < len(lines):
                        done = whole_lines(self._fd, lines, done)
                        trouble = self._divert(lines[done:], None)
                    self._size += done
                    if syncing.always:
                        trouble = self._sync_now() or trouble
                    if self._size > self._rotate_at and self._detour is None:
                        self._rotate()
            else:
                self._detour.append(lines)
                if time.monotonic() - self._tried > _RETRY_SECONDS:
                    self._end_detour()
        if trouble:
            _warn(trouble)

    def flush(self) -> bool:
        """Try again to write the waiting lines. Return True if none are left."""
        with self._lock:
            return self._detour is None or self._end_detour()

    def sync(self) -> None:
        """Wait until the disk has all written data, unless the mode is "never". Other threads can log meanwhile."""
        if syncing.get_fsync() == syncing.NEVER:
            return
        with self._lock:
            if self._fd < 0 or self._synced == self._size:
                return
            part, size = self._part, self._size
            try:
                # Another thread may close the file while the disk is busy.
                fd = os.dup(self._fd)
            except OSError:
                _warn(self._sync_now())
                return
        try:
            self._sync(fd, self._synced == 0)
        except OSError as error:
            _warn(self._not_synced(error))
        finally:
            os.close(fd)
        with self._lock:
            if part == self._part:
                self._synced = size

    def close(self) -> None:
        """Write the event that closes the file, and close it."""
        self.append(events.closed(now()))
        self.flush()
        self.sync()
        with self._lock:
            detour, self._detour = self._detour, None
            self._closed = True
            self._close()
        if detour is not None:
            detour.spill()
            detour.close()
            if detour.path is not None:
                _warn(
                    f"nbtrack could not write {detour.size - detour.in_memory:,} bytes of logged data to "
                    f"{self.folder}. They are kept in {detour.path}. When the store can be written again, run "
                    "`nbtrack doctor --repair` on it to bring them in."
                )
            if detour.in_memory:
                _warn(
                    f"nbtrack could not write {detour.in_memory:,} bytes of logged data to {self.folder} or to the "
                    "temp folder. They are lost."
                )

    def is_deleted(self) -> bool:
        """Return whether the file that is currently written was deleted."""
        with self._lock:
            try:
                return self._closed or (self._fd >= 0 and os.fstat(self._fd).st_nlink == 0)
            except OSError:
                return False

    def abandon(self) -> None:
        """Close a file that was deleted, and discard what waits for it."""
        with self._lock:
            self._closed = True
            if self._detour is not None:
                self._detour.discard()
                self._detour = None
            self._close()

    def _close(self) -> None:
        # A late call of another thread must not write to a descriptor that now belongs to another file.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def _begin(self, part: int) -> None:
        """Open the file of this part for writing, and close the one before it."""
        path = self.folder / f"{self.writer}-{part:04d}.jsonl"
        self.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            header = self._header()
            written = os.write(fd, header)
            if written < len(header):
                raise OSError(0, "the disk is full")
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.write(self._fd, events.closed(now()))
            if syncing.get_fsync() != syncing.NEVER:
                with contextlib.suppress(OSError):
                    syncing.sync_file(self._fd)
            self._close()
        self._fd, self._part, self._size, self._synced = fd, part, written, 0
        self._rotate_at = ROTATE_BYTES

    def _header(self, store: str | None = None) -> bytes:
        return events.opened(self.writer, Process.current(), now(), store)

    def _rotate(self) -> None:
        """Begin the next file. If it cannot be opened, try again after as many bytes again."""
        try:
            self._begin(self._part + 1)
        except OSError:
            self._rotate_at = self._size + ROTATE_BYTES

    def _sync_now(self) -> str | None:
        """Sync the file now. Return a warning if that fails."""
        try:
            self._sync(self._fd, self._synced == 0)
        except OSError as error:
            return self._not_synced(error)
        finally:
            self._synced = self._size
        return None

    def _sync(self, fd: int, is_new: bool) -> None:
        syncing.sync_file(fd)
        if is_new:
            # If the store was deleted, other code notices and reports it.
            with contextlib.suppress(FileNotFoundError):
                syncing.sync_folder(self.folder)

    def _not_synced(self, error: OSError) -> str:
        return (
            f"nbtrack wrote to {self.path}, but the disk did not confirm that the data is stored: {error.strerror}. "
            "It may be lost if the machine crashes now."
        )

    # -- the detour ----------------------------------------------------------------------------------------------

    def _divert(self, lines: bytes, error: OSError | None) -> str:
        """Begin a detour with these lines. Return the warning about it."""
        self._detour = self._new_detour()
        self._detour.append(lines or b"\n")
        self._tried = time.monotonic()
        reason = error.strerror if error and error.strerror else "the disk is full"
        where = f"in {self._detour.path}" if self._detour.path else "in memory"
        return (
            f"nbtrack cannot write to {self.folder}: {reason}. Logging continues: new data is kept {where} and is "
            "moved into the store when it can be written again."
        )

    def _new_detour(self) -> Detour:
        name = f"{PREFIX}{self._returned_name(self._part + 1)}"
        return Detour(name, self._header(store=str(self.folder.parent)))

    def _returned_name(self, part: int) -> str:
        return f"{self.writer}-{part:04d}{RETURNED}"

    def _end_detour(self) -> bool:
        """Move the waiting lines into the folder as a file of their own, all or none, and begin a new file."""
        detour = self._detour
        assert detour is not None
        self._tried = time.monotonic()
        detour.spill()
        part = self._part + 1
        target = self.folder / self._returned_name(part)
        partial = target.with_name(target.name + _PARTIAL)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if detour.size:
                with partial.open("wb") as file:
                    file.write(self._header())
                    for piece in detour.content():
                        file.write(piece)
                    file.write(events.closed(now()))
                    file.flush()
                    if syncing.get_fsync() != syncing.NEVER:
                        syncing.sync_file(file.fileno())
                os.replace(partial, target)
                if syncing.get_fsync() != syncing.NEVER:
                    # Sync before the rescue file is deleted. A failure is ignored and the lines are not moved again,
                    # because a reader may already have the file.
                    with contextlib.suppress(OSError):
                        syncing.sync_folder(self.folder)
                self._part = part
                detour.discard()
                detour = self._detour = self._new_detour()
            self._begin(self._part + 1)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            return False
        detour.discard()
        self._detour = None
        return True


def _warn(message: str | None) -> None:
    if message:
        warnings.warn(message, RuntimeWarning, stacklevel=5)


def now() -> int:
    """Return the current time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
