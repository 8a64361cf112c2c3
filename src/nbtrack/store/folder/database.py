"""The database file: attached to this process's DuckDB for one operation, under the store's lock.

DuckDB lets one process open a file. So nobody keeps it open: each process has one in-memory DuckDB and attaches the
file for the length of one operation, under the lock file that all processes of the store wait in line for.
"""

from __future__ import annotations

import gc
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from ...errors import StoreDamaged, StoreError, StoreLocked, StoreNotWritable, StoreTooNew
from .background import end_before_duckdb

if TYPE_CHECKING:
    import duckdb

READ_ONLY = "READ_ONLY"
READ_WRITE = "STORAGE_VERSION 'v1.5.0'"
"""Files that DuckDB 1.5 can open too: with its defaults, only 2.0 could."""
LOCK_TIMEOUT = 60.0
"""Seconds to wait in line for the store's lock before saying that somebody hangs."""
_LOCK = "runs.lock"
_POLL = 0.002
_HANDLES = 16
"""File handles that must be free before DuckDB is asked to do anything, and …"""
_ROOM = 4 * 1024 * 1024
"""… bytes before it is asked to write: where it finds none in the middle of its work, it ends the whole process."""


class Database:
    """One file and this process's DuckDB. Its caller sees to it that threads follow one another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._detached = True

    def has_room(self) -> bool:
        """Whether the disk can take what an operation writes; True where that cannot be known."""
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            return True
        blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
        return not disk.f_blocks or blocks * disk.f_frsize >= _ROOM

    @contextmanager
    def attached(self, option: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The database file attached to this process's DuckDB, under the lock that the caller holds."""
        import duckdb

        _check_handles()
        try:
            connection = self._attach(option)
            try:
                connection.execute("USE store")
                yield connection
            finally:
                with suppress(duckdb.Error):
                    connection.execute("USE memory")
                    connection.execute("DETACH store")
                    self._detached = True
        except duckdb.Error as error:
            raise translated(error, self.path) from error
        except RuntimeError as error:
            if "Query interrupted" in str(error):
                # So DuckDB calls a KeyboardInterrupt.
                raise KeyboardInterrupt from None
            raise
        finally:
            # An interrupt can come between any two steps: what it left attached would keep everybody out.
            if not self._detached:
                self.drop()

    def _attach(self, option: str) -> duckdb.DuckDBPyConnection:
        """This process's DuckDB with the file attached."""
        import duckdb

        statement = f"ATTACH {literal(self.path)} AS store ({option})"
        connection = self._instance()
        self._detached = False
        if option == READ_WRITE:
            self._create(connection)
        try:
            connection.execute(statement)
        except duckdb.Error as error:
            if "already attached" not in str(error):
                raise
            # A DuckDB of this process that was closed may live on in what an interrupt left, until that is collected.
            self.drop()
            gc.collect()
            connection = self._instance()
            self._detached = False
            connection.execute(statement)
        return connection

    def _create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the file where there is none: whole or not at all, for DuckDB refuses one that it began and could not
        end. An empty one is such."""
        if self.path.exists() and self.path.stat().st_size:
            return
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)
        connection.execute(f"ATTACH {literal(new)} AS store ({READ_WRITE})")
        connection.execute("DETACH store")
        os.replace(new, self.path)

    def drop(self) -> None:
        """Close this process's DuckDB; the next session has a new one."""
        connection, self._connection = self._connection, None
        self._detached = True
        if connection is not None:
            connection.close()

    def _instance(self) -> duckdb.DuckDBPyConnection:
        if not self._detached:
            self.drop()
        if self._connection is None:
            self._connection = in_memory(threads=min(os.cpu_count() or 1, 4))
        return self._connection

    @contextmanager
    def shared(self, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """The lock for who may read the folder and not write it: readers have it together, and no writer meanwhile.

        Without it a reader's attachment would meet a writer's, and one of the two would fail. Where there is no lock
        file there is no writer. Raises StoreLocked after `timeout` seconds.
        """
        fd = -1
        try:
            with suppress(ImportError, OSError):
                import fcntl

                fd = os.open(self.path.with_name(_LOCK), os.O_RDONLY | os.O_CLOEXEC)
            deadline = time.monotonic() + timeout
            while fd >= 0:
                try:
                    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise self._held(timeout) from None
                    time.sleep(_POLL)
                except OSError:
                    # A file system that knows no locks.
                    break
            yield
        finally:
            if fd >= 0:
                os.close(fd)

    def _held(self, timeout: float) -> StoreLocked:
        return StoreLocked(
            f"Another nbtrack process has held the store {self.path.parent} for {timeout:g} s. What was logged is in "
            f"the journal and not lost. Find the process that hangs (it has {_LOCK} open) and end it."
        )

    @contextmanager
    def locked(self, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """The lock that all processes of the store wait in line for. Raises StoreLocked after `timeout` seconds."""
        path = self.path.with_name(_LOCK)
        lock = filelock.FileLock(path, timeout=timeout, poll_interval=_POLL)
        try:
            try:
                lock.acquire()
            except filelock.Timeout:
                raise self._held(timeout) from None
            except OSError as error:
                raise StoreNotWritable(
                    f"Cannot lock the store: {error.strerror} ({path}). Grant the permission, or name another folder."
                ) from error
            yield
        finally:
            lock.release()


def in_memory(**config: str | bool | int | float | list[str]) -> duckdb.DuckDBPyConnection:
    """A DuckDB with nothing in it, which downloads nothing and writes nothing on the screen.

    Its own progress bar goes to stdout after two seconds: between a training's lines, and into what a pipe reads.
    """
    import duckdb

    end_before_duckdb()
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False, **config})
    connection.execute("SET enable_progress_bar = false")
    return connection


def _check_handles() -> None:
    held: list[int] = []
    try:
        held.append(os.open(os.devnull, os.O_RDONLY))
        held.extend(os.dup(held[0]) for _ in range(_HANDLES - 1))
    except OSError as error:
        raise StoreError(
            f"The store cannot be opened now: {error.strerror}. Close files, or raise the limit with `ulimit -n`. "
            "Logging goes on, and nothing is lost."
        ) from error
    finally:
        for fd in held:
            os.close(fd)


def translated(error: Exception, path: Path) -> StoreError:
    """DuckDB's refusal to open the file, in words that say who and what to do."""
    text = str(error)
    holder = re.search(r"Conflicting lock is held in (.+?\(PID \d+\))", text)
    if "lock on file" in text or "already attached" in text or "Unique file handle" in text:
        who = holder[1] if holder else "another connection of this process"
        return StoreLocked(
            f"{path} is held by {who}. Logging goes on into the journal and nothing is lost; reading works again when "
            "it lets go. Close it there (the DuckDB command line: .exit; Python: connection.close())."
        )
    if re.search(r"version number|newer version|storage version", text):
        return StoreTooNew(
            f"{path} was written by a newer DuckDB than the one installed here. Upgrade with: pip install -U duckdb "
            f"(DuckDB says: {text})"
        )
    if re.search(r"[Cc]orrupt|not a valid DuckDB|not read enough bytes|replaying WAL|does not match stored", text):
        return StoreDamaged(
            f"{path} is damaged. Logging goes on into the journal. `nbtrack doctor` says what is damaged and what can "
            f"be brought back; it changes nothing unless told to. (DuckDB says: {text:.300})"
        )
    return StoreError(f"{path} cannot be used. DuckDB says: {text}")


def literal(path: Path) -> str:
    """A path as a text in SQL, for the few statements that take no parameter there."""
    return "'" + str(path).replace("'", "''") + "'"
