"""Appending to this process's journal: one encoded line, one write()."""

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
"""A file that has grown to this is closed and a new one begun, so that what is applied can be removed."""
RETURNED = "r.jsonl"
"""How the name of a file ends that holds what went by a detour. Its offset is never forgotten: a rescue file that
outlived its process in the moment between could otherwise be taken back a second time."""
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN)
"""What keeps a file from being written now and may be over in a minute."""
_PARTIAL = ".partial"
_RETRY_SECONDS = 5.0


class Journal:
    """The journal of this process in one store.

    `append` returns when the kernel has the bytes: they survive the death of the process, and that of the machine as
    `syncing` says. No method raises because of the disk. Where it is full, gone away or read-only, lines go to a
    rescue file in the temp folder, or into memory where that is full too; one warning says so, and they come into the
    journal, in order, as soon as it can be written again.
    """

    def __init__(self, folder: Path) -> None:
        syncing.look()
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
        """The file that is being written."""
        return self.folder / f"{self.writer}-{self._part:04d}.jsonl"

    @property
    def unwritten(self) -> int:
        """Bytes that wait elsewhere because the journal does not take them."""
        return self._detour.size if self._detour else 0

    def append(self, lines: bytes) -> None:
        """Write whole lines, each ended by a newline."""
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
                    self._come_back()
        if trouble:
            _warn(trouble)

    def flush(self) -> bool:
        """Try again to write what waits; True where nothing is left."""
        with self._lock:
            return self._detour is None or self._come_back()

    def sync(self) -> None:
        """Wait until the disk has what was written, unless the mode is "never". Other threads log on meanwhile."""
        if syncing.get_fsync() == syncing.NEVER:
            return
        with self._lock:
            if self._fd < 0 or self._synced == self._size:
                return
            part, size = self._part, self._size
            try:
                # The file may be closed by another thread while the disk works.
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
        """Say that this process ended in good order, and give the file back."""
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
                    f"{self.folder}. They are kept in {detour.path}: run `nbtrack doctor --repair` on the store when "
                    "it can be written again, and they come into it."
                )
            if detour.in_memory:
                _warn(
                    f"nbtrack could not write {detour.in_memory:,} bytes of logged data to {self.folder}, nor to the "
                    "temp folder; they are lost."
                )

    def is_deleted(self) -> bool:
        """Whether somebody has removed the file that is being written."""
        with self._lock:
            try:
                return self._closed or (self._fd >= 0 and os.fstat(self._fd).st_nlink == 0)
            except OSError:
                return False

    def abandon(self) -> None:
        """Give a deleted file back."""
        with self._lock:
            self._closed = True
            if self._detour is not None:
                self._detour.discard()
                self._detour = None
            self._close()

    def _close(self) -> None:
        # A late call of another thread must not write to a descriptor that is somebody else's by now.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def _begin(self, part: int) -> None:
        """Open the file of this part as the one that is written, and close the one before it."""
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
        """A file that cannot be opened now is tried again when as much again is written."""
        try:
            self._begin(self._part + 1)
        except OSError:
            self._rotate_at = self._size + ROTATE_BYTES

    def _sync_now(self) -> str | None:
        """What to say where the disk does not keep it."""
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
            # Somebody has deleted the store, which others find out and say.
            with contextlib.suppress(FileNotFoundError):
                syncing.sync_folder(self.folder)

    def _not_synced(self, error: OSError) -> str:
        return (
            f"nbtrack wrote to {self.path}, but the disk does not confirm that it is kept: {error.strerror}. It may be "
            "lost if the machine stops now."
        )

    # -- the detour ----------------------------------------------------------------------------------------------

    def _divert(self, lines: bytes, error: OSError | None) -> str:
        """Begin a detour with these lines; what to say about it."""
        self._detour = self._new_detour()
        self._detour.append(lines or b"\n")
        self._tried = time.monotonic()
        reason = error.strerror if error and error.strerror else "the disk is full"
        where = f"in {self._detour.path}" if self._detour.path else "in memory"
        return (
            f"nbtrack cannot write to {self.folder}: {reason}. Nothing is lost: what is logged is kept {where} and "
            "comes into the store as soon as it can be written again."
        )

    def _new_detour(self) -> Detour:
        name = f"{PREFIX}{self._returned_name(self._part + 1)}"
        return Detour(name, self._header(store=str(self.folder.parent)))

    def _returned_name(self, part: int) -> str:
        return f"{self.writer}-{part:04d}{RETURNED}"

    def _come_back(self) -> bool:
        """Bring what waits into the folder as a file of its own, whole or not at all, and go on with a new one."""
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
                    # Before the rescue file goes. Not a reason to come back again: a reader may have the file already.
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


def _warn(text: str | None) -> None:
    if text:
        warnings.warn(text, RuntimeWarning, stacklevel=5)


def now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000
