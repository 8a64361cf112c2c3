"""The registry: models, versions by stage with the run behind each, and their history."""

from __future__ import annotations

from collections.abc import Sequence

from ..entities import ModelEvent
from ..errors import InvalidParameter
from ..store.protocol import ModelSurvey
from .contract import (
    MOST_EVENTS,
    MOST_MODELS,
    MOST_ROWS,
    MOST_VERSIONS,
    EventRow,
    EventsReply,
    EventsRequest,
    LineageReply,
    LineageRequest,
    ModelRow,
    RegistryReply,
    RegistryRequest,
    VersionRow,
    VersionsReply,
    VersionsRequest,
)
from .live import dataset_row
from .source import Source
from .version_rows import version_filter, version_rows
from .view import view

VERSIONS_AT_FIRST = 20
EVENTS_AT_FIRST = 20
MOST_OF_A_STAGE = 5_000
"""The largest number of models times versions of each stage in one request. A version comes with its run's metrics."""


@view("registry")
def registry(source: Source, request: RegistryRequest) -> RegistryReply:
    """Return a page of models, or one model, with the newest versions of each stage and the newest events."""
    limit = request.get("limit", MOST_MODELS) if request["name"] is None else 1
    most = request.get("versions", VERSIONS_AT_FIRST)
    if limit * most > MOST_OF_A_STAGE:
        raise InvalidParameter(
            f"limit times versions must be at most {MOST_OF_A_STAGE:,}, not {limit * most:,}. Ask for fewer at a time, "
            "or for the versions of one stage."
        )
    with source.reading.snapshot():
        found, count = source.registry.survey_models(
            request["name"],
            request.get("offset", 0),
            limit,
            search=request.get("search", ""),
            filter_string=version_filter(request.get("filter", "")),
            versions=(0, most),
            events=(0, request.get("events", EVENTS_AT_FIRST)),
        )
        rows = version_rows(source, [version for model in found for version in model.versions])
        of_run = _registered(source, request["run_id"]) if "run_id" in request else None
    by_model: dict[str, list[VersionRow]] = {model.name: [] for model in found}
    for row in rows:
        by_model[row["name"]].append(row)
    reply: RegistryReply = {"models": [_model_row(model, by_model[model.name]) for model in found], "count": count}
    return reply if of_run is None else {**reply, "of_run": of_run}


@view("versions")
def versions(source: Source, request: VersionsRequest) -> VersionsReply:
    """Return a page of the versions in a stage."""
    page = (request.get("offset", 0), request.get("limit", MOST_VERSIONS))
    with source.reading.snapshot():
        matching = version_filter(request.get("filter", ""))
        (found,), _ = source.registry.survey_models(
            request["name"], 0, 1, stage=request["stage"], filter_string=matching, versions=page
        )
        rows = version_rows(source, found.versions)
    return {"versions": rows, "count": found.stages.get(request["stage"], 0)}


@view("events")
def events(source: Source, request: EventsRequest) -> EventsReply:
    """Return a page of a model's history."""
    page = (request.get("offset", 0), request.get("limit", MOST_EVENTS))
    (found,), _ = source.registry.survey_models(request["name"], 0, 1, events=page)
    return {"events": _event_rows(found.events), "count": found.event_count}


@view("lineage")
def lineage(source: Source, request: LineageRequest) -> LineageReply:
    """Return where a version came from, with a page of its datasets and of its requirements."""
    found = source.get_lineage(request["name"], request["version"])
    original = found.copied_from
    start = request.get("offset", 0)
    page = slice(start, start + request.get("limit", MOST_ROWS))
    requirements: list[str] = found.environment.get("requirements", [])
    return {
        "copied_from": f"{original.name} {original.version}" if original else None,
        "parents": [run.info.run_name for run in found.parents],
        "code": found.code,
        "cell": found.cell.get("source"),
        "datasets": [dataset_row(one) for one in found.datasets[page]],
        "dataset_count": len(found.datasets),
        "python": found.environment.get("python"),
        "requirements": requirements[page],
        "requirement_count": len(requirements),
    }


def _registered(source: Source, run_id: str) -> list[VersionRow]:
    """Return the versions with this run's own models, which `register` would refuse to register again."""
    found = source.registry.versions_from(run_id=run_id)
    return version_rows(source, [version for version in found if version.source.startswith(f"runs:/{run_id}/")])


def _model_row(model: ModelSurvey, rows: list[VersionRow]) -> ModelRow:
    return {
        "name": model.name,
        "description": model.description,
        "creation_time": model.creation_timestamp,
        "stages": model.stages,
        "versions": rows,
        "event_count": model.event_count,
        "events": _event_rows(model.events),
        "gates": [
            {"stage": gate.stage, "gate": gate.gate, "filter": gate.filter_string}  # type: ignore[typeddict-item]
            for gate in model.gates
        ],
        "aliases": model.aliases,
    }


def _event_rows(found: Sequence[ModelEvent]) -> list[EventRow]:
    return [
        {
            "timestamp": event.timestamp,
            "user_id": event.user_id,
            "version": None if event.version is None else int(event.version),
            "kind": event.kind,
            "old": event.old,
            "new": event.new,
            "reason": event.reason,
        }
        for event in found
    ]
