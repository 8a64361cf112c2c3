"""Experiments in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

from ...entities import Experiment, LifecycleStage, PagedList, ViewType
from ...errors import AlreadyExists, Conflict, InvalidParameter, InvalidState, NotFound
from ...journal import now
from ...query import EXPERIMENTS, compile_search
from ..protocol import DEFAULT_ID, DEFAULT_NAME
from . import paging
from .base import Cursor, Tables, refused_if_taken

_HIGHEST = "highest_experiment_id"
"""The key in `meta`."""
_COLUMNS = "r.experiment_id, r.name, r.artifact_location, r.lifecycle_stage, r.creation_time, r.last_update_time"


class ExperimentTables(Tables):
    """Names are unique among the active experiments: a deleted one's name is free again."""

    def create_experiment(self, name: str, artifact_location: str | None, tags: Mapping[str, str]) -> str:
        """Make an experiment; its id. Raises AlreadyExists where an active one has the name."""
        with self.writing() as cursor:
            if self._find_experiments(cursor, "r.name = $1 AND r.lifecycle_stage = $2", [name, LifecycleStage.ACTIVE]):
                raise _name_taken(name)
            experiment_id = self.next_experiment_id(cursor)
            with refused_if_taken(self, _name_taken(name)):
                _insert(cursor, experiment_id, name, artifact_location or self.artifact_root(str(experiment_id)))
            for key, value in tags.items():
                cursor.execute("INSERT INTO experiment_tags VALUES ($1, $2, $3)", [experiment_id, key, value])
        return str(experiment_id)

    def remove_experiments(self, experiment_ids: Sequence[str]) -> None:
        """Remove experiments for good; no run may be left in them. Their ids are not used again."""
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
        """The id of an experiment that is about to be made: one that no other has or had."""
        return self._highest_id(cursor) + 1

    def _highest_id(self, cursor: Cursor) -> int:
        """The highest id that any experiment has or had."""
        rows = cursor.execute(
            "SELECT MAX(experiment_id) FROM experiments "
            "UNION ALL SELECT CAST(value AS BIGINT) FROM meta WHERE key = $1",
            [_HIGHEST],
        ).fetchall()
        return max(int(number or 0) for (number,) in rows)

    def artifact_root(self, experiment_id: str) -> str:
        """Where the runs of an experiment keep their artifacts unless it says otherwise, as a table holds it."""
        raise NotImplementedError

    def _create_default_experiment(self, cursor: Cursor) -> None:
        _insert(cursor, int(DEFAULT_ID), DEFAULT_NAME, self.artifact_root(DEFAULT_ID))

    @overload
    def get_experiment(self, experiment_id: str) -> Experiment: ...
    @overload
    def get_experiment(self, *, name: str) -> Experiment | None: ...
    def get_experiment(self, experiment_id: str | None = None, *, name: str | None = None) -> Experiment | None:
        """The experiment, deleted or not, by its id (raises NotFound), or by its name: the active one of this name;
        else the one deleted last; else None."""
        with self.reading() as cursor:
            if experiment_id is not None:
                return self._get_experiment(cursor, experiment_id)
            found = self._find_experiments(cursor, "r.name = $1", [name])
        found.sort(key=lambda e: (e.lifecycle_stage == LifecycleStage.ACTIVE, e.last_update_time), reverse=True)
        return found[0] if found else None

    def search_experiments(
        self, view: ViewType, max_results: int, filter_string: str, order_by: Sequence[str], page_token: str | None
    ) -> PagedList[Experiment]:
        """Experiments that match, newest change first unless `order_by` says otherwise."""
        paging.check_max_results(max_results, 50_000)
        offset = paging.offset_of(page_token)
        search = compile_search(filter_string, order_by, EXPERIMENTS)
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
        """Rename an experiment, delete or restore it together with its runs, set tags, delete those that are None.

        Raises NotFound where there is none (in the other stage, with such a tag), InvalidState where a deleted one is
        renamed, InvalidParameter where it is tagged, AlreadyExists where another active one has the name.
        """
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
            raise InvalidState(f"Experiment {experiment.name!r} is deleted. Restore it before renaming it.")
        others = self._find_experiments(cursor, "r.name = $1 AND r.lifecycle_stage = $2", [name, LifecycleStage.ACTIVE])
        taken = AlreadyExists(f"Experiment {name!r} exists already. Choose another name.")
        if any(other.experiment_id != experiment_id for other in others):
            raise taken
        with refused_if_taken(self, taken):
            cursor.execute(
                "UPDATE experiments SET name = $1, last_update_time = $2 WHERE experiment_id = $3",
                [name, now(), int(experiment_id)],
            )

    def _set_stage_of_experiment(self, cursor: Cursor, experiment_id: str, stage: str) -> None:
        experiment = self._get_experiment(cursor, experiment_id)
        if experiment.lifecycle_stage == stage:
            raise NotFound(f"Experiment {experiment.name!r} (id {experiment_id}) is {stage} already.")
        taken = AlreadyExists(
            f"The name {experiment.name!r} belongs to another experiment by now. Rename that one first."
        )
        if stage == LifecycleStage.ACTIVE:
            active = [experiment.name, LifecycleStage.ACTIVE]
            if self._find_experiments(cursor, "r.name = $1 AND r.lifecycle_stage = $2", active):
                raise taken
        time = now()
        # Runs that were deleted before their experiment stay deleted when it comes back.
        row = cursor.execute(
            "SELECT last_update_time FROM experiments WHERE experiment_id = $1", [int(experiment_id)]
        ).fetchone()
        assert row is not None
        if stage == LifecycleStage.DELETED:
            # Restoring tells by the time which runs went along: those deleted before, in this millisecond too, did not.
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
        with refused_if_taken(self, taken):
            cursor.execute(
                "UPDATE experiments SET lifecycle_stage = $1, last_update_time = $2 WHERE experiment_id = $3",
                [stage, time, int(experiment_id)],
            )

    def _set_tag(self, cursor: Cursor, experiment_id: str, key: str, value: str | None) -> None:
        experiment = self._get_experiment(cursor, experiment_id)
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidParameter(f"Experiment {experiment.name!r} is deleted. Restore it before tagging it.")
        if value is None and key not in experiment.tags:
            raise NotFound(f"Experiment {experiment.name!r} has no tag {key!r}.")
        cursor.execute("DELETE FROM experiment_tags WHERE experiment_id = $1 AND key = $2", [int(experiment_id), key])
        if value is not None:
            set_meanwhile = Conflict(
                f"Somebody else has set tag {key!r:.80} of experiment {experiment.name!r:.120} meanwhile. Set it again."
            )
            with refused_if_taken(self, set_meanwhile):
                cursor.execute("INSERT INTO experiment_tags VALUES ($1, $2, $3)", [int(experiment_id), key, value])

    def _get_experiment(self, cursor: Cursor, experiment_id: str) -> Experiment:
        try:
            number = int(experiment_id)
        except ValueError:
            raise InvalidParameter(
                f"Invalid experiment id {experiment_id!r}: it is a whole number. To find one by name use "
                "get_experiment_by_name."
            ) from None
        found = self._find_experiments(cursor, "r.experiment_id = $1", [number])
        if not found:
            raise NotFound(f"No experiment with id {experiment_id} exists. search_experiments() lists those that do.")
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
        f"Experiment {name!r} exists already. Use set_experiment({name!r}) to log to it, or another name."
    )


def _insert(cursor: Cursor, experiment_id: int, name: str, artifact_location: str) -> None:
    cursor.execute(
        "INSERT INTO experiments VALUES ($1, $2, $3, $4, $5, $5)",
        [experiment_id, name, artifact_location, LifecycleStage.ACTIVE, now()],
    )
