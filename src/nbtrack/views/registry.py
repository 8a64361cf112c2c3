"""The registry: models, versions by stage with the run behind each, who did what when and why; and the changes."""

from __future__ import annotations

from ..client import Client
from ..entities import ModelVersion
from ..errors import InvalidParameter
from ..models import register_model
from .contract import (
    EventRow,
    LineageReply,
    LineageRequest,
    ModelRow,
    RegisterRequest,
    RegistryReply,
    RegistryRequest,
    TransitionRequest,
    VersionReply,
    VersionRow,
)
from .live import dataset_row
from .runs import logged_models, number, own_metrics

MOST_EVENTS = 200


def registry(client: Client, request: RegistryRequest) -> RegistryReply:
    """One model (NotFound where it is unknown), or all of them by name."""
    with client.reading.snapshot():
        if request["name"] is None:
            models = list(client.search_registered_models(max_results=1000))
        else:
            models = [client.get_registered_model(request["name"])]
        rows: list[ModelRow] = []
        for model in models:
            versions = list(client.search_model_versions(f"name = '{_quoted(model.name)}'", max_results=10_000))
            versions.sort(key=lambda version: int(version.version), reverse=True)
            events: list[EventRow] = [
                {
                    "timestamp": event.timestamp,
                    "user_id": event.user_id,
                    "version": None if event.version is None else int(event.version),
                    "kind": event.kind,
                    "old": event.old,
                    "new": event.new,
                    "reason": event.reason,
                }
                for event in client.get_history(model.name)[:MOST_EVENTS]
            ]
            rows.append(
                {
                    "name": model.name,
                    "description": model.description,
                    "creation_time": model.creation_timestamp,
                    "versions": _version_rows(client, versions),
                    "events": events,
                    "gates": [
                        {"stage": gate.stage, "gate": gate.gate, "filter": gate.filter_string}  # type: ignore[typeddict-item]
                        for gate in client.get_gates(model.name)
                    ],
                }
            )
    return {"models": rows}


def register(client: Client, request: RegisterRequest) -> VersionReply:
    """Make a run's model a version of a registered model, which is made where there is none of the name."""
    path = request["artifact_path"]
    if path is None:
        run = client.get_run(request["run_id"])
        models = logged_models(run.data.tags)
        if len(models) != 1:
            raise InvalidParameter(
                f"Run {run.info.run_name!r} logged {len(models) or 'no'} models"
                + (f": {', '.join(models)}. Say which." if models else ". Log one with nbtrack.sklearn.log_model.")
            )
        path = models[0]
    version = register_model(f"runs:/{request['run_id']}/{path}", request["name"], client=client)
    return {"version": _version_rows(client, [version])[0]}


def transition(client: Client, request: TransitionRequest) -> VersionReply:
    """Move a version to a stage, where it and the stage are as the screen showed them."""
    version = client.transition_model_version_stage(
        request["name"],
        str(request["version"]),
        request["stage"],
        request["archive_existing_versions"],
        reason=request["reason"],
        expected_stage=request["expected_stage"],
        expected_current=request["expected_current"],
        override_gates=request["override_gates"],
    )
    return {"version": _version_rows(client, [version])[0]}


def lineage(client: Client, request: LineageRequest) -> LineageReply:
    """Where a version came from."""
    found = client.get_lineage(request["name"], request["version"])
    original = found.copied_from
    return {
        "copied_from": f"{original.name} {original.version}" if original else None,
        "parents": [run.info.run_name for run in found.parents],
        "code": found.code,
        "cell": found.cell.get("source"),
        "datasets": [dataset_row(one) for one in found.datasets],
        "python": found.environment.get("python"),
        "requirements": found.environment.get("requirements", []),
    }


def _version_rows(client: Client, versions: list[ModelVersion]) -> list[VersionRow]:
    runs = {run.info.run_id: run for run in client.reading.get_runs([version.run_id for version in versions])}
    rows: list[VersionRow] = []
    for version in versions:
        run = runs.get(version.run_id)
        rows.append(
            {
                "name": version.name,
                "version": int(version.version),
                "stage": version.current_stage,  # type: ignore[typeddict-item]
                "creation_time": version.creation_timestamp,
                "user_id": version.user_id,
                "description": version.description,
                "source": version.source,
                "aliases": list(version.aliases),
                "run_id": version.run_id,
                "run_name": run.info.run_name if run else "",
                "metrics": {key: number(value) for key, value in own_metrics(run.data.metrics).items()} if run else {},
            }
        )
    return rows


def _quoted(name: str) -> str:
    return name.replace("'", "''")
