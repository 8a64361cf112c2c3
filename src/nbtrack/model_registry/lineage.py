"""Find the origin of a model version in the tags of its run and in its files."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from ..artifact_store.opening import open_repository
from ..entities import Lineage, ModelVersion, Run
from ..errors import NbtrackError, NotFound
from ..tags import (
    CELL_EXECUTION_COUNT,
    CELL_ID,
    CELL_SOURCE,
    GIT_COMMIT,
    GIT_DIRTY,
    PACKAGES,
    PARENT,
    PYTHON,
    SOURCE_NAME,
    SOURCE_TYPE,
)
from .lookups import Lookup
from .resolving import find_version, resolve_version
from .uris import ModelVersionUri, parse_uri

_MAX_PARENTS = 10
_CODE = {
    "source": SOURCE_NAME,
    "type": SOURCE_TYPE,
    "commit": GIT_COMMIT,
    "dirty": GIT_DIRTY,
}
_CELL = {
    "source": CELL_SOURCE,
    "id": CELL_ID,
    "execution_count": CELL_EXECUTION_COUNT,
}


def lineage_of(store: Lookup, version: ModelVersion) -> Lineage:
    """Return the origin of a version. Parts are empty if a run no longer exists or if files cannot be read."""
    run = _run(store, version.run_id)
    tags = run.data.tags if run else {}
    return Lineage(
        version=version,
        copied_from=_original(store, version),
        run=run,
        parents=_parents(store, run),
        code=_named(_CODE, tags),
        cell=_named(_CELL, tags),
        datasets=list(run.inputs.dataset_inputs) if run else [],
        environment=_environment(store, version, tags),
    )


def _original(store: Lookup, version: ModelVersion) -> ModelVersion | None:
    with suppress(NbtrackError):
        target = parse_uri(version.source)
        if isinstance(target, ModelVersionUri):
            return find_version(target, store)
    return None


def _run(store: Lookup, run_id: str) -> Run | None:
    with suppress(NotFound):
        return store.get_run(run_id) if run_id else None
    return None


def _parents(store: Lookup, run: Run | None) -> list[Run]:
    found: list[Run] = []
    while run is not None and len(found) < _MAX_PARENTS:
        run = _run(store, run.data.tags.get(PARENT, ""))
        if run is not None:
            found.append(run)
    return found


def _named(keys: dict[str, str], tags: dict[str, str]) -> dict[str, str]:
    return {name: tags[key] for name, key in keys.items() if key in tags}


def _environment(store: Lookup, version: ModelVersion, tags: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if PYTHON in tags:
        found["python"] = tags[PYTHON]
    with suppress(ValueError, AttributeError):
        found["packages"] = dict(json.loads(tags.get(PACKAGES, "")).items())
    with suppress(NbtrackError, OSError, ValueError):
        place = resolve_version(version, store).artifact_uri(store)
        text = open_repository(place).get("requirements.txt").decode()
        found["requirements"] = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return found
