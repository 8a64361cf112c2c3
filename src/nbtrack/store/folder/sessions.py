"""Sessions on the database file of a store folder: attaching it, applying the journals, its schema, and forks."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ... import config
from ...errors import NotFound, StoreError, StoreNotWritable, StoreTooNew
from ...journal import Journal
from ...journal.writer import TRANSIENT
from ..protocol import Snapshot
from ..sql import schema
from ..sql.base import Cursor, transaction
from ..sql.tables import SqlTables
from . import sql_views
from .copies import log_of
from .database import LOCK_TIMEOUT, READ_ONLY, READ_WRITE, Database
from .loading import Journals
from .migrations import migrate
from .rewind import RewindTables
from .series import SeriesTables
from .torn import repair_torn_blocks

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_UNSETTLED = 0.05
"""Seconds after a change during which a file can change again without a new modification time."""

_stores: weakref.WeakSet[FolderSessions] = weakref.WeakSet()


def _sizes(folder: Path) -> tuple[tuple[str, int], ...]:
    """Return the names and sizes of a folder's files. A file that is deleted meanwhile is left out."""
    sizes = []
    with suppress(OSError), os.scandir(folder) as files:
        for file in files:
            with suppress(OSError):
                sizes.append((file.name, file.stat().st_size))
    return tuple(sorted(sizes))


