"""The store in a folder: sessions on its DuckDB file, this process's journal, and when the journals are applied."""

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
from .torn import mend

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_RELATIVE = "artifacts:"
"""What the tables write for the store's own artifact folder."""
_EXPERIMENT_SECONDS = 5.0
_START_SECONDS = 5.0

_UNSETTLED = 0.05
"""A file that was changed less than so many seconds ago can change again and keep its time of change."""

_stores: weakref.WeakSet[FolderStore] = weakref.WeakSet()


class FolderStore(RewindTables, SeriesTables, SqlTables):
    """A store folder: `runs.duckdb`, `journal/`, `artifacts/`, `blobs/`. Its public face is `Store` in `protocol.py`.

    Threads may share it; their operations follow one another. After a fork the child has the store too, with a
    journal and a DuckDB of its own.
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
        """The runs that this process has made."""
        self._experiments: dict[str, tuple[float, Experiment]] = {}
        self._known = False
        self._background: Background | None = None

    # -- writing events ------------------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """This process's journal, made when it is first needed."""
        if self._journal is None:
            with self._journal_mutex:
                if self._journal is None:
                    self._make_if_there_is_room()
                    self._journal = Journal(self._journals.folder)
                    if self._background is None:
                        # Without a thread (there may be no room for one either) reads apply, and a close syncs.
                        with suppress(RuntimeError):
                            self._background = Background(self._flush_and_apply, self._sync, syncing.SECONDS)
        return self._journal

    def close(self) -> None:
        """Write what is left, apply it where the store is free, and say that this process is done."""
        if self._background is not None:
            self._background.stop()
            self._background = None
        self.artifact_detour.close()
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
            self.try_apply(wait=1.0)
        if self._mutex.acquire(timeout=1.0):
            # DuckDB's Python module complains on stderr of what is left over when the interpreter goes down.
            self._file.drop()
            self._mutex.release()

    def append(self, lines: bytes, *, runs: Sequence[str] = ()) -> None:
        """Write events to this process's journal. With `runs`, these must exist and not be deleted."""
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
        """Make a run that this process writes. Raises NotFound, and InvalidParameter for a deleted experiment."""
        experiment = self._experiment_for_new_runs(experiment_id)
        run_id = new_id()
        uri = f"{experiment.artifact_location}/{run_id}/artifacts"
        info = RunInfo(run_id, experiment.experiment_id, name, user_id, RunStatus.RUNNING, start_time, None, uri)
        # Before the run's own event, so that a tag that cannot be kept is refused by its name.
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
        """The recorder of any run, which is RUNNING again where `resume` is set.

        Raises NotFound, and InvalidParameter for a deleted run.
        """
        recorder = None if resume else self._recorders.get(run_id)
        if recorder is None:
            (run,) = self.get_runs([run_id], strict=True)
            if run.info.lifecycle_stage != LifecycleStage.ACTIVE:
                raise InvalidParameter(
                    f"Run {run.info.run_name!r} ({run_id}) is deleted. Restore it with restore_run before logging "
                    "to it."
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
        """Where a run, deleted or not, keeps its artifacts. Raises NotFound.

        With `own`, None for a run that this process has not made; the database is not asked then.
        """
        recorder = self._recorders.get(run_id) if not own or run_id in self._made else None
        if recorder is not None:
            return recorder.artifact_uri
        return None if own else super().artifact_uri(run_id)

    def blobs_for(self, artifact_uri: str) -> Blobs | None:
        """Where equal files of these artifacts are found; None where they are not in the store's own folder.

        Elsewhere may be a share that others write, with rules of its own: files there are plain copies.
        """
        try:
            return self.blobs if path_of_uri(artifact_uri).is_relative_to(self.artifacts) else None
        except NotSupported:
            return None

    def _experiment_for_new_runs(self, experiment_id: str) -> Experiment:
        """An experiment as of the last few seconds, so that a loop of short runs need not read for each.

        Raises NotFound, and InvalidParameter for a deleted experiment.
        """
        self._make_if_there_is_room()
        known = self._experiments.get(experiment_id)
        if known is None or time.monotonic() - known[0] > _EXPERIMENT_SECONDS:
            try:
                # Not in line for long where somebody works on the file for minutes.
                patience = LOCK_TIMEOUT if known is None and experiment_id != DEFAULT_ID else _START_SECONDS
                with self._mutex, self._attached(patience):
                    known = (time.monotonic(), self.get_experiment(experiment_id))
            except StoreError:
                # Training must be able to start while somebody else holds the file, or the disk is full.
                if known is None and experiment_id != DEFAULT_ID:
                    raise
                location = self.locate(self.artifact_root(DEFAULT_ID))
                known = known or (0.0, Experiment(DEFAULT_ID, DEFAULT_NAME, location))
            self._experiments[experiment_id] = known
        experiment = known[1]
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidParameter(
                f"Experiment {experiment.name!r} is deleted. Restore it with restore_experiment, or choose another."
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
        super().update_experiment(experiment_id, name=name, stage=stage, tags=tags)
        if stage is not None:
            self._experiments.clear()
            self._recorders.clear()

    def update_runs(
        self, run_ids: Sequence[str], *, stage: str | None = None, experiment_id: str | None = None
    ) -> list[str]:
        changed = super().update_runs(run_ids, stage=stage, experiment_id=experiment_id)
        if stage == LifecycleStage.DELETED:
            for run_id in changed:
                self.forget_recorder(run_id)
        return changed

    def forget_recorder(self, run_id: str) -> None:
        """Look at the run anew the next time that something is logged to it."""
        self._recorders.pop(run_id, None)

    def nudge(self) -> None:
        """Ask for an apply soon (a run has ended)."""
        if self._background is not None:
            self._background.nudge()

    def _flush_and_apply(self) -> None:
        # Whatever goes wrong here goes wrong at the next read too, in front of somebody. An interrupt is for the main
        # thread, whatever query of this one it cut short.
        with suppress(Exception, KeyboardInterrupt):
            if self._is_deleted():
                self._forget_deleted()
            if self._journal is not None:
                self.try_apply()

    def _sync(self) -> None:
        """Bring what went by a detour into the journal, and the journal to disk."""
        with suppress(Exception, KeyboardInterrupt):
            if self._journal is not None:
                if self._journal.unwritten:
                    self._make()
                    self._journal.flush()
                self._journal.sync()
            if not self.artifact_detour.is_empty and self._file.has_room():
                self.artifact_detour.come_back()

    def try_apply(self, wait: float = 0.0) -> bool:
        """Apply the journals if the store is free within `wait` seconds; False where it is not."""
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
        if artifact_uri.startswith(_RELATIVE):
            # Joined as texts, for a table of 100,000 runs asks 100,000 times.
            return f"{self.artifacts}{os.sep}{artifact_uri.removeprefix(_RELATIVE)}"
        return artifact_uri

    def relative(self, artifact_uri: str) -> str:
        """The form in which a table holds an artifact URI; `locate` is the way back."""
        root = f"{self.artifacts}{os.sep}"
        return _RELATIVE + artifact_uri.removeprefix(root) if artifact_uri.startswith(root) else artifact_uri

    def artifact_root(self, experiment_id: str) -> str:
        return _RELATIVE + experiment_id

    @contextmanager
    def exclusive(self, task: str, patience: float) -> Iterator[None]:
        lock = filelock.FileLock(self.folder / f"{task}.lock", timeout=patience, poll_interval=0.005)
        try:
            lock.acquire()
        except (OSError, filelock.Timeout):
            # The store cannot be written now, or somebody hangs: the training goes on.
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def check_exists(self) -> None:
        """Raise NotFound where nothing was ever logged, for what looks after a store and has no use for a new one."""
        if self.database.exists() or self._journals.folder.is_dir():
            return
        inner = self.folder / config.STORE_FOLDER
        there = f" There is one in {inner}." if inner.is_dir() else ""
        raise NotFound(
            f"There is no store in {self.folder}.{there} Name one with set_tracking_uri (on the command line: --store)."
        )

    # -- sessions ------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        with self._mutex, self._attached() as connection:
            yield connection

    @contextmanager
    def snapshot(self, *, fresh: bool = True) -> Iterator[Snapshot]:
        """Let several reads see one state; what waits in the journals is not applied for it unless it is `fresh`."""
        with self._mutex, self._attached(apply=fresh):
            waits = self._behind or (self._journal is not None and self._journal.unwritten)
            yield Snapshot(is_complete=fresh and not waits)

    def revision(self) -> Hashable:
        """What the file looks like from outside: its inode, size and time of change. None where there is none."""
        try:
            file = os.stat(self.database)
        except OSError:
            return None
        seen = (file.st_ino, file.st_size, file.st_mtime_ns)
        return seen if time.time() - file.st_mtime > _UNSETTLED else (*seen, time.monotonic_ns())

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
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
                f"The store in {self.folder} cannot be written. Grant the permission, or name another folder "
                "with set_tracking_uri."
            )
        if self._full:
            raise StoreNotWritable(f"The disk that {self.folder} is on is full. Free some space and try again.")

    def _check_applied(self) -> None:
        if self._behind:
            raise StoreError(f"What was logged to {self.folder} cannot be applied now. See the warning before this.")

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        with self._mutex, self._attached():
            # Points that wait would come back.
            self._check_applied()
            rewound = super().rewind_run(run_id, step)
        if run_id in self._recorders:
            self._recorders[run_id].recount(self._last_steps(run_id))
        return rewound

    @contextmanager
    def checkpointed(self) -> Iterator[None]:
        """Everything that was logged in the database file itself, which nobody else can open meanwhile."""
        with self._mutex, self._attached() as connection:
            self._check_writable()
            self._check_applied()
            connection.execute("CHECKPOINT")
            yield

    @contextmanager
    def as_it_is(self) -> Iterator[Cursor]:
        """A session on the file read-only, with nothing applied and nothing migrated before."""
        with self.alone(), self._file.attached(READ_ONLY) as connection:
            yield connection

    @contextmanager
    def before_applying(self) -> Iterator[Cursor]:
        """A session that is one transaction, with nothing applied before it."""
        with self._mutex, self._attached(apply=False) as connection:
            self._check_writable()
            with transaction(connection):
                yield connection

    @property
    def is_behind(self) -> bool:
        """Whether the last session could not apply what was logged."""
        return self._behind

    @property
    def journals(self) -> Journals:
        """The journal folder, as a reader sees it."""
        return self._journals

    def sql(self, query: str, parameters: Sequence[Any], take: Callable[[duckdb.DuckDBPyRelation], T]) -> T:
        """What `take` makes of the rows of a read-only statement on the views of the schema `nbtrack`.

        Raises InvalidParameter with DuckDB's own words where the statement is wrong or would write.
        """
        # concurrent.futures takes milliseconds to import, and few processes run SQL by hand.
        from .readonly import run_readonly

        with self._mutex:
            with self._attached():
                pass
            with self._locked(LOCK_TIMEOUT):
                return run_readonly(self.database, query, parameters, take)

    @contextmanager
    def alone(self, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """The store's lock with the database file closed, for work on the file itself. Not inside a session."""
        self._writable = os.access(self.folder, os.W_OK)
        with self._mutex:
            assert self._session is None
            self._file.drop()
            with self._locked(timeout):
                yield

    @contextmanager
    def _attached(self, timeout: float = LOCK_TIMEOUT, apply: bool = True) -> Iterator[Cursor]:
        """The file attached, and everything pending applied if `apply` is set.

        Called with the mutex held; nested calls share it.
        """
        if self._session is not None:
            yield self._session
            return
        self._make()
        option = READ_WRITE if self._writable and not self._full else READ_ONLY
        with self._locked(timeout):
            self._recognise()
            if option == READ_WRITE and log_of(self.database).exists():
                mend(self.database)
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
                # The trouble is over: what went by a detour belongs to what was logged before this session.
                self._journal.flush()
            self._journals.apply(connection, self._journal.path if self._journal else None)
        except duckdb.InterruptException:
            # DuckDB ends the work of other threads so when the process goes down: no fault; the journal keeps it.
            raise
        except (duckdb.Error, OSError, StoreError) as error:
            self._behind = True
            warnings.warn(
                f"nbtrack could not apply what was logged to {self.database}: {error}. It stays in the journal; what "
                "you see is as of the last time that it could.",
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
                f"The store {self.folder} was made by a newer nbtrack (schema {version}; this one knows "
                f"{schema.VERSION}). Nothing was changed. Upgrade with: pip install -U nbtrack"
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
                f"The store {self.folder} was made by an older nbtrack (schema {version}; this one has "
                f"{schema.VERSION}) and cannot be written. Open it once where it can be, or copy it to such a place."
            )
        self._check_writable()
        kept = migrate(connection, self.database, version)
        print(
            f"nbtrack: the store {self.folder} was brought from schema {version} to {schema.VERSION}; a copy of the "
            f"database as it was is in {kept}",
            file=sys.stderr,
        )

    def _make(self) -> None:
        """Make the folder at first use, and say where it is; again where somebody has deleted it."""
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
                f"Cannot make a store in {self.folder}: {error.strerror}. Grant the permission or free some space, or "
                "name another folder with set_tracking_uri or NBTRACK_TRACKING_URI."
            ) from error
        config.announce(str(self.folder), sys.stderr)

    def _recognise(self) -> None:
        """Look at the file anew where it is another one: a backup that somebody has put in its place, or a repaired
        one. Called under the store's lock, or it could become another one just after."""
        try:
            inode = self.database.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if not inode or inode != self._inode:
            self._known, self._inode = False, inode
            self._journals.forget()

    def _make_if_there_is_room(self) -> None:
        """A full disk must not keep a run from its start; a wrong folder must not be found out at its end."""
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
            f"The store {self.folder}, or its journal, was deleted while this process used it. Runs that are open are "
            "gone with it; new ones go into a new store.",
            RuntimeWarning,
            stacklevel=2,
        )

    # -- forks ---------------------------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        self._mutex.acquire()
        if self._session is None:
            # DuckDB's threads do not come along: in the child its instance could neither be used nor be destroyed.
            self._file.drop()

    def _after_fork_in_parent(self) -> None:
        self._mutex.release()

    def _after_fork_in_child(self) -> None:
        _inherited.append(self._file)
        self._reset()


_inherited: list[Database] = []
"""A DuckDB in the middle of a session when the process forked: it must not be destroyed here."""


def _each(method: str) -> Any:
    def call() -> None:
        for store in list(_stores):
            getattr(store, method)()

    return call


# The hooks before a fork run in the reverse order of their registration, and filelock has one that keeps its locks
# from being given back. So it is imported above, by `database`: our sessions end first.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each("_before_fork"),
        after_in_parent=_each("_after_fork_in_parent"),
        after_in_child=_each("_after_fork_in_child"),
    )
