"""The store in a folder: sessions on its DuckDB file, the journal of this process, and when journals are applied."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import filelock

from ... import config
from ...artifact_store.blobs import Blobs
from ...artifact_store.detour import ArtifactDetour
from ...artifact_store.local import path_of_uri
from ...entities import Experiment, LifecycleStage, Rewound, RunInfo, RunStatus
from ...errors import InvalidParameter, NotFound, NotSupported, StoreError, StoreNotWritable, StoreTooNew
from ...journal import Journal, RunRecorder, events, syncing
from ...journal.recorder import tag_lines
from ...journal.writer import PASSING
from ...names import new_id
from ..protocol import DEFAULT_ID, DEFAULT_NAME, Snapshot
from ..sql import schema
from ..sql.base import Cursor, transaction
from ..sql.runs import check_runs
from ..sql.tables import SqlTables
from . import sql_views
from .background import Background
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

_RELATIVE = "artifacts:"
"""The prefix that stands for the store's own artifact folder in the tables."""
_EXPERIMENT_SECONDS = 5.0
_START_SECONDS = 5.0

_UNSETTLED = 0.05
"""Seconds after a change during which a file can change again without a new modification time."""

_stores: weakref.WeakSet[FolderStore] = weakref.WeakSet()


class FolderStore(RewindTables, SeriesTables, SqlTables):
    """A store folder with `runs.duckdb`, `journal/`, `artifacts/` and `blobs/`. It implements `protocol.Store`.

    Threads can share it; only one operation runs at a time. After a fork, the child process can use the store too, with
    its own journal and its own DuckDB.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "runs.duckdb"
        self.artifacts = folder / "artifacts"
        self.blobs = Blobs(folder / "blobs")
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        self._mutex = threading.RLock()
        self._session: Cursor | None = None
        self._in_transaction = False
        self._writable = True
        self._full = False
        self._behind = False
        self._inode = 0
        self._file = Database(self.database)
        self._journal: Journal | None = None
        self._journal_mutex = threading.Lock()
        self._journals = Journals(self.folder / "journal")
        self.artifact_detour = ArtifactDetour(self.folder)
        self._recorders: dict[str, RunRecorder] = {}
        self._made: set[str] = set()
        """The runs that this process has created."""
        self._experiments: dict[str, tuple[float, Experiment]] = {}
        self._known = False
        self._background: Background | None = None

    # -- writing events ------------------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """The journal of this process, created when it is first needed."""
        if self._journal is None:
            with self._journal_mutex:
                if self._journal is None:
                    self._make_if_there_is_room()
                    self._journal = Journal(self._journals.folder)
                    if self._background is None:
                        # If no thread can be started, reads still apply the journals, and closing the store syncs.
                        with suppress(RuntimeError):
                            self._background = Background(self._flush_and_apply, self._sync, syncing.SECONDS)
        return self._journal

    def close(self) -> None:
        """Write pending data, mark the journal as closed, and apply it if the store is free."""
        if self._background is not None:
            self._background.stop()
            self._background = None
        self.artifact_detour.close()
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
            self.try_apply(wait=1.0)
        if self._mutex.acquire(timeout=1.0):
            # DuckDB's Python module prints to stderr if a connection is still open when the interpreter exits.
            self._file.drop()
            self._mutex.release()

    def append(self, lines: bytes, *, runs: Sequence[str] = ()) -> None:
        """Write events to the journal of this process, after a check that `runs` exist and are not deleted."""
        if runs:
            with self.reading() as cursor:
                check_runs(cursor, runs, active=True)
        if lines:
            self.journal.append(lines)

    def _append(self, lines: bytes) -> None:
        self.journal.append(lines)

    def create_run(
        self, experiment_id: str, name: str, *, user_id: str, start_time: int, tags: Mapping[str, str]
    ) -> RunInfo:
        """Create a run that is written by this process."""
        experiment = self._experiment_for_new_runs(experiment_id)
        run_id = new_id()
        uri = f"{experiment.artifact_location}/{run_id}/artifacts"
        info = RunInfo(run_id, experiment.experiment_id, name, user_id, RunStatus.RUNNING, start_time, None, uri)
        # Encode the tags first, so that an invalid tag raises an error before the run exists.
        tags_set = tag_lines(run_id, tags)
        created = events.run(
            run_id,
            experiment_id=info.experiment_id,
            name=name,
            user_id=user_id,
            start_time=start_time,
            artifact_uri=self.relative(uri),
            writer=self.journal.writer,
        )
        self._append(created + tags_set)
        recorder = self._recorders[run_id] = RunRecorder(run_id, uri, self._append)
        recorder.start_time = start_time
        self._made.add(run_id)
        return info

    def recorder(self, run_id: str, *, resume: bool = False) -> RunRecorder:
        """Return the recorder of any run; with `resume`, set the run to RUNNING again."""
        recorder = None if resume else self._recorders.get(run_id)
        if recorder is None:
            (run,) = self.get_runs([run_id], strict=True)
            if run.info.lifecycle_stage != LifecycleStage.ACTIVE:
                raise InvalidParameter(
                    f"Run {run.info.run_name!r} ({run_id}) is deleted. Restore it with restore_run() before you log to "
                    "it."
                )
            recorder = RunRecorder(
                run_id, run.info.artifact_uri, self._append, self._last_steps(run_id), run.data.params
            )
            recorder.start_time = run.info.start_time
            self._recorders[run_id] = recorder
        if resume:
            recorder.status(RunStatus.RUNNING, writer=self.journal.writer)
        return recorder

    def _last_steps(self, run_id: str) -> dict[str, int]:
        return {key: step for key, (_, step) in self.last_points(run_id).items()}

    @overload
    def artifact_uri(self, run_id: str) -> str: ...
    @overload
    def artifact_uri(self, run_id: str, *, own: Literal[True]) -> str | None: ...
    def artifact_uri(self, run_id: str, *, own: bool = False) -> str | None:
        """Return where a run, deleted or not, keeps its artifacts; with `own`, without a query of the database."""
        recorder = self._recorders.get(run_id) if not own or run_id in self._made else None
        if recorder is not None:
            return recorder.artifact_uri
        return None if own else super().artifact_uri(run_id)

    def blobs_for(self, artifact_uri: str) -> Blobs | None:
        """Return the blobs with which equal files at this URI are shared; None outside the store's own folder.

        Another place may be a network share with its own rules, so files there are plain copies.
        """
        try:
            return self.blobs if path_of_uri(artifact_uri).is_relative_to(self.artifacts) else None
        except NotSupported:
            return None

    def _experiment_for_new_runs(self, experiment_id: str) -> Experiment:
        """Return an experiment, which may have been read a few seconds ago to save a loop of short runs the reads.

        Raises NotFound, and InvalidParameter if the experiment is deleted.
        """
        self._make_if_there_is_room()
        known = self._experiments.get(experiment_id)
        if known is None or time.monotonic() - known[0] > _EXPERIMENT_SECONDS:
            try:
                # Do not wait long, because another process may work on the file for minutes.
                patience = LOCK_TIMEOUT if known is None and experiment_id != DEFAULT_ID else _START_SECONDS
                with self._mutex, self._attached(patience):
                    known = (time.monotonic(), self.get_experiment(experiment_id))
            except StoreError:
                # Training must be able to start while another program holds the file, or while the disk is full.
                if known is None and experiment_id != DEFAULT_ID:
                    raise
                location = self.locate(self.artifact_root(DEFAULT_ID))
                known = known or (0.0, Experiment(DEFAULT_ID, DEFAULT_NAME, location))
            self._experiments[experiment_id] = known
        experiment = known[1]
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidParameter(
                f"Experiment {experiment.name!r} is deleted. Restore it with restore_experiment(), or choose another "
                "experiment."
            )
        return experiment

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> None:
        """Update an experiment, and read it again before the next run is created."""
        super().update_experiment(experiment_id, name=name, stage=stage, tags=tags)
        if stage is not None:
            self._experiments.clear()
            self._recorders.clear()

    def update_runs(
        self, run_ids: Sequence[str], *, stage: str | None = None, experiment_id: str | None = None
    ) -> list[str]:
        """Update runs, and forget the recorders of deleted ones."""
        changed = super().update_runs(run_ids, stage=stage, experiment_id=experiment_id)
        if stage == LifecycleStage.DELETED:
            for run_id in changed:
                self.forget_recorder(run_id)
        return changed

    def forget_recorder(self, run_id: str) -> None:
        """Read the run again the next time that data is logged to it."""
        self._recorders.pop(run_id, None)

    def run_ended(self) -> None:
        """Sync the journal now and apply it soon."""
        if self._background is not None:
            self._background.wake()

    def _flush_and_apply(self) -> None:
        # An error here will happen again at the next read, where the user sees it. An interrupt is meant for the main
        # thread, even if it ended a query of this one.
        with suppress(Exception, KeyboardInterrupt):
            if self._is_deleted():
                self._forget_deleted()
            if self._journal is not None:
                self.try_apply()

    def _sync(self) -> None:
        """Write data that had to wait into the journal, and sync the journal to disk."""
        with suppress(Exception, KeyboardInterrupt):
            if self._journal is not None:
                if self._journal.unwritten:
                    self._make()
                    self._journal.flush()
                self._journal.sync()
            if not self.artifact_detour.is_empty and self._file.has_room():
                self.artifact_detour.come_back()

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

    def locate(self, artifact_uri: str) -> str:
        """Return the absolute form of an artifact URI that a table holds."""
        if artifact_uri.startswith(_RELATIVE):
            # Strings are joined fast, and a table of 100,000 runs does this 100,000 times.
            return f"{self.artifacts}{os.sep}{artifact_uri.removeprefix(_RELATIVE)}"
        return artifact_uri

    def relative(self, artifact_uri: str) -> str:
        """Return the form in which a table holds an artifact URI, the inverse of `locate`."""
        root = f"{self.artifacts}{os.sep}"
        return _RELATIVE + artifact_uri.removeprefix(root) if artifact_uri.startswith(root) else artifact_uri

    def artifact_root(self, experiment_id: str) -> str:
        """Return the default artifact location of an experiment, as a table holds it."""
        return _RELATIVE + experiment_id

    @contextmanager
    def exclusive(self, task: str, patience: float) -> Iterator[None]:
        """Hold a lock file for the task."""
        lock = filelock.FileLock(self.folder / f"{task}.lock", timeout=patience, poll_interval=0.005)
        try:
            lock.acquire()
        except (OSError, filelock.Timeout):
            # The store cannot be written now, or another process hangs. The training must go on.
            yield
            return
        try:
            yield
        finally:
            lock.release()

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

    # -- sessions ------------------------------------------------------------------------------------------------

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

    def revision(self) -> Hashable:
        """Return the file's inode, size and modification time; None if the file does not exist."""
        try:
            file = os.stat(self.database)
        except OSError:
            return None
        seen = (file.st_ino, file.st_size, file.st_mtime_ns)
        return seen if time.time() - file.st_mtime > _UNSETTLED else (*seen, time.monotonic_ns())

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

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        """Delete a run's points after a step, once everything pending is applied."""
        with self._mutex, self._attached():
            # Points that were not applied yet would come back.
            self._check_applied()
            rewound = super().rewind_run(run_id, step)
        if run_id in self._recorders:
            self._recorders[run_id].recount(self._last_steps(run_id))
        return rewound

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

    @contextmanager
    def _attached(self, timeout: float = LOCK_TIMEOUT, apply: bool = True) -> Iterator[Cursor]:
        """Attach the file, and apply everything pending if `apply` is set.

        The caller holds the mutex. Nested calls share the session.
        """
        if self._session is not None:
            yield self._session
            return
        self._make()
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
                f"supports {schema.VERSION}). Nothing was changed. Upgrade with: pip install -U nbtrack"
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

    def _make(self) -> None:
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

    def _make_if_there_is_room(self) -> None:
        """Create the folder, but ignore a full disk.

        A run must be able to start on a full disk, while a wrong folder must be reported before its end.
        """
        try:
            self._make()
        except StoreNotWritable as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in PASSING:
                raise

    def _is_deleted(self) -> bool:
        journal = self._journal
        return (journal is not None and journal.is_deleted()) or (self._known and not self.database.exists())

    def _forget_deleted(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.abandon()
        self._known = False
        self._recorders.clear()
        self._experiments.clear()
        warnings.warn(
            f"The store {self.folder}, or its journal, was deleted while this process used it. Its active runs are "
            "lost. New runs are logged to a new store.",
            RuntimeWarning,
            stacklevel=2,
        )

    # -- forks ---------------------------------------------------------------------------------------------------

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
# being released. So filelock is imported first, and these hooks end the sessions before it.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each("_before_fork"),
        after_in_parent=_each("_after_fork_in_parent"),
        after_in_child=_each("_after_fork_in_child"),
    )
