"""Runs in SQL: what a search finds, one run whole, and the bin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..entities import LifecycleStage, PagedList, Run, RunData, RunInfo, ViewType
from ..errors import NotFound
from ..journal import now
from ..query import RUNS, compile_search
from . import paging
from .base import Cursor, Tables
from .metrics import JOIN_IDS

INFO = (
    "r.run, r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.start_time, r.end_time, r.artifact_uri, "
    "r.lifecycle_stage"
)
# One statement for the three: planning costs more than finding a page's rows.
_DATA = """
    SELECT 'metrics', run, key, value, NULL FROM latest_metrics WHERE run IN ({runs})
    UNION ALL SELECT 'params', run, key, NULL, value FROM params WHERE run IN ({runs})
    UNION ALL SELECT 'tags', run, key, NULL, value FROM tags WHERE run IN ({runs})
    ORDER BY 3
"""


class RunTables(Tables):
    """Runs are made, changed and ended through the journal; here they are read, deleted and restored."""

    def get_runs(self, run_ids: Sequence[str]) -> list[Run]:
        """The runs in the order of `run_ids`; those that do not exist are left out."""
        with self.reading() as cursor:
            rows = cursor.execute(f"SELECT {INFO} FROM runs AS r {JOIN_IDS}", [list(run_ids)]).fetchall()
            runs = {run.info.run_id: run for run in self._with_data(cursor, rows)}
        return [runs[run_id] for run_id in run_ids if run_id in runs]

    def get_run(self, run_id: str) -> Run:
        """One run, deleted or not. Raises NotFound."""
        found = self.get_runs([run_id])
        if not found:
            raise _no_such_run(run_id)
        return found[0]

    def check_run(self, run_id: str) -> None:
        """Raises NotFound where there is no such run, deleted or not."""
        with self.reading() as cursor:
            if not cursor.execute("SELECT 1 FROM runs WHERE run_id = $1", [run_id]).fetchall():
                raise _no_such_run(run_id)

    def search_runs(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        view: ViewType,
        max_results: int,
        order_by: Sequence[str],
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Runs that match, newest first unless `order_by` says otherwise. None for the ids means all experiments."""
        paging.check_max_results(max_results, 1_000_000)
        offset = paging.offset_of(page_token)
        found, joins, order, parameters = matching(experiment_ids, filter_string, view, order_by)
        with self.reading() as cursor:
            rows = cursor.execute(
                f"SELECT {INFO} FROM runs AS r {joins} WHERE {found} "
                f"ORDER BY {order} LIMIT {max_results + 1} OFFSET {offset}",
                parameters,
            ).fetchall()
            runs = self._with_data(cursor, rows[:max_results])
        more = len(rows) > max_results
        return PagedList(runs, paging.token_for(offset + max_results) if more else None)

    def set_run_stage(self, run_id: str, stage: str) -> list[str]:
        """Delete or restore a run along with its nested runs; the ids that changed. Raises NotFound."""
        with self.writing() as cursor:
            self.check_run(run_id)
            family = _family(cursor, run_id)
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

    def param_history(self, run_id: str) -> list[tuple[str, str, int]]:
        """Earlier values of params that were changed: key, value, when it was logged (epoch milliseconds)."""
        with self.reading() as cursor:
            return cursor.execute(
                "SELECT h.key, h.value, h.timestamp FROM param_history AS h JOIN runs AS r ON r.run = h.run "
                "WHERE r.run_id = $1 ORDER BY h.timestamp, h.key",
                [run_id],
            ).fetchall()

    def _with_data(self, cursor: Cursor, rows: Sequence[tuple[Any, ...]]) -> list[Run]:
        data = {row[0]: RunData({}, {}, {}) for row in rows}
        if data:
            # Written out, for numbers they are: so the database knows which blocks of the tables to pass over.
            listed = ", ".join(map(str, data))
            for kind, run, key, number, text in cursor.execute(_DATA.format(runs=listed)).fetchall():
                getattr(data[run], kind)[key] = text if number is None else number
        return [
            Run(RunInfo(run_id, str(experiment), name, user, status, start, end, self.locate(uri), stage), data[run])
            for run, run_id, experiment, name, user, status, start, end, uri, stage in rows
        ]


def _no_such_run(run_id: str) -> NotFound:
    return NotFound(
        f"No run with id {run_id!r:.80} is in this store. Ids have 32 hex digits; search_runs() lists the runs."
    )


def matching(
    experiment_ids: Sequence[str] | None, filter_string: str, view: ViewType, order_by: Sequence[str]
) -> tuple[str, str, str, list[Any]]:
    """The condition, the joins, the order and the parameters of a search."""
    search = compile_search(filter_string, order_by, RUNS)
    stages = ", ".join(f"'{stage}'" for stage in view.stages)
    condition = f"({search.where}) AND r.lifecycle_stage IN ({stages})"
    if experiment_ids is not None:
        numbers = [experiment_id for experiment_id in experiment_ids if re.fullmatch("[0-9]{1,18}", experiment_id)]
        condition += f" AND r.experiment_id IN ({', '.join(numbers)})" if numbers else " AND FALSE"
    return condition, search.joins, search.order_by, list(search.parameters)


def _family(cursor: Cursor, run_id: str) -> list[str]:
    """The run and all that is nested in it."""
    family = [run_id]
    young = [run_id]
    while young:
        young = [
            child
            for (child,) in cursor.execute(
                "SELECT r.run_id FROM tags AS t JOIN runs AS r ON r.run = t.run "
                "JOIN UNNEST(CAST($1 AS VARCHAR[])) AS ids(run_id) ON ids.run_id = t.value "
                "WHERE t.key = 'mlflow.parentRunId'",
                [young],
            ).fetchall()
            if child not in family
        ]
        family += young
    return family
