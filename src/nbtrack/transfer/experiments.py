"""Maps a source's experiments to those of the store with the same name, which are created if they do not exist.

A deleted experiment is not the same as an active experiment of its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..entities import LifecycleStage
from ..journal import now
from ..names import MAX_LENGTH, storable
from .cleaning import clean_experiment, until_error
from .records import Source, SourceExperiment, SourceRun
from .report import Report

if TYPE_CHECKING:
    from ..store.folder.store import FolderStore as Store
    from ..store.sql.base import Cursor


@dataclass(slots=True)
class TargetExperiment:
    """The experiment of the store that receives the runs of one of the source's experiments."""

    experiment_id: int
    name: str
    lifecycle_stage: str
    last_update_time: int
    source_deleted: int | None

    def stage_of(self, run: SourceRun) -> tuple[str, int | None]:
        """Return a run's lifecycle stage and, if it is deleted, when it was deleted.

        A run that was deleted with its experiment gets the experiment's time, so that both are restored together.
        """
        if self.lifecycle_stage == LifecycleStage.DELETED:
            alone = (
                run.lifecycle_stage == LifecycleStage.DELETED
                and run.deleted_time is not None
                and self.source_deleted is not None
                and run.deleted_time < self.source_deleted
            )
            return LifecycleStage.DELETED, run.deleted_time if alone else self.last_update_time
        if run.lifecycle_stage == LifecycleStage.DELETED:
            return LifecycleStage.DELETED, run.deleted_time or run.end_time or run.start_time
        return LifecycleStage.ACTIVE, None


def import_experiments(
    store: Store, source: Source, report: Report, only: str | None = None
) -> dict[str, TargetExperiment]:
    """Create the source's experiments, or the one named `only` for all of them. Return them by their source keys."""
    experiments = list(until_error(report, source.experiments(), "experiments after a broken place", source.name))
    with store.writing() as cursor:
        return {one.key: import_experiment(cursor, store, source, one, report, only) for one in experiments}


def import_experiment(
    cursor: Cursor, store: Store, source: Source, experiment: SourceExperiment, report: Report, only: str | None = None
) -> TargetExperiment:
    """Create an experiment of the source, or the one named `only` in its place, if it does not exist."""
    clean_experiment(experiment, report)
    wanted = experiment if only is None else SourceExperiment(experiment.key, only)
    target, is_new = _target(cursor, store, wanted, source.is_store)
    report.count("experiments", 1, is_new)
    return target


def _target(
    cursor: Cursor, store: Store, experiment: SourceExperiment, is_store: bool
) -> tuple[TargetExperiment, bool]:
    name = storable(experiment.name)[:MAX_LENGTH] if experiment.name.strip() else f"experiment {experiment.key}"
    stage = experiment.lifecycle_stage
    created = experiment.creation_time or now()
    updated = experiment.last_update_time or created
    row = cursor.execute(
        "SELECT experiment_id, creation_time, last_update_time FROM experiments "
        "WHERE name = $1 AND lifecycle_stage = $2 ORDER BY experiment_id LIMIT 1",
        [name, stage],
    ).fetchone()
    is_new, at_par = row is None, False
    if row is None:
        highest = cursor.execute("SELECT COALESCE(MAX(experiment_id), 0) FROM experiments").fetchone()
        assert highest is not None
        number = int(highest[0]) + 1
        cursor.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, "
            "last_update_time) VALUES ($1, $2, $3, $4, $5, $6)",
            [number, name, store.artifact_root(str(number)), stage, created, updated],
        )
        wins = True
    else:
        number, here_created, here_updated = row
        wins = not is_store or updated > here_updated
        at_par = is_store and updated == here_updated
        if experiment.creation_time is None:
            created, updated = here_created, here_updated
        created, updated = min(created, here_created), max(updated, here_updated)
        if (created, updated) != (here_created, here_updated):
            cursor.execute(
                "UPDATE experiments SET creation_time = $1, last_update_time = $2 WHERE experiment_id = $3",
                [created, updated, number],
            )
            # Runs that were deleted with the experiment are restored with it.
            cursor.execute(
                "UPDATE runs SET deleted_time = $1 WHERE experiment_id = $2 AND deleted_time = $3",
                [updated, number, here_updated],
            )
    _tags(cursor, number, experiment.tags, wins, at_par)
    return TargetExperiment(number, name, stage, updated, experiment.last_update_time), is_new


def _tags(cursor: Cursor, number: int, tags: dict[str, str], wins: bool, at_par: bool) -> None:
    """Add new tags, and replace values if the source `wins`. If `at_par`, the greater value of a tag wins."""
    here = dict(cursor.execute("SELECT key, value FROM experiment_tags WHERE experiment_id = $1", [number]).fetchall())
    for name, text in tags.items():
        key, value = storable(name), storable(text)
        if key in here and (here[key] == value or not (wins or (at_par and value > here[key]))):
            continue
        cursor.execute("DELETE FROM experiment_tags WHERE experiment_id = $1 AND key = $2", [number, key])
        cursor.execute(
            "INSERT INTO experiment_tags (experiment_id, key, value) VALUES ($1, $2, $3)", [number, key, value]
        )
