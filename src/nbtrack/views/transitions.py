"""Moving versions between stages: what a transition or a rollback would do, and doing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from ..entities import ModelVersion
from ..errors import NbtrackError
from ..models import ModelSignature
from ..models.where import locate, model_at
from ..stages import PRODUCTION
from ..store.protocol import TransitionPreview
from .contract import (
    MOST_DIFFERENCES,
    PartDifference,
    PreviewTransitionReply,
    PreviewTransitionRequest,
    RollbackRequest,
    TransitionRequest,
    VersionReply,
)
from .source import Source
from .version_rows import version_rows
from .view import view

MOST_EXPECTED = 1_000
"""The largest number of versions in a stage that a transition can expect there."""
BESIDE = 2
PARTS = ("inputs", "outputs", "params", "data")


@view("preview_transition")
def preview_transition(source: Source, request: PreviewTransitionRequest) -> PreviewTransitionReply:
    """Return what a transition or a rollback would do, with the candidate beside the versions that it meets."""
    name = request["name"]
    with source.reading.snapshot():
        found = source.registry.preview_transition(name, request["version"], request["stage"])
        beside = _beside(source, found)
        rows = version_rows(source, [found.version, *beside])
        datasets = _datasets(source, [found.version, *beside])
        directions = source.directions
    signatures = [_signature(source, version) for version in (found.version, *beside)]
    keys = sorted({key for row in rows for key in row["metrics"]})
    return {
        "candidate": rows[0],
        "current": found.current if len(found.current) <= MOST_EXPECTED else None,
        "count": len(found.current),
        "leaving": found.leaving,
        "beside": rows[1:],
        "lower_is_better": [key for key in keys if directions.lower_is_better(key)],
        "differences": _differences(signatures, datasets),
        "gates": [
            {
                "gate": check.gate.gate,
                "filter": check.gate.filter_string,
                "passed": check.mismatch is None,
                "values": check.values or check.mismatch or "",
            }
            for check in found.gates
        ],
    }


@view("transition", writes=True)
def transition(source: Source, request: TransitionRequest) -> VersionReply:
    """Move a version to a stage, if the version and the stage are still as the screen showed them."""
    version = source.transition_model_version_stage(
        request["name"],
        request["version"],
        request["stage"],
        request["archive_existing_versions"],
        reason=request["reason"],
        expected_stage=request["expected_stage"],
        expected_current=request["expected_current"],
        override_gates=request["override_gates"],
    )
    return {"version": version_rows(source, [version])[0]}


@view("rollback", writes=True)
def rollback(source: Source, request: RollbackRequest) -> VersionReply:
    """Undo the last promotion to a stage, if the stage is still as the screen showed it."""
    version = source.rollback(
        request["name"],
        request["stage"],
        reason=request["reason"],
        expected_current=request["expected_current"],
        expected_restored=request["expected_restored"],
        override_gates=request["override_gates"],
    )
    return {"version": version_rows(source, [version])[0]}


def _beside(source: Source, found: TransitionPreview) -> list[ModelVersion]:
    """Return the versions to compare the candidate with, the one that leaves first, then the newest ones."""
    name, candidate = found.version.name, found.version.version
    numbers = sorted(found.current, key=lambda number: (number == found.leaving, number), reverse=True)
    others = [number for number in numbers if number != candidate][:BESIDE]
    if others:
        return [source.get_model_version(name, number) for number in others]
    return [one for one in source.get_latest_versions(name, [PRODUCTION]) if one.version != candidate]


def _datasets(source: Source, versions: Sequence[ModelVersion]) -> list[list[str]]:
    """Return the datasets of the run of each version, with their digests."""
    run_ids = list(dict.fromkeys(version.run_id for version in versions if version.run_id))
    runs = {run.info.run_id: run.inputs.dataset_inputs for run in source.reading.get_runs(run_ids)}
    return [
        [
            f"{f'{one.context}: ' if one.context else ''}{one.dataset.name} ({one.dataset.digest})"
            for one in runs.get(version.run_id, [])
        ]
        for version in versions
    ]


def _signature(source: Source, version: ModelVersion) -> ModelSignature | None:
    """Return the signature of a version's model. None if it has none, or if its files cannot be read."""
    signature: ModelSignature | None = None
    with suppress(NbtrackError, OSError, ValueError):
        signature = model_at(locate(f"models:/{version.name}/{version.version}", source), source).signature
    return signature


def _differences(
    signatures: Sequence[ModelSignature | None], datasets: Sequence[Sequence[str]]
) -> list[PartDifference]:
    """Return the parts of the models that at least one of them has."""
    parts = {part: [_entries(signature, part) for signature in signatures] for part in PARTS[:-1]}
    parts[PARTS[-1]] = [list(of_version) for of_version in datasets]
    return [_difference(part, sides) for part, sides in parts.items() if any(sides)]


def _entries(signature: ModelSignature | None, part: str) -> list[str] | None:
    schema: Iterable[object] | None = getattr(signature, part, None)
    return None if signature is None else [repr(entry) for entry in schema or ()]


def _difference(part: str, sides: Sequence[list[str] | None]) -> PartDifference:
    same = set.intersection(*(set(side or ()) for side in sides))
    own = [None if side is None else [entry for entry in side if entry not in same] for side in sides]
    return {
        "part": part,  # type: ignore[typeddict-item]
        "same": len(same),
        "only": [None if side is None else [f"{entry:.200}" for entry in side[:MOST_DIFFERENCES]] for side in own],
        "counts": [len(side or ()) for side in own],
    }
