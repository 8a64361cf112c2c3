"""SQL for experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

from ...entities import Experiment, LifecycleStage, PagedList, ViewType
from ...errors import AlreadyExists, Conflict, InvalidParameter, InvalidState, NotFound
from ...journal import now
from ...query import EXPERIMENTS, compile_search
from ..protocol import DEFAULT_ID, DEFAULT_NAME
from . import paging
from .base import Cursor, Tables, located_names, raising_if_taken

_HIGHEST = "highest_experiment_id"
"""The key in `meta` of the highest ID that an experiment had when experiments were removed."""
_COLUMNS = "r.experiment_id, r.name, r.artifact_location, r.lifecycle_stage, r.creation_time, r.last_update_time"


class ExperimentTables(Tables):
    """The experiments. Names are unique among active experiments, and the name of a deleted one can be used again."""

    def create_experiment(self, name: str, artifact_location: str | None, tags: Mapping[str, str]) -> str:
        """Create an experiment and return its ID."""
        with self.writing() as cursor:
            if self._find_experiments(cursor, "r.name = $1 AND r.lifecycle_stage = $2", [name, LifecycleStage.ACTIVE]):
                raise _name_taken(name)
            experiment_id = self.next_experiment_id(cursor)
            with raising_if_taken(self, _name_taken(name)):
                _insert(cursor, experiment_id, name, artifact_location or self.artifact_root(str(experiment_id)))
            for key, value in tags.items():
                cursor.execute("INSERT INTO experiment_tags VALUES ($1, $2, $3)", [experiment_id, key, value])
        return str(experiment_id)

    def remove_experiments(self, experiment_ids: Sequence[str]) -> None:
        """Remove experiments permanently. They must have no runs, and their IDs are not used again."""
        if not experiment_ids:
            return
        with self.writing() as cursor:
            highest = self._highest_id(cursor)
            cursor.execute("DELETE FROM meta WHERE key = $1", [_HIGHEST])
            cursor.execute("INSERT INTO meta (key, value) VALUES ($1, $2)", [_HIGHEST, str(highest)])
            for experiment_id in experiment_ids:
                for table in ("experiment_tags", "experiments"):
                    cursor.execute(f"DELETE FROM {table} WHERE experiment_id = $1", [int(experiment_id)])

    def next_experiment_id(self, cursor: Cursor) -> int:
        """Return an ID for a new experiment, which no other experiment has or had."""
        return self._highest_id(cursor) + 1

    def _highest_id(self, cursor: Cursor) -> int:
        """Return the highest ID that any experiment has or had."""
        rows = cursor.execute(
            "SELECT MAX(experiment_id) FROM experiments "
            "UNION ALL SELECT CAST(value AS BIGINT) FROM meta WHERE key = $1",
            [_HIGHEST],
        ).fetchall()
        return max(int(number or 0) for (number,) in rows)

    def artifact_root(self, experiment_id: str) -> str:
        """Return the default artifact location of an experiment, as a table holds it."""
        raise NotImplementedError

    def _create_default_experiment(self, cursor: Cursor) -> None:
        _insert(cursor, int(DEFAULT_ID), DEFAULT_NAME, self.artifact_root(DEFAULT_ID))

    @overload
    def get_experiment(self, experiment_id: str) -> Experiment: ...
    @overload
    def get_experiment(self, *, name: str) -> Experiment | None: ...
    def get_experiment(self, experiment_id: str | None = None, *, name: str | None = None) -> Experiment | None:
        """Return an experiment by its ID or its name."""
        with self.reading() as cursor:
            if experiment_id is not None:
                return self._get_experiment(cursor, experiment_id)
            found = self._find_experiments(cursor, "r.name = $1", [name])
        found.sort(key=lambda e: (e.lifecycle_stage == LifecycleStage.ACTIVE, e.last_update_time), reverse=True)
        return found[0] if found else None

    def search_experiments(
        self, view: ViewType, max_results: int, filter_string: str, order_by: Sequence[str], page_token: str | None
    ) -> PagedList[Experiment]:
        """Return a page of the experiments that match."""
        paging.check_max_results(max_results, 50_000)
        offset = paging.offset_of(page_token)
        search = compile_search(filter_string, order_by, located_names(self, EXPERIMENTS))
        stages = ", ".join(f"'{stage}'" for stage in view.stages)
        with self.reading() as cursor:
            found = self._select_experiments(
                cursor,
                f"{search.joins} WHERE ({search.where}) AND r.lifecycle_stage IN ({stages}) "
                f"ORDER BY {search.order_by} LIMIT {max_results + 1} OFFSET {offset}",
                search.parameters,
            )
        more = len(found) > max_results
        return PagedList(found[:max_results], paging.token_for(offset + max_results) if more else None)

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> None:
        """Rename an experiment, delete or restore it, or change its tags."""
        with self.writing() as cursor:
            if name is not None:
                self._rename(cursor, experiment_id, name)
            if stage is not None:
                self._set_stage_of_experiment(cursor, experiment_id, stage)
            for key, value in (tags or {}).items():
                self._set_tag(cursor, experiment_id, key, value)

    def _rename(self, cursor: Cursor, experiment_id: str, name: str) -> None:
        experiment = self._get_experiment(cursor, experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidState(
                f"Experiment {experiment.name!r} is deleted. Restore it with restore_experiment() before you rename it."
            )
        others = self._find_experiments(cursor, "r.name = $1 AND r.lifecycle_stage = $2", [name, LifecycleStage.ACTIVE])
        taken = AlreadyExists(f"Experiment {name!r} already exists. Choose another name.")
        if any(other.experiment_id != experiment_id for other in others):
            raise taken
        with raising_if_taken(self, taken):
            cursor.execute(
                "UPDATE experiments SET name = $1, last_update_time = $2 WHERE experiment_id = $3",
                [name, now(), int(experiment_id)],
            )

    def _set_stage_of_experiment(self, cursor: Cursor, experiment_id: str, stage: str) -> None:
        experiment = self._get_experiment(cursor, experiment_id)
        if experiment.lifecycle_stage == stage:
            raise NotFound(f"Experiment {experiment.name!r} (ID {experiment_id}) is already {stage}.")
        taken = AlreadyExists(
            f"The name {experiment.name!r} now belongs to another experiment. Rename that experiment first."
        )
        if stage == LifecycleStage.ACTIVE:
            active = [experiment.name, LifecycleStage.ACTIVE]
            if self._find_experiments(cursor, "r.name = $1 AND r.lifecycle_stage = $2", active):
                raise taken
        time = now()
        # Runs that were deleted before their experiment stay deleted when the experiment is restored.
        row = cursor.execute(
            "SELECT last_update_time FROM experiments WHERE experiment_id = $1", [int(experiment_id)]
        ).fetchone()
        assert row is not None
        if stage == LifecycleStage.DELETED:
            # Restoring finds the runs that were deleted with the experiment by their time. So the time must differ
            # from that of runs deleted before, even in the same millisecond.
            last = cursor.execute(
                "SELECT MAX(deleted_time) FROM runs WHERE experiment_id = $1", [int(experiment_id)]
            ).fetchone()
            if last and last[0] is not None:
                time = max(time, last[0] + 1)
            cursor.execute(
                "UPDATE runs SET lifecycle_stage = $1, deleted_time = $2 "
                "WHERE experiment_id = $3 AND lifecycle_stage = 'active'",
                [stage, time, int(experiment_id)],
            )
        else:
            cursor.execute(
                "UPDATE runs SET lifecycle_stage = $1, deleted_time = NULL "
                "WHERE experiment_id = $2 AND deleted_time = $3",
                [stage, int(experiment_id), row[0]],
            )
        with raising_if_taken(self, taken):
            cursor.execute(
                "UPDATE experiments SET lifecycle_stage = $1, last_update_time = $2 WHERE experiment_id = $3",
                [stage, time, int(experiment_id)],
            )

    def _set_tag(self, cursor: Cursor, experiment_id: str, key: str, value: str | None) -> None:
        experiment = self._get_experiment(cursor, experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidParameter(
                f"Experiment {experiment.name!r} is deleted. Restore it with restore_experiment() before you change "
                "its tags."
            )
        if value is None and key not in experiment.tags:
            raise NotFound(f"Experiment {experiment.name!r} has no tag {key!r}.")
        cursor.execute("DELETE FROM experiment_tags WHERE experiment_id = $1 AND key = $2", [int(experiment_id), key])
        if value is not None:
            conflict = Conflict(
                f"Another process has set tag {key!r:.80} of experiment {experiment.name!r:.120} at the same time. Set "
                "the tag again."
            )
            with raising_if_taken(self, conflict):
                cursor.execute("INSERT INTO experiment_tags VALUES ($1, $2, $3)", [int(experiment_id), key, value])

    def _get_experiment(self, cursor: Cursor, experiment_id: str) -> Experiment:
        try:
            number = int(experiment_id)
        except ValueError:
            raise InvalidParameter(
                f"Experiment ID must be an integer, not {experiment_id!r:.80}. To find an experiment by its name, use "
                "get_experiment_by_name()."
            ) from None
        found = self._find_experiments(cursor, "r.experiment_id = $1", [number])
        if not found:
            raise NotFound(
                f"Experiment {experiment_id!r:.80} does not exist. search_experiments() returns all experiments."
            )
        return found[0]

    def _find_experiments(self, cursor: Cursor, condition: str, parameters: Sequence[object]) -> list[Experiment]:
        return self._select_experiments(cursor, f"WHERE {condition}", parameters)

    def _select_experiments(self, cursor: Cursor, rest: str, parameters: Sequence[object]) -> list[Experiment]:
        rows = cursor.execute(f"SELECT {_COLUMNS} FROM experiments AS r {rest}", list(parameters)).fetchall()
        tags: dict[int, dict[str, str]] = {}
        if rows:
            for experiment_id, key, value in cursor.execute(
                "SELECT experiment_id, key, value FROM experiment_tags"
            ).fetchall():
                tags.setdefault(experiment_id, {})[key] = value
        return [
            Experiment(str(row[0]), row[1], self.locate(row[2]), row[3], row[4], row[5], tags.get(row[0], {}))
            for row in rows
        ]


def _name_taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"Experiment {name!r} already exists. Use set_experiment({name!r}) to log to it, or choose another name."
    )


def _insert(cursor: Cursor, experiment_id: int, name: str, artifact_location: str) -> None:
    cursor.execute(
        "INSERT INTO experiments VALUES ($1, $2, $3, $4, $5, $5)",
        [experiment_id, name, artifact_location, LifecycleStage.ACTIVE, now()],
    )
