"""Where a model version came from, told from its run's tags and its files."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..artifact_store.local import open_repository
from ..entities import Lineage, ModelVersion, Run
from ..errors import InvalidState, NbtrackError, NotFound
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
from .uris import ModelVersionUri, RunUri, find_version, parse_uri

if TYPE_CHECKING:
    from ..client.registry import RegistryMixin

_MOST_HOPS = 10
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


def lineage_of(client: RegistryMixin, version: ModelVersion) -> Lineage:
    """Everything that is known; a run that is gone, and files that cannot be read, leave their part empty."""
    run = _run(client, version.run_id)
    tags = run.data.tags if run else {}
    return Lineage(
        version=version,
        copied_from=_original(client, version),
        run=run,
        parents=_parents(client, run),
        code=_named(_CODE, tags),
        cell=_named(_CELL, tags),
        datasets=list(run.inputs.dataset_inputs) if run else [],
        environment=_environment(client, version, tags),
    )


def files_uri(client: RegistryMixin, version: ModelVersion) -> str:
    """Where a version's files are, by way of runs and of the versions that it is a copy of. Raises NotFound."""
    uri, inner = version.source, ""
    for _ in range(_MOST_HOPS):
        if not uri.startswith(("runs:/", "models:/")):
            return _joined(uri, inner)
        target = parse_uri(uri)
        if isinstance(target, RunUri):
            return _joined(client.get_run(target.run_id).info.artifact_uri, target.path, inner)
        assert isinstance(target, ModelVersionUri)
        inner = _joined(target.path, inner)
        uri = find_version(target, client).source
    raise InvalidState(f"The source of the model version leads from model to model and never to files: {uri!r:.200}.")


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _original(client: RegistryMixin, version: ModelVersion) -> ModelVersion | None:
    with suppress(NbtrackError):
        target = parse_uri(version.source)
        if isinstance(target, ModelVersionUri):
            return find_version(target, client)
    return None


def _run(client: RegistryMixin, run_id: str) -> Run | None:
    with suppress(NotFound):
        return client.get_run(run_id) if run_id else None
    return None


def _parents(client: RegistryMixin, run: Run | None) -> list[Run]:
    found: list[Run] = []
    while run is not None and len(found) < _MOST_HOPS:
        run = _run(client, run.data.tags.get(PARENT, ""))
        if run is not None:
            found.append(run)
    return found


def _named(keys: dict[str, str], tags: dict[str, str]) -> dict[str, str]:
    return {name: tags[key] for name, key in keys.items() if key in tags}


def _environment(client: RegistryMixin, version: ModelVersion, tags: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if PYTHON in tags:
        found["python"] = tags[PYTHON]
    with suppress(ValueError, AttributeError):
        found["packages"] = dict(json.loads(tags.get(PACKAGES, "")).items())
    with suppress(NbtrackError, OSError, ValueError):
        text = open_repository(files_uri(client, version)).read_bytes("requirements.txt").decode()
        found["requirements"] = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return found
