"""Imports a source's experiments and runs into a store. Only new data is added, and nothing is added twice.

Two runs are the same run if their IDs are equal. New points, params, tags, datasets and files go into the journal as
if they were logged now, so a kill leaves complete events, and the next import continues from there. If the two sides
differ, the one with the more recent state of the run wins (see `guide/moving.md`).
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifact_store.opening import open_repository
from ..entities import IMPORTED, LifecycleStage
from ..errors import InvalidParameter, StoreError
from ..journal import events
from ..names import MAX_LENGTH, storable
from ..progress import progress
from ..tags import RUN_NAME
from .cleaning import clean_points, clean_run, skipping_errors, until_error
from .experiments import TargetExperiment, import_experiment, import_experiments
from .files import Copier
from .here import PresentPoints, StoredRun, read_stored_runs
from .records import Points, Source, SourceExperiment, SourceRun
from .report import Report

if TYPE_CHECKING:
    from ..store.folder.store import FolderStore as Store

_RUNS_AT_ONCE = 100
_POINTS_AT_ONCE = 500_000


class Verdict(enum.Enum):
    """Which value wins if both sides have one and they differ: the store's (OURS), the source's (THEIRS) or neither."""

    OURS = enum.auto()
    THEIRS = enum.auto()
    GREATER = enum.auto()
    """The greater value. Any symmetric rule would do, so that the direction of the import does not matter."""

    def takes(self, theirs: Any, ours: Any) -> bool:
        """Return whether the source's value replaces the one here, which is None if there is none."""
        if ours is None:
            return True
        return bool(theirs != ours) and (self is Verdict.THEIRS or (self is Verdict.GREATER and theirs > ours))


