"""A page of registered models with pages of their versions and events, counted and limited in the database."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ....entities import ModelEvent, ModelGate, ModelVersion
from ....model_names import check_model_name
from ....query import VERSIONS, compile_search
from ...protocol import ModelSurvey
from .. import paging
from ..base import Cursor, Tables
from ..known import escaped
from . import rows as rows
from .events import EVENT_COLUMNS

MAX_MODELS = 1_000
"""The largest number of models on one page."""
MAX_ROWS = 10_000
"""The largest number of versions in a stage, and of events, that a page has for one model."""

_VERSIONS = f"""
    SELECT {rows.VERSION_COLUMNS} FROM (
        SELECT v.*, ROW_NUMBER() OVER (PARTITION BY v.name, v.current_stage ORDER BY v.version DESC) AS place
        FROM ({{matching}}) AS v WHERE v.current_stage = COALESCE($2, v.current_stage)
    ) AS r WHERE r.place > $3 AND r.place <= $4 ORDER BY r.name COLLATE "C", r.version DESC
"""
# A model that has the name of a deleted one starts with an empty history.
_OF_THE_MODELS = """
    FROM model_events AS e JOIN registered_models AS m ON m.name = e.name AND e.timestamp >= m.creation_time
    WHERE e.name = ANY($1)
"""
_EVENTS = f"""
    SELECT {EVENT_COLUMNS} FROM (
        SELECT e.*, ROW_NUMBER() OVER (PARTITION BY e.name ORDER BY e.timestamp DESC) AS place {_OF_THE_MODELS}
    ) AS r WHERE r.place > $2 AND r.place <= $3 ORDER BY r.name COLLATE "C", r.timestamp DESC
"""
_EVENT_COUNTS = f"SELECT e.name, COUNT(*) {_OF_THE_MODELS} GROUP BY e.name"
_STAGES = """
    SELECT v.name, v.current_stage, COUNT(*) FROM ({matching}) AS v GROUP BY v.name, v.current_stage
    ORDER BY v.current_stage COLLATE "C"
"""
_GATES = """
    SELECT name, stage, gate, filter, user_id, creation_time FROM model_gates WHERE name = ANY($1)
    ORDER BY stage COLLATE "C", gate COLLATE "C"
"""
_ALIASES = """
    SELECT name, alias, version FROM registered_model_aliases WHERE name = ANY($1) ORDER BY alias COLLATE "C"
"""


class ModelSurveyTables(Tables):
    """Pages of models for the registry's screen. The number of queries does not depend on the size of the page."""

    def survey_models(
        self,
        name: str | None,
        offset: int,
        limit: int,
        *,
        search: str = "",
        stage: str | None = None,
        filter_string: str = "",
        versions: tuple[int, int] = (0, 0),
        events: tuple[int, int] = (0, 0),
    ) -> tuple[list[ModelSurvey], int]:
        """Return a page of models and the number of models on all pages."""
        if name is not None:
            check_model_name(name)
        paging.check_offset(offset)
        paging.check_max_results(limit, MAX_MODELS)
        for skipped, most in (versions, events):
            paging.check_offset(skipped)
            paging.check_max_results(most or 1, MAX_ROWS)
        with self.reading() as cur:
            if name is not None:
                found, total = [rows.require_model(cur, name)], 1
            else:
                wanted = "FROM registered_models AS r WHERE r.name ILIKE $1 ESCAPE '\\'"
                pattern = f"%{escaped(search)}%"
                found = cur.execute(
                    f'SELECT {rows.MODEL_COLUMNS} {wanted} ORDER BY r.name COLLATE "C" LIMIT $2 OFFSET $3',
                    [pattern, limit, offset],
                ).fetchall()
                total = cur.execute(f"SELECT COUNT(*) {wanted}", [pattern]).fetchall()[0][0]
            names = [row[0] for row in found]
            if not names:
                return [], total
            counts = _counts(cur, names, filter_string)
            event_counts = dict(cur.execute(_EVENT_COUNTS, [names]).fetchall())
            some_versions = _versions(cur, names, stage, filter_string, *versions)
            some_events = _events(cur, names, *events)
            aliases: dict[str, dict[str, int]] = defaultdict(dict)
            for one, alias, version in cur.execute(_ALIASES, [names]).fetchall():
                aliases[one][alias] = version
            gates: dict[str, list[ModelGate]] = defaultdict(list)
            for row in cur.execute(_GATES, [names]).fetchall():
                gates[row[0]].append(ModelGate(*row))
        surveys = [
            ModelSurvey(
                name=one,
                description=description,
                creation_timestamp=created,
                stages=counts[one],
                versions=some_versions[one],
                events=some_events[one],
                event_count=event_counts.get(one, 0),
                gates=gates[one],
                aliases=aliases[one],
            )
            for one, created, _, description in found
        ]
        return surveys, total


def _matching(filter_string: str, first_parameter: int) -> tuple[str, list[Any]]:
    """Return the SELECT of the versions of the models $1 that match a filter, and the values of its parameters."""
    search = compile_search(filter_string, (), VERSIONS, first_parameter)
    sql = f"SELECT r.* FROM model_versions AS r {search.joins} WHERE r.name = ANY($1) AND {search.where}"
    return sql, search.parameters


def _counts(cur: Cursor, names: list[str], filter_string: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    matching, parameters = _matching(filter_string, 2)
    for name, stage, count in cur.execute(_STAGES.format(matching=matching), [names, *parameters]).fetchall():
        found[name][stage] = count
    return found


def _versions(
    cur: Cursor, names: list[str], stage: str | None, filter_string: str, offset: int, limit: int
) -> dict[str, list[ModelVersion]]:
    found: dict[str, list[ModelVersion]] = defaultdict(list)
    if limit:
        matching, parameters = _matching(filter_string, 5)
        page = [names, stage, offset, offset + limit, *parameters]
        for version in rows.versions(cur, cur.execute(_VERSIONS.format(matching=matching), page).fetchall()):
            found[version.name].append(version)
    return found


def _events(cur: Cursor, names: list[str], offset: int, limit: int) -> dict[str, list[ModelEvent]]:
    found: dict[str, list[ModelEvent]] = defaultdict(list)
    parameters: list[Any] = [names, offset, offset + limit]
    for row in cur.execute(_EVENTS, parameters).fetchall() if limit else ():
        found[row[0]].append(ModelEvent(*row))
    return found