class FolderSessions(RewindTables, SeriesTables, SqlTables):
    """The database file of a store folder, for one operation at a time.

    Threads wait for each other, and processes wait for the store's lock. A session applies the journals first. The
    journal of this process is written by `FolderStore`, which adds recording to this class.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "runs.duckdb"
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        """Start without a session, a journal and a DuckDB, as in a new process."""
        self._mutex = threading.RLock()
        self._session: Cursor | None = None
        self._in_transaction = False
        self._writable = True
        self._full = False
        self._behind = False
        self._inode = 0
        self._known = False
        self._file = Database(self.database)
        self._journal: Journal | None = None
        self._journals = Journals(self.folder / "journal")

    def check_exists(self) -> None:
        """Raise NotFound if the store does not exist, for operations that must not create one."""
        if self.database.exists() or self._journals.folder.is_dir():
            return
        inner = self.folder / config.STORE_FOLDER
        hint = f" A store exists in {inner}." if inner.is_dir() else ""
        raise NotFound(
            f"No store exists in {self.folder}.{hint} Choose one with set_tracking_uri() or, on the command line, "
            "with --store."
        )

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Open a session in which everything that was logged is applied."""
        with self._mutex, self._attached() as connection:
            yield connection

    @contextmanager
    def snapshot(self, *, fresh: bool = True) -> Iterator[Snapshot]:
        """Let several reads see one state; pending journals are applied before it only if `fresh` is set."""
        with self._mutex, self._attached(apply=fresh):
            waits = self._behind or (self._journal is not None and self._journal.unwritten)
            yield Snapshot(is_complete=fresh and not waits)

    def revision(self, *, pending: bool = False) -> Hashable:
        """Return the file's inode, size and modification time, and the sizes of the journals if `pending`.

        None if the file does not exist and nothing is pending.
        """
        if pending:
            journals = _sizes(self._journals.folder)
            return (self.revision(), journals) if journals else self.revision()
        try:
            file = os.stat(self.database)
        except OSError:
            return None
        identity = (file.st_ino, file.st_size, file.st_mtime_ns)
        return identity if time.time() - file.st_mtime > _UNSETTLED else (*identity, time.monotonic_ns())

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """Open a session that is one transaction. Nested calls share it."""
        with self._mutex, self._attached() as connection:
            self._check_writable()
            if self._in_transaction:
                yield connection
                return
            try:
                self._in_transaction = True
                with transaction(connection):
                    yield connection
            finally:
                self._in_transaction = False

    def _check_writable(self) -> None:
        if not self._writable:
            raise StoreNotWritable(
                f"The store in {self.folder} cannot be written. Grant write permission, or choose another folder with "
                "set_tracking_uri()."
            )
        if self._full:
            raise StoreNotWritable(f"The disk of {self.folder} is full. Free some space and try again.")

    def _check_applied(self) -> None:
        if self._behind:
            raise StoreError(
                f"Data logged to {self.folder} cannot be applied now. The warning before this error says why."
            )

    @contextmanager
    def checkpointed(self) -> Iterator[None]:
        """Write everything that was logged into the database file itself, and keep other processes from opening it."""
        with self._mutex, self._attached() as connection:
            self._check_writable()
            self._check_applied()
            connection.execute("CHECKPOINT")
            yield

    @contextmanager
    def as_it_is(self) -> Iterator[Cursor]:
        """Open a read-only session on the file, with nothing applied and nothing migrated before."""
        with self.alone(), self._file.attached(READ_ONLY) as connection:
            yield connection

    @contextmanager
    def before_applying(self) -> Iterator[Cursor]:
        """Open a session that is one transaction, with nothing applied before it."""
        with self._mutex, self._attached(apply=False) as connection:
            self._check_writable()
            with transaction(connection):
                yield connection

    @property
    def is_behind(self) -> bool:
        """Whether the last session failed to apply pending data."""
        return self._behind

    @property
    def journals(self) -> Journals:
        """The reader of the journal folder."""
        return self._journals

    def sql(self, query: str, parameters: Sequence[Any], take: Callable[[duckdb.DuckDBPyRelation], T]) -> T:
        """Run a read-only statement on the views of the schema `nbtrack`, and return what `take` makes of its rows.

        Raises InvalidParameter with DuckDB's message if the statement is wrong or would write.
        """
        # concurrent.futures takes milliseconds to import, and few processes run SQL queries.
        from .readonly import run_readonly

        with self._mutex:
            with self._attached():
                pass
            with self._locked(LOCK_TIMEOUT):
                return run_readonly(self.database, query, parameters, take)

    @contextmanager
    def alone(self, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """Hold the store's lock with the database file closed, for work on the file itself. Not inside a session."""
        self._writable = os.access(self.folder, os.W_OK)
        with self._mutex:
            assert self._session is None
            self._file.drop()
            with self._locked(timeout):
                yield

    def try_apply(self, wait: float = 0.0) -> bool:
        """Apply the journals if the store becomes free within `wait` seconds, and return whether it did."""
        if not self._mutex.acquire(timeout=max(wait, 0.0)):
            return False
        try:
            with self._attached(timeout=wait):
                pass
        except (StoreError, OSError):
            return False
        finally:
            self._mutex.release()
        return True

    @contextmanager
    def _attached(self, timeout: float = LOCK_TIMEOUT, apply: bool = True) -> Iterator[Cursor]:
        """Attach the file, and apply everything pending if `apply` is set.

        The caller holds the mutex. Nested calls share the session.
        """
        if self._session is not None:
            yield self._session
            return
        self._create_folder()
        option = READ_WRITE if self._writable and not self._full else READ_ONLY
        with self._locked(timeout):
            self._check_identity()
            if option == READ_WRITE and log_of(self.database).exists():
                repair_torn_blocks(self.database)
            with self._file.attached(option) as connection:
                self._check_schema(connection)
                if apply:
                    self._apply(connection)
                try:
                    self._session = connection
                    yield connection
                finally:
                    self._session = None

    def _locked(self, timeout: float) -> AbstractContextManager[None]:
        return self._file.locked(timeout) if self._writable else self._file.shared(timeout)

    def _apply(self, connection: Cursor) -> None:
        import duckdb

        if not self._writable or self._full:
            return
        self._behind = False
        try:
            if self._journal is not None and self._journal.unwritten:
                # The journal may be writable again, and data that waited was logged before this session.
                self._journal.flush()
            self._journals.apply(connection, self._journal.path if self._journal else None)
        except duckdb.InterruptException:
            # DuckDB interrupts other threads when the process exits. This is not an error: the journal keeps the data.
            raise
        except (duckdb.Error, OSError, StoreError) as error:
            self._behind = True
            warnings.warn(
                f"nbtrack could not apply data logged to {self.database}: {str(error).rstrip('.')}. The data stays in "
                "the journal. Reads return the state from before it was logged.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _check_schema(self, connection: Cursor) -> None:
        if self._known:
            return
        count = connection.execute(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_catalog = 'store' AND table_name = 'meta'"
        ).fetchone()
        if not count or not count[0]:
            with transaction(connection):
                connection.execute(schema.TABLES)
                sql_views.make(connection)
                connection.execute("INSERT INTO meta VALUES ('schema_version', $1)", [str(schema.VERSION)])
                self._create_default_experiment(connection)
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        version = int(row[0]) if row else 0
        if version > schema.VERSION:
            raise StoreTooNew(
                f"The store {self.folder} was created by a newer version of nbtrack (schema {version}; this version "
                f"supports {schema.VERSION}). Nothing was changed. Upgrade with `pip install -U nbtrack`."
            )
        if version < schema.VERSION:
            self._migrate(connection, version)
        if self._writable and not self._full and not sql_views.are_current(connection):
            with transaction(connection):
                sql_views.make(connection)
        self._known = True

    def _migrate(self, connection: Cursor, version: int) -> None:
        if not self._writable:
            raise StoreNotWritable(
                f"The store {self.folder} was created by an older version of nbtrack (schema {version}; this version "
                f"needs {schema.VERSION}) and cannot be migrated, because it cannot be written. Open it once with "
                "write permission, or copy it to a folder that you can write."
            )
        self._check_writable()
        kept = migrate(connection, self.database, version)
        print(
            f"nbtrack: the store {self.folder} was migrated from schema {version} to {schema.VERSION}. A copy of the "
            f"original database is in {kept}",
            file=sys.stderr,
        )

    def _create_folder(self) -> None:
        """Create the folder at first use, or after it was deleted, and print where it is."""
        if self._is_deleted():
            self._forget_deleted()
        self._full = not self._file.has_room()
        if self.database.exists():
            self._writable = os.access(self.folder, os.W_OK)
            return
        self._writable = True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._journals.folder.mkdir(exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n")
        except OSError as error:
            raise StoreNotWritable(
                f"A store cannot be created in {self.folder}: {error.strerror}. Grant write permission or free some "
                "space, or choose another folder with set_tracking_uri() or NBTRACK_TRACKING_URI."
            ) from error
        config.announce(str(self.folder), sys.stderr)

    def _check_identity(self) -> None:
        """Forget what is known about the file if it was replaced, such as by a backup or a repair.

        The caller holds the store's lock; otherwise the file could be replaced just after.
        """
        try:
            inode = self.database.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if not inode or inode != self._inode:
            self._known, self._inode = False, inode
            self._journals.forget()

    def _create_folder_if_possible(self) -> None:
        """Create the folder, but ignore a full disk.

        A run must be able to start on a full disk, while a wrong folder must be reported before its end.
        """
        try:
            self._create_folder()
        except StoreNotWritable as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in TRANSIENT:
                raise

    def _is_deleted(self) -> bool:
        journal = self._journal
        return (journal is not None and journal.is_deleted()) or (self._known and not self.database.exists())

    def _forget_deleted(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.abandon()
        self._known = False
        warnings.warn(
            f"The store {self.folder}, or its journal, was deleted while this process used it. Its active runs are "
            "lost. New runs are logged to a new store.",
            RuntimeWarning,
            stacklevel=2,
        )

    def _before_fork(self) -> None:
        self._mutex.acquire()
        if self._session is None:
            # DuckDB's threads do not exist in the child, where its instance could neither be used nor destroyed.
            self._file.drop()

    def _after_fork_in_parent(self) -> None:
        self._mutex.release()

    def _after_fork_in_child(self) -> None:
        _inherited.append(self._file)
        self._reset()


_inherited: list[Database] = []
"""Databases with an open session when the process forked. Their DuckDB must not be destroyed in the child."""


def _each(method: str) -> Any:
    def call() -> None:
        for store in list(_stores):
            getattr(store, method)()

    return call


# The hooks before a fork run in the reverse order of their registration, and a hook of filelock keeps its locks from
# being released. So filelock is imported first (by `database`), and these hooks end the sessions before it.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each("_before_fork"),
        after_in_parent=_each("_after_fork_in_parent"),
        after_in_child=_each("_after_fork_in_child"),
    )