class RunWriter:
    """An import of one source into one store."""

    def __init__(
        self, store: Store, source: Source, report: Report, experiment: str | None = None, follow_links: bool = False
    ) -> None:
        self._store = store
        self._source = source
        self._report = report
        self._experiment = experiment
        self._copier = Copier(report, follow_links)
        self._origin = f"{source.kind}: {Path(source.name).name}"
        self._targets: dict[str, TargetExperiment] = {}
        self._names: dict[int, tuple[str, str]] = {}
        self._waiting = 0
        self._late: list[tuple[str, list[Any]]] = []

    def write(self) -> None:
        """Import everything except the model registry."""
        self._targets = import_experiments(self._store, self._source, self._report, self._experiment)
        with self._store.reading() as cursor:
            rows = cursor.execute("SELECT experiment_id, name, lifecycle_stage FROM experiments").fetchall()
        self._names = {number: (name, stage) for number, name, stage in rows}
        with progress("Importing runs", total=self._source.run_count(), unit="runs") as bar:
            runs = until_error(self._report, self._source.runs(), "runs after a broken place", self._source.name)
            for batch in _batches(runs):
                here = read_stored_runs(self._store, [run.run_id for run in batch])
                self._present = PresentPoints(self._store, here.values())
                for run in batch:
                    is_kept = False
                    with skipping_errors(self._report, "runs that were not, or not completely, imported", run.name):
                        is_kept = self._run(run, here.get(run.run_id))
                    self._report.count("runs", 1, is_kept and run.run_id not in here)
                    bar.advance()
                self._finish_batch()

    def _run(self, run: SourceRun, here: StoredRun | None) -> bool:
        """Import a run. Return False if it cannot be imported at all."""
        clean_run(run, self._report)
        target = self._target(run.experiment)
        verdict = self._verdict(run, here)
        if here is None:
            # Always in the store's own folder, wherever the experiment's other runs keep their artifacts. The source
            # may have the same experiment with the same location, and deleting the run here would delete its files.
            uri = f"{self._store.artifact_root(str(target.experiment_id))}/{run.run_id}/artifacts"
            created = self._new(run, target, uri)
            if not created:
                return False
            self._append(created + self._mark(run))
            here_tags: dict[str, str] = {}
        else:
            uri = here.artifact_uri
            here_tags = here.tags
            self._change(run, here, target, verdict)
        self._append(self._params(run, here))
        self._append(self._tags(run, here_tags, verdict))
        self._append(self._inputs(run, here))
        self._files(run, here, here_tags, uri)
        self._metrics(run, here)
        # The status comes last, so that a run does not look finished if the import is killed halfway.
        ours = None if here is None else (here.end_time or 0, here.status)
        if verdict.takes((run.end_time or 0, run.status), ours):
            self._append(self._line(run, events.status, run.status, run.end_time))
        self._store.forget_recorder(run.run_id)
        return True

    def _line(self, run: SourceRun, make: Callable[..., bytes], *args: Any, **fields: Any) -> bytes:
        """Return an event of the run. If it has a value that no event can hold, report it and return an empty string.

        One bad value must not stop an import.
        """
        try:
            return make(run.run_id, *args, **fields)
        except InvalidParameter as error:
            self._report.add_missing("values that cannot be stored", f"{run.name}: {error}")
            return b""

    def _target(self, key: str) -> TargetExperiment:
        """Return the experiment that receives the runs of one of the source's experiments, which may be missing."""
        if key not in self._targets:
            if self._experiment is None:
                self._report.add_missing(_NAMELESS, key)
            with self._store.writing() as cursor:
                self._targets[key] = import_experiment(
                    cursor, self._store, self._source, SourceExperiment(key, ""), self._report, self._experiment
                )
        return self._targets[key]

    def _verdict(self, run: SourceRun, here: StoredRun | None) -> Verdict:
        """Return which side wins. Another tracker is the origin of its runs, an nbtrack store is not."""
        if here is None or run.recency > here.recency:
            return Verdict.THEIRS
        if run.recency < here.recency:
            return Verdict.OURS
        return Verdict.GREATER if self._source.is_store else Verdict.THEIRS

    def _new(self, run: SourceRun, target: TargetExperiment, artifact_uri: str) -> bytes:
        stage, deleted = target.stage_of(run)
        return self._line(
            run,
            events.run,
            experiment_id=str(target.experiment_id),
            name=storable(run.name)[:MAX_LENGTH] or run.run_id,
            user_id=storable(run.user_id),
            start_time=run.start_time,
            artifact_uri=artifact_uri,
            # The run was written elsewhere, so the death of no process here ends it.
            writer=None,
            lifecycle_stage=stage,
            deleted_time=deleted,
        )

    def _mark(self, run: SourceRun) -> bytes:
        return events.tag(run.run_id, IMPORTED, self._origin)

    def _change(self, run: SourceRun, here: StoredRun, target: TargetExperiment, verdict: Verdict) -> None:
        """Collect the changes to an existing run that are not events: its lifecycle stage and its experiment."""
        stage, deleted = target.stage_of(run)
        if stage == LifecycleStage.DELETED and here.lifecycle_stage == LifecycleStage.ACTIVE:
            self._late.append(
                ("UPDATE runs SET lifecycle_stage = $1, deleted_time = $2 WHERE run = $3", [stage, deleted, here.run])
            )
        if verdict.takes((target.name, target.lifecycle_stage), self._names[here.experiment_id]):
            self._late.append(
                ("UPDATE runs SET experiment_id = $1 WHERE run = $2", [target.experiment_id, here.run]),
            )

    def _params(self, run: SourceRun, here: StoredRun | None) -> bytes:
        lines = []
        earlier = [(param.key, param.value, param.timestamp) for param in run.param_history]
        for param in run.params:
            key, value = self._key(param.key, "params"), storable(param.value)
            time = run.start_time if param.timestamp is None else param.timestamp
            if key is None:
                continue
            known = None if here is None else here.params.get(key)
            is_new = known is None or (known[0] != value and (time, value) > (known[1], known[0]))
            if is_new:
                lines.append(self._line(run, events.param, key, value, time))
                is_new = bool(lines[-1])
            elif known is not None and known[0] != value:
                earlier.append((key, value, time))
            self._report.count("params", 1, is_new)
        for key, value, timestamp in earlier:
            if here is None or (key, value, timestamp) not in here.history:
                self._late.append((_INSERT_HISTORY, [run.run_id, key, value, timestamp]))
        return b"".join(lines)

    def _tags(self, run: SourceRun, here: dict[str, str], verdict: Verdict) -> bytes:
        lines = []
        for name, text in {**run.tags, RUN_NAME: run.name or run.run_id}.items():
            key, value = self._key(name, "tags"), storable(text)
            if key is None or key == IMPORTED:
                continue
            if key == RUN_NAME:
                value = value[:MAX_LENGTH]
            is_new = verdict.takes(value, here.get(key))
            if is_new:
                lines.append(events.tag(run.run_id, key, value))
            self._report.count("tags", 1, is_new)
        return b"".join(lines)

    def _inputs(self, run: SourceRun, here: StoredRun | None) -> bytes:
        lines = []
        for dataset in run.inputs:
            is_new = here is None or (dataset.name, dataset.digest, dataset.context) not in here.inputs
            if is_new:
                line = self._line(
                    run,
                    events.dataset,
                    dataset.name,
                    dataset.digest,
                    run.start_time if dataset.timestamp is None else dataset.timestamp,
                    source_type=dataset.source_type,
                    source=dataset.source,
                    schema=dataset.schema,
                    profile=dataset.profile,
                    context=dataset.context,
                    tags=dataset.tags,
                )
                lines.append(line)
                is_new = bool(line)
            self._report.count("datasets", 1, is_new)
        return b"".join(lines)

    def _files(self, run: SourceRun, here: StoredRun | None, here_tags: dict[str, str], uri: str) -> None:
        located = self._store.locate(uri)
        target = open_repository(located, blobs=self._store.blobs_for(located))
        lines = []
        is_marked = here is None or IMPORTED in here_tags

        def mark() -> None:
            # This comes before the file, because a kill must not leave an imported file that looks like our own.
            nonlocal is_marked
            if not is_marked:
                self._append(self._mark(run))
                is_marked = True

        logged = {} if here is None else here.artifacts
        for file in self._copier.copy(run.folders, run.contents, target, logged, mark):
            known = logged.get(file.path)
            if file.is_new or known is None or known.size != file.size:
                lines.append(self._line(run, events.artifact, file.path, file.size, file.timestamp))
            self._report.count("artifact files", 1, file.is_new)
        self._append(b"".join(lines))

    def _metrics(self, run: SourceRun, here: StoredRun | None) -> None:
        source = until_error(self._report, self._source.points(run), "metrics after a broken place", run.name)
        for points in source:
            key = self._key(points.key, "metrics")
            if key is None:
                continue
            found = len(points.steps)
            points = self._storable_points(points, run)
            known = None if here is None else self._present.of(here, key)
            if known is not None:
                points = known.missing(points)
            for line in events.series(run.run_id, key, points.steps, points.timestamps, points.values):
                self._append(line)
            self._report.count("metric points", found, len(points.steps))
            self._waiting += len(points.steps)
            if self._waiting >= _POINTS_AT_ONCE:
                self._apply()

    def _storable_points(self, points: Points, run: SourceRun) -> Points:
        """Return the points without those that a store cannot hold."""
        clean, skipped = clean_points(points)
        if skipped:
            self._report.add_missing(
                "points whose timestamp or step is out of range, or whose value is not a number",
                f"{run.name}: {points.key}",
                skipped,
            )
        return clean

    def _key(self, key: str, what: str) -> str | None:
        text = storable(key)
        if text.strip() and len(text) <= MAX_LENGTH:
            return text
        self._report.add_missing(f"{what} whose key is empty or longer than {MAX_LENGTH} characters", repr(key[:30]))
        return None

    def _append(self, lines: bytes) -> None:
        if lines:
            self._store.append(lines)
            if self._store.journal.unwritten:
                raise StoreError(
                    f"The disk of {self._store.folder} is full. Everything imported so far is kept. Free some space "
                    "and import again to add the rest."
                )

    def _apply(self) -> None:
        with self._store.reading():
            self._waiting = 0

    def _finish_batch(self) -> None:
        if not self._late:
            return
        with self._store.writing() as cursor:
            for statement, parameters in self._late:
                cursor.execute(statement, parameters)
        self._late.clear()


_NAMELESS = "experiments that are missing (their runs are in an experiment that is named after their ID)"
_INSERT_HISTORY = """
    INSERT INTO param_history (run, key, value, timestamp)
    SELECT run, $2, $3, $4 FROM runs WHERE run_id = $1 AND NOT EXISTS (
        SELECT 1 FROM param_history AS h WHERE h.run = runs.run AND h.key = $2 AND h.value = $3 AND h.timestamp = $4)
"""


def _batches(runs: Iterator[SourceRun]) -> Iterator[list[SourceRun]]:
    while batch := list(itertools.islice(runs, _RUNS_AT_ONCE)):
        yield batch
