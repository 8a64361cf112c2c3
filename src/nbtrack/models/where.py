"""From a model URI to the folder with the model's files."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ..artifact_store.base import ArtifactRepository
from ..artifact_store.opening import open_repository
from ..client import Client
from ..entities import IMPORTED
from ..errors import NbtrackError, NotFound
from ..model_registry.lookups import ModelSource
from ..model_registry.resolving import joined, resolve
from ..model_registry.uris import RUNS
from .history import read_history
from .info import ModelInfo
from .model import MLMODEL, Model

_RUN_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a URI leads: `path` below the root of `repository`.

    `uri` names the place for good: by the run where the files are among its artifacts, so that it stays right when
    the store is moved, else as a `file://` URI; never by a stage, an alias or a relative path.
    `in_store` says that the files are among the artifacts of a run of this store and came in by a log call: not from
    elsewhere, and not by an import. `run_id` is that run; '' where there is none.
    """

    repository: ArtifactRepository
    path: str
    uri: str
    run_id: str = ""
    in_store: bool = False

    def folder(self, dst_path: str | None = None) -> Path:
        """A local folder with the files: the stored one, or a copy in `dst_path`. Raises NotFound."""
        return self.repository.fetch_to(self.path, dst_path)


def locate(uri: str | os.PathLike[str], client: ModelSource | None = None) -> Location:
    """Where the files of a `runs:/` or `models:/` URI, a `file://` URI or a path are. They need not exist.

    Raises NotFound for an unknown run, model or version, and for a stage that no version is in; InvalidParameter for a
    malformed URI and an unknown alias.
    """
    client = client or Client()
    found = resolve(uri, client)
    if found.run_id:
        repository, is_own = _artifacts_of(found.run_id, client)
        return Location(repository, found.path, joined(RUNS + found.run_id, found.path), found.run_id, in_store=is_own)
    repository = open_repository(found.location)
    if found.versions:
        return _from_source(repository, found.path, found.versions[-1].run_id, client)
    return _in_folder(repository, found.path, client)


def get_model_info(model_uri: str | os.PathLike[str]) -> ModelInfo:
    """What the MLmodel file of a model says."""
    return model_at(locate(model_uri)).get_model_info(os.fspath(model_uri))


def model_at(location: Location, client: ModelSource | None = None) -> Model:
    """The manifest at a location; where there is none, NotFound with the models that the run did log."""
    try:
        return Model.load(_manifest(location))
    except NotFound as error:
        if not location.run_id:
            raise
        run = (client or Client()).get_run(location.run_id)
        logged = [repr(entry["artifact_path"]) for entry in read_history(run.data.tags)]
        hint = (
            f"The run logged these models: {', '.join(logged)}."
            if logged
            else "The run logged no model. Call log_model in the run."
        )
        raise NotFound(
            f"Run {run.info.run_name!r} ({location.run_id}) has no model at {location.path!r:.200}, because the file "
            f"{MLMODEL} does not exist there. {hint}"
        ) from error


def _manifest(location: Location) -> Path:
    """The manifest as a local file, without the rest of the model; the model's folder where there is no such file."""
    with contextlib.suppress(NbtrackError):
        return location.repository.fetch_to(joined(location.path, MLMODEL))
    return location.folder()


def _artifacts_of(run_id: str, client: ModelSource) -> tuple[ArtifactRepository, bool]:
    """The artifacts of a run, and whether they came in by its log calls, not by an import. Raises NotFound."""
    # A model that was logged here a moment ago is loaded without waiting for the database.
    artifact_uri = client.reading.artifact_uri(run_id, own=True)
    if artifact_uri is not None:
        return open_repository(artifact_uri), True
    run = client.get_run(run_id)
    return open_repository(run.info.artifact_uri), IMPORTED not in run.data.tags


def _from_source(repository: ArtifactRepository, inner: str, run_id: str, client: ModelSource) -> Location:
    """A version whose source is a folder: it may still be in the artifacts of the version's run."""
    found = _in_run(repository, inner, run_id, client) if run_id else None
    return found or _in_folder(repository, inner, client)


def _in_folder(repository: ArtifactRepository, inner: str, client: ModelSource) -> Location:
    """A folder, which may be in the artifacts of a run: those of run x are in …/x/artifacts."""
    *folders, _ = parts = unquote(repository.real_url(inner)).split("/")
    for name, following in zip(folders, parts[1:], strict=True):
        if following == "artifacts" and _RUN_ID.fullmatch(name):
            found = _in_run(repository, inner, name, client)
            if found:
                return found
    return Location(repository, inner, repository.url(inner))


def _in_run(repository: ArtifactRepository, inner: str, run_id: str, client: ModelSource) -> Location | None:
    """A folder by the run that has it among its artifacts, wherever links lead; None where that run has not."""
    with contextlib.suppress(NotFound):
        # To look must not make a store where there was none.
        client.check_exists()
        artifacts, is_own = _artifacts_of(run_id, client)
        path = artifacts.path_of(repository.url(inner))
        if path is not None:
            return Location(artifacts, path, joined(RUNS + run_id, path), run_id, in_store=is_own)
    return None
