"""The store in a folder: the journal of this process, the recorders of its runs, and their artifacts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, overload

import filelock

from ...artifact_store.blobs import Blobs
from ...artifact_store.detour import ArtifactDetour
from ...artifact_store.local import path_of_uri
from ...entities import Experiment, LifecycleStage, Rewound, RunInfo, RunStatus, StopRequest
from ...errors import InvalidParameter, NotSupported, StoreError, StoreNotWritable
from ...journal import Journal, RunRecorder, events, syncing
from ...journal.reading import JournalFolder
from ...journal.recorder import tag_lines
from ...names import check_string, new_id
from ...tags import PARENT
from ..protocol import DEFAULT_ID, DEFAULT_NAME, StopState
from ..sql.runs import check_runs
from .background import Background
from .database import LOCK_TIMEOUT
from .sessions import FolderSessions
from .stopping import StopFiles, StopWatch, bounded
from .tail import JournalTail

_RELATIVE = "artifacts:"
"""The prefix that stands for the store's own artifact folder in the tables."""
_EXPERIMENT_SECONDS = 5.0
"""Seconds for which an experiment is not read again when runs are created in it."""
_START_SECONDS = 5.0
"""Seconds that creating a run in a known experiment waits for the database file."""


class FolderStore(FolderSessions):
    """A store folder with `runs.duckdb`, `journal/`, `artifacts/` and `blobs/`. It implements `protocol.Store`.

    Threads can share it; only one operation runs at a time. After a fork, the child process can use the store too, with
    its own journal and its own DuckDB.
    """

    def __init__(self, folder: Path) -> None:
        self.artifacts = folder / "artifacts"
        self.blobs = Blobs(folder / "blobs")
        super().__init__(folder)

    def _reset(self) -> None:
        super()._reset()
        self._journal_mutex = threading.Lock()
        self.artifact_detour = ArtifactDetour(self.folder)
        self._recorders: dict[str, RunRecorder] = {}
        self._created: set[str] = set()
        """The runs that this process has created."""
        self._experiments: dict[str, tuple[float, Experiment]] = {}
        self._background: Background | None = None
        self._stop_files = StopFiles(self.folder / "stop")
        self._stop_watch: StopWatch | None = None

    @property
    def journal(self) -> Journal:
        """The journal of this process, created when it is first needed."""
        if self._journal is None:
            with self._journal_mutex:
                if self._journal is None:
                    self._create_folder_if_possible()
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
        watch, self._stop_watch = self._stop_watch, None
        if watch is not None:
            watch.stop()
            self._look_for_stops()
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

    def tail(self, run_id: str, *, without: AbstractSet[str] = frozenset()) -> JournalTail | None:
        """Follow what this process logs to a run, without some tags. Returns None if it does not run it."""
        recorder = self._recorders.get(run_id)
        if recorder is None or not recorder.is_owner:
            # Another process logs to the run, even if this one has set a tag.
            return None
        return JournalTail(lambda: self._journal, run_id, without)

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
        recorder = RunRecorder(run_id, uri, self._append, name=name, parent=tags.get(PARENT), tags=tags)
        recorder.start_time = start_time
        recorder.is_running = recorder.is_owner = True
        self._add(recorder)
        self._created.add(run_id)
        return info

    def recorder(self, run_id: str, *, resume: bool = False) -> RunRecorder:
        """Return the recorder of any run; with `resume`, set the run to RUNNING again."""
        check_string(run_id, "run_id")
        recorder = None if resume else self._recorders.get(run_id)
        if recorder is None:
            (run,) = self.get_runs([run_id], strict=True)
            if run.info.lifecycle_stage != LifecycleStage.ACTIVE:
                raise InvalidParameter(
                    f"Run {run.info.run_name!r} ({run_id}) is deleted. Restore it with restore_run() before you log to "
                    "it."
                )
            recorder = RunRecorder(
                run_id,
                run.info.artifact_uri,
                self._append,
                self._last_steps(run_id),
                run.data.params,
                name=run.info.run_name,
                parent=run.data.tags.get(PARENT),
                tags=run.data.tags,
            )
            recorder.start_time = run.info.start_time
            recorder.is_running = run.info.status == RunStatus.RUNNING
            if resume:
                # A request was meant for the process that ran it before.
                self._stop_files.delete(run_id)
                recorder.is_owner = True
                recorder.status(RunStatus.RUNNING, writer=self.journal.writer)
            self._add(recorder)
        return recorder

    def _add(self, recorder: RunRecorder) -> None:
        self._recorders[recorder.run_id] = recorder
        if self._stop_watch is not None:
            self._stop_watch.wake()
        elif recorder.is_running:
            # If no thread can be started, the run can be stopped by this process, but not by others.
            with suppress(RuntimeError):
                self._stop_watch = StopWatch(self._look_for_stops)

    def _last_steps(self, run_id: str) -> dict[str, int]:
        return {key: step for key, (_, step) in self.last_points(run_id).items()}

    @overload
    def artifact_uri(self, run_id: str) -> str: ...
    @overload
    def artifact_uri(self, run_id: str, *, own: Literal[True]) -> str | None: ...
    def artifact_uri(self, run_id: str, *, own: bool = False) -> str | None:
        """Return where a run, deleted or not, keeps its artifacts; with `own`, without a query of the database."""
        check_string(run_id, "run_id")
        recorder = self._recorders.get(run_id) if not own or run_id in self._created else None
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
        self._create_folder_if_possible()
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

    def rewind_run(self, run_id: str, step: int) -> Rewound:
        """Delete a run's points after a step, once everything pending is applied."""
        with self._mutex, self._attached():
            # Points that were not applied yet would come back.
            self._check_applied()
            rewound = super().rewind_run(run_id, step)
        if run_id in self._recorders:
            self._recorders[run_id].recount(self._last_steps(run_id))
        return rewound

    def run_ended(self) -> None:
        """Sync the journal now and apply it soon."""
        if self._background is not None:
            self._background.wake()
        self._look_for_stops()

    # -- stopping ------------------------------------------------------------------------------------------------

    def request_stop(self, run_id: str, request: StopRequest) -> None:
        """Stop a run that this process runs at once. Another process finds the file of the request."""
        request = bounded(request)
        is_here = self._stop(run_id, request)
        try:
            self._stop_files.write(run_id, request)
        except OSError as error:
            if not is_here:
                raise StoreNotWritable(
                    f"The request to stop run {run_id!r:.80} cannot be written to {self.folder}: {error.strerror}."
                ) from error
        with suppress(StoreError):
            self._delete_old_requests(run_id)

    def _delete_old_requests(self, new: str) -> None:
        """Delete the requests of runs that have ended, which processes that were killed leave behind."""
        requested = [run_id for run_id in self._stop_files.all() if run_id != new]
        if not requested:
            # An alert stops its run from a log call, which must not wait for the lock of the database.
            return
        running = {run.info.run_id for run in self.get_runs(requested) if run.info.status == RunStatus.RUNNING}
        for run_id in requested:
            if run_id not in running:
                self._stop_files.delete(run_id)

    def stop_state(self, run_id: str) -> StopState:
        """Return whether a process would notice a request to stop a run, and the request if there is one."""
        recorder = self._recorders.get(run_id)
        if recorder is not None and recorder.is_owner:
            can_stop = recorder.is_running
        else:
            with self.reading() as cursor:
                sql = "SELECT writer FROM runs WHERE run_id = $1 AND status = $2"
                found = cursor.execute(sql, [run_id, RunStatus.RUNNING]).fetchone()
            can_stop = found is not None and found[0] in JournalFolder(self._journals.folder).writers()
        known = None if recorder is None else recorder.stop_request
        return StopState(can_stop, known or self._stop_files.find(run_id) if can_stop else None)

    def _look_for_stops(self) -> bool:
        """Pass the requests of other processes on to the runs of this one. Return whether some are running."""
        for run_id, request in self._stop_files.all().items():
            recorder = self._recorders.get(run_id)
            if recorder is not None and recorder.is_owner and not recorder.is_running:
                self._stop_files.delete(run_id)
            else:
                self._stop(run_id, request)
        return any(recorder.is_running for recorder in list(self._recorders.values()))

    def _stop(self, run_id: str, request: StopRequest) -> bool:
        """Stop a run, and the runs of this process that are nested in it. Return whether this process runs it."""
        recorders = list(self._recorders.values())
        wanted = {run_id}
        while more := {one.run_id for one in recorders if one.parent in wanted} - wanted:
            wanted |= more
        for recorder in recorders:
            if recorder.run_id in wanted and recorder.is_running and recorder.stop_request != request:
                recorder.request_stop(request)
        asked = self._recorders.get(run_id)
        return asked is not None and asked.is_owner and asked.is_running

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
                    self._create_folder()
                    self._journal.flush()
                self._journal.sync()
            if not self.artifact_detour.is_empty and self._file.has_room():
                self.artifact_detour.move_back()

    def locate(self, artifact_uri: str) -> str:
        """Return the absolute form of an artifact URI that a table holds."""
        if artifact_uri.startswith(_RELATIVE):
            # Strings are joined fast, and a table of 100,000 runs does this 100,000 times.
            return f"{self.artifacts}{os.sep}{artifact_uri.removeprefix(_RELATIVE)}"
        return artifact_uri

    def located(self, column: str) -> str:
        """Return the SQL of the absolute form of the artifact URI in a column."""
        root = f"{self.artifacts}{os.sep}".replace("'", "''")
        absolute = f"'{root}' || SUBSTR({column}, {len(_RELATIVE) + 1})"
        return f"(CASE WHEN {column} LIKE '{_RELATIVE}%' THEN {absolute} ELSE {column} END)"

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

    def _forget_deleted(self) -> None:
        # The journal goes first: a recorder that another thread creates meanwhile would write to the deleted one.
        try:
            super()._forget_deleted()
        finally:
            self._recorders.clear()
            self._experiments.clear()
