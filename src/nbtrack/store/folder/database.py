"""The database file, which is attached to this process's DuckDB for one operation at a time, under the store's lock.

DuckDB lets only one process open a file, so no process keeps it open. Each process has one in-memory DuckDB and
attaches the file for the length of one operation, under a lock file that all processes of the store wait for.
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
from ...process_end import duckdb_is_imported

if TYPE_CHECKING:
    import duckdb

READ_ONLY = "READ_ONLY"
READ_WRITE = "STORAGE_VERSION 'v1.5.0'"
"""Write files that DuckDB 1.5 can open. With the defaults of DuckDB 2.0, only 2.0 could open them."""
LOCK_TIMEOUT = 60.0
"""Seconds to wait for the store's lock before reporting that another process hangs."""
_LOCK = "runs.lock"
_POLL = 0.002
_SPARE_HANDLES = 16
"""File handles that must be free before DuckDB is used. If DuckDB runs out of them, it ends the whole process."""
_SPARE_BYTES = 4 * 1024 * 1024
"""Bytes that must be free before DuckDB writes. If the disk fills up meanwhile, DuckDB ends the whole process."""


class Database:
    """One database file and this process's DuckDB. The caller must make sure that only one thread uses it at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._detached = True

    def has_room(self) -> bool:
        """Return whether the disk has room for what an operation writes; True if that cannot be found out."""
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            return True
        blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
        return not disk.f_blocks or blocks * disk.f_frsize >= _SPARE_BYTES

    @contextmanager
    def attached(self, option: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the database file to this process's DuckDB. The caller holds the lock."""
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
                # This is how DuckDB reports a KeyboardInterrupt.
                raise KeyboardInterrupt from None
            raise
        finally:
            # An interrupt can come between any two steps. A file left attached would block all other processes.
            if not self._detached:
                self.drop()

    def _attach(self, option: str) -> duckdb.DuckDBPyConnection:
        """Return this process's DuckDB with the file attached."""
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
            # After an interrupt, a closed DuckDB of this process may stay alive until it is garbage collected.
            self.drop()
            gc.collect()
            connection = self._instance()
            self._detached = False
            connection.execute(statement)
        return connection

    def _create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create the file if it does not exist or is empty.

        The file appears complete or not at all, because DuckDB cannot open a file whose creation was interrupted. An
        empty file is such a file.
        """
        if self.path.exists() and self.path.stat().st_size:
            return
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)
        connection.execute(f"ATTACH {literal(new)} AS store ({READ_WRITE})")
        connection.execute("DETACH store")
        os.replace(new, self.path)

    def drop(self) -> None:
        """Close this process's DuckDB. The next session starts a new one."""
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
        """Hold the lock of a process that may read the folder but not write it.

        Any number of readers can hold it together, and no writer at the same time. Without it, a reader and a writer
        could attach the file at once, and one of the two would fail. If there is no lock file, there is no writer.
        Raises StoreLocked after `timeout` seconds.
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
                    # The file system does not support locks.
                    break
            yield
        finally:
            if fd >= 0:
                os.close(fd)

    def _held(self, timeout: float) -> StoreLocked:
        return StoreLocked(
            f"Another nbtrack process has held the store {self.path.parent} for {timeout:g} seconds. Logged data is in "
            f"the journal and is not lost. Find the process that hangs (it has {_LOCK} open) and end it."
        )

    @contextmanager
    def locked(self, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """Hold the lock that all processes of the store wait for. Raises StoreLocked after `timeout` seconds."""
        path = self.path.with_name(_LOCK)
        lock = filelock.FileLock(path, timeout=timeout, poll_interval=_POLL)
        try:
            try:
                lock.acquire()
            except filelock.Timeout:
                raise self._held(timeout) from None
            except OSError as error:
                raise StoreNotWritable(
                    f"The store cannot be locked: {error.strerror} ({path}). Grant write permission, or choose another "
                    "folder with set_tracking_uri()."
                ) from error
            yield
        finally:
            lock.release()


def in_memory(**config: str | bool | int | float | list[str]) -> duckdb.DuckDBPyConnection:
    """Start an empty DuckDB that downloads nothing and prints nothing.

    DuckDB's progress bar goes to stdout after two seconds, where it would end up in the output of a training or in
    the input of a pipe.
    """
    import duckdb

    duckdb_is_imported()
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False, **config})
    connection.execute("SET enable_progress_bar = false")
    return connection


def _check_handles() -> None:
    held: list[int] = []
    try:
        held.append(os.open(os.devnull, os.O_RDONLY))
        held.extend(os.dup(held[0]) for _ in range(_SPARE_HANDLES - 1))
    except OSError as error:
        raise StoreError(
            f"The store cannot be opened now: {error.strerror}. Close files, or raise the limit with `ulimit -n`. "
            "Logging continues, and nothing is lost."
        ) from error
    finally:
        for fd in held:
            os.close(fd)


def translated(error: Exception, path: Path) -> StoreError:
    """Turn an error that DuckDB raised for the file into one that says what happened and what to do."""
    text = str(error)
    holder = re.search(r"Conflicting lock is held in (.+?\(PID \d+\))", text)
    if "lock on file" in text or "already attached" in text or "Unique file handle" in text:
        who = holder[1] if holder else "another connection of this process"
        return StoreLocked(
            f"{path} is held by {who}. Logging continues into the journal and nothing is lost. Reading works again "
            "when the file is closed there (in the DuckDB command line: .exit; in Python: connection.close())."
        )
    if re.search(r"version number|newer version|storage version", text):
        return StoreTooNew(
            f"{path} was written by a newer DuckDB than the one installed here. Upgrade with `pip install -U duckdb`. "
            f"(DuckDB says: {text})"
        )
    if re.search(r"[Cc]orrupt|not a valid DuckDB|not read enough bytes|replaying WAL|does not match stored", text):
        return StoreDamaged(
            f"{path} is damaged. Logging continues into the journal. Run `nbtrack doctor` to see what is damaged and "
            f"what can be recovered. It changes nothing unless you add --repair. (DuckDB says: {text:.300})"
        )
    return StoreError(f"{path} cannot be used. DuckDB says: {text}")


def literal(path: Path) -> str:
    """Return a path as an SQL string literal, for the few statements that do not accept a parameter."""
    return "'" + str(path).replace("'", "''") + "'"
