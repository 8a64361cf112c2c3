"""SQL for runs: searching, reading, deleting, restoring and moving them."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Sequence
from typing import Any, Literal, overload

from ...entities import (
    DATASET_CONTEXT,
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    PagedList,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    ViewType,
)
from ...errors import InvalidParameter, NotFound
from ...journal import now
from ...names import check_string
from ...query import RUNS, compile_search
from ...query.grouping import compile_grouping, has_keys
from ...tags import PARENT
from . import paging
from .base import Cursor, Tables, in_experiments, located_names

INFO = (
    "r.run, r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.start_time, r.end_time, r.artifact_uri, "
    "r.lifecycle_stage"
)
JOIN_IDS = "JOIN UNNEST(CAST($1 AS VARCHAR[])) AS ids(run_id) ON ids.run_id = r.run_id"
"""Restricts `runs AS r` to the IDs in the first parameter."""
# One statement reads all three tables, because planning costs more than finding the rows of a page.
_METRICS = "SELECT 'metrics', run, key COLLATE \"C\", value, NULL FROM latest_metrics WHERE {runs}"
_PARAMS = "SELECT 'params', run, key COLLATE \"C\", CAST(NULL AS DOUBLE PRECISION), value FROM params WHERE {runs}"
_TAGS = "SELECT 'tags', run, key COLLATE \"C\", CAST(NULL AS DOUBLE PRECISION), value FROM tags WHERE {runs}"
_THESE = " AND key IN (SELECT UNNEST(CAST(${n} AS VARCHAR[])))"
_INPUTS = """
    SELECT run, tags, context, name, digest, source_type, source, schema, profile FROM inputs WHERE {runs}
    ORDER BY timestamp, name COLLATE "C"
"""
_FEW = 100
"""Up to so many runs are written into the SQL, so that the database can skip blocks of the tables that have none."""


class RunTables(Tables):
    """Reading, deleting, restoring and moving runs. They are created, changed and ended through the journal."""

    def get_runs(
        self,
        run_ids: Sequence[str],
        *,
        strict: bool = False,
        params: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> list[Run]:
        """Return runs in the order of `run_ids`."""
        for run_id in run_ids:
            check_string(run_id, "run_id")
        with self.reading() as cursor:
            rows = cursor.execute(f"SELECT {INFO} FROM runs AS r {JOIN_IDS}", [list(run_ids)]).fetchall()
            runs = {run.info.run_id: run for run in self._with_data(cursor, rows, params, metrics)}
        if strict:
            check_known(run_ids, runs)
        return [runs[run_id] for run_id in run_ids if run_id in runs]

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        view: ViewType,
        max_results: int,
        order_by: Sequence[str],
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Return a page of the runs that match."""
        paging.check_max_results(max_results, 1_000_000)
        offset = paging.offset_of(page_token)
        found, joins, order, parameters = matching(self, experiment_ids, filter_string, view, order_by)
        with self.reading() as cursor:
            rows = cursor.execute(
                f"SELECT {INFO} FROM runs AS r {joins} WHERE {found} "
                f"ORDER BY {order} LIMIT {max_results + 1} OFFSET {offset}",
                parameters,
            ).fetchall()
            runs = self._with_data(cursor, rows[:max_results])
        more = len(rows) > max_results
        return PagedList(runs, paging.token_for(offset + max_results) if more else None)

    def find_runs(self, experiment_ids: Sequence[str] | None, filter_string: str) -> list[str]:
        """Return the IDs of all active runs that match, newest first."""
        found, joins, order, parameters = matching(self, experiment_ids, filter_string, ViewType.ACTIVE_ONLY, ())
        with self.reading() as cursor:
            rows = cursor.execute(
                f"SELECT r.run_id FROM runs AS r {joins} WHERE {found} ORDER BY {order}", parameters
            ).fetchall()
        return [run_id for (run_id,) in rows]

    def update_runs(
        self, run_ids: Sequence[str], *, stage: str | None = None, experiment_id: str | None = None
    ) -> list[str]:
        """Delete, restore or move runs and their nested runs. Artifacts stay in place."""
        changed: dict[str, None] = {}
        with self.writing() as cursor:
            if experiment_id is not None:
                changed.update(dict.fromkeys(self._move_runs(cursor, run_ids, experiment_id)))
            if stage is not None:
                changed.update(dict.fromkeys(self._set_stage(cursor, run_ids, stage)))
        return list(changed)

    def _set_stage(self, cursor: Cursor, run_ids: Sequence[str], stage: str) -> list[str]:
        check_runs(cursor, run_ids)
        family = with_nested(cursor, run_ids)
        deleted = now() if stage == LifecycleStage.DELETED else None
        changed = cursor.execute(
            f"SELECT r.run_id FROM runs AS r {JOIN_IDS} WHERE r.lifecycle_stage <> $2",
            [family, stage],
        ).fetchall()
        for (member,) in changed:
            cursor.execute(
                "UPDATE runs SET lifecycle_stage = $1, deleted_time = $2 WHERE run_id = $3",
                [stage, deleted, member],
            )
        return [member for (member,) in changed]

    def _move_runs(self, cursor: Cursor, run_ids: Sequence[str], experiment_id: str) -> list[str]:
        number = int(experiment_id) if re.fullmatch("[0-9]{1,18}", experiment_id) else -1
        experiment = cursor.execute(
            "SELECT name, lifecycle_stage FROM experiments WHERE experiment_id = $1", [number]
        ).fetchone()
        if experiment is None:
            raise NotFound(
                f"Experiment {experiment_id!r:.80} does not exist. search_experiments() returns all experiments."
            )
        if experiment[1] != LifecycleStage.ACTIVE:
            raise InvalidParameter(
                f"Experiment {experiment[0]!r} is deleted. Restore it with restore_experiment() first."
            )
        check_runs(cursor, run_ids, active=True)
        changed = cursor.execute(
            f"SELECT r.run_id FROM runs AS r {JOIN_IDS} WHERE r.experiment_id <> $2",
            [with_nested(cursor, run_ids), number],
        ).fetchall()
        moved = [run_id for (run_id,) in changed]
        cursor.execute(
            "UPDATE runs SET experiment_id = $2 WHERE run_id IN (SELECT UNNEST(CAST($1 AS VARCHAR[])))",
            [moved, number],
        )
        return moved

    @overload
    def artifact_uri(self, run_id: str) -> str: ...
    @overload
    def artifact_uri(self, run_id: str, *, own: Literal[True]) -> str | None: ...
    def artifact_uri(self, run_id: str, *, own: bool = False) -> str | None:
        """Return where a run keeps its artifacts; with `own` None, because the tables do not know who created it."""
        return None if own else self.get_runs([run_id], strict=True)[0].info.artifact_uri

    def forget_artifacts(self, run_id: str, paths: Sequence[str]) -> None:
        """Remove files from a run's list of artifacts."""
        with self.writing() as cursor:
            for path in paths:
                cursor.execute(
                    "DELETE FROM artifacts WHERE path = $2 AND run IN (SELECT run FROM runs WHERE run_id = $1)",
                    [run_id, path],
                )

    def _param_history(self, run_id: str) -> list[tuple[str, str, int]]:
        """Return the earlier values of changed params: the key, the value, and its time in epoch milliseconds."""
        with self.reading() as cursor:
            return cursor.execute(
                "SELECT h.key, h.value, h.timestamp FROM param_history AS h JOIN runs AS r ON r.run = h.run "
                'WHERE r.run_id = $1 ORDER BY h.timestamp, h.key COLLATE "C"',
                [run_id],
            ).fetchall()

    def _with_data(
        self,
        cursor: Cursor,
        rows: Sequence[tuple[Any, ...]],
        params: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> list[Run]:
        """Return runs with their data: all of it, or only these params and metrics."""
        data = {row[0]: RunData({}, {}, {}) for row in rows}
        inputs: dict[int, list[DatasetInput]] = {}
        if data:
            # Literals are safe, because these are integers.
            if len(data) <= _FEW:
                these, numbers = f"run IN ({', '.join(map(str, data))})", []
            else:
                these = f"run BETWEEN {min(data)} AND {max(data)} AND run IN (SELECT UNNEST(CAST($1 AS BIGINT[])))"
                numbers = [list(data)]
            parts, parameters = [_TAGS.format(runs=these)], list[list[Any]](numbers)
            for part, keys in ((_PARAMS, params), (_METRICS, metrics)):
                if keys is None:
                    parts.append(part.format(runs=these))
                elif keys:
                    parameters.append(list(keys))
                    parts.append(part.format(runs=these) + _THESE.format(n=len(parameters)))
            sql = " UNION ALL ".join(parts) + " ORDER BY 3"
            for kind, run, key, number, text in cursor.execute(sql, parameters).fetchall():
                getattr(data[run], kind)[key] = text if number is None else number
            for run, tags, context, *fields in cursor.execute(_INPUTS.format(runs=these), numbers).fetchall():
                inputs.setdefault(run, []).append(DatasetInput(Dataset(*fields), _input_tags(context, tags)))
        return [
            Run(
                RunInfo(run_id, str(experiment), name, user, status, start, end, self.locate(uri), stage),
                data[run],
                RunInputs(inputs.get(run, [])),
            )
            for run, run_id, experiment, name, user, status, start, end, uri, stage in rows
        ]


def _input_tags(context: str | None, tags: str | None) -> list[InputTag]:
    found = {} if context is None else {DATASET_CONTEXT: context}
    return [InputTag(key, value) for key, value in (found | (json.loads(tags) if tags else {})).items()]


def no_such_run(run_id: str) -> NotFound:
    """Return the error for an ID that no run has."""
    return NotFound(
        f"Run {run_id!r:.80} does not exist in this store. Run IDs have 32 hex digits. search_runs() returns all runs."
    )


def check_known(run_ids: Sequence[str], known: Container[str]) -> None:
    """Raise NotFound if one of these runs is not among the known ones."""
    for run_id in run_ids:
        if run_id not in known:
            raise no_such_run(run_id)


def check_runs(cursor: Cursor, run_ids: Sequence[str], *, active: bool = False) -> None:
    """Raise NotFound if one of these runs does not exist; with `active`, InvalidParameter if one is deleted."""
    for run_id in run_ids:
        check_string(run_id, "run_id")
    stages = dict(
        cursor.execute(f"SELECT r.run_id, r.lifecycle_stage FROM runs AS r {JOIN_IDS}", [list(run_ids)]).fetchall()
    )
    check_known(run_ids, stages)
    for run_id in run_ids:
        if active and stages[run_id] != LifecycleStage.ACTIVE:
            raise InvalidParameter(f"Run {run_id!r:.80} is deleted. Restore it with restore_run() first.")


def matching(
    tables: Tables,
    experiment_ids: Sequence[str] | None,
    filter_string: str,
    view: ViewType,
    order_by: Sequence[str],
    group: tuple[str, str] | None = None,
) -> tuple[str, str, str, list[Any]]:
    """Return the condition, the joins, the order and the parameters of a search in `tables`.

    With `group`, the name that runs are grouped by and the key of a group, only the runs of the group match.
    """
    search = compile_search(filter_string, order_by, located_names(tables, RUNS))
    stages = ", ".join(f"'{stage}'" for stage in view.stages)
    condition = f"({search.where}) AND r.lifecycle_stage IN ({stages})"
    condition += f" AND {in_experiments('r.experiment_id', experiment_ids)}"
    parameters = list(search.parameters)
    if group is not None:
        by, key = group
        grouping = compile_grouping(by, located_names(tables, RUNS), len(parameters) + 1)
        parameters += grouping.parameters
        has_key, values = has_keys([key], grouping.number, grouping.text, len(parameters) + 1)
        parameters += values
        condition += f" AND r.run IN (SELECT r.run FROM runs AS r {grouping.joins} WHERE {has_key})"
    return condition, search.joins, search.order_by, parameters


def with_nested(cursor: Cursor, run_ids: Sequence[str]) -> list[str]:
    """Return the runs and all runs that are nested in them, each once."""
    family = dict.fromkeys(run_ids)
    young = list(family)
    while young:
        children = cursor.execute(
            "SELECT r.run_id FROM tags AS t JOIN runs AS r ON r.run = t.run "
            "JOIN UNNEST(CAST($1 AS VARCHAR[])) AS ids(run_id) ON ids.run_id = t.value "
            f"WHERE t.key = '{PARENT}'",
            [young],
        ).fetchall()
        young = [child for (child,) in children if child not in family]
        family.update(dict.fromkeys(young))
    return list(family)
