"""Find the folder that a model URI leads to."""

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
    """The place that a model URI leads to: `path` below the root of `repository`.

    Attributes:
        repository: The artifact repository that has the files.
        path: The path below the repository's root, separated by slashes. Empty for the root itself.
        uri: A URI that stays valid: a `runs:/` URI if the files are artifacts of a run, so that it survives a move of
            the store, and otherwise a `file://` URI. It never contains a stage, an alias or a relative path.
        run_id: The ID of the run that has the files among its artifacts. Empty if no run has.
        in_store: True if a run of this store logged the files. False for files from elsewhere and for imported runs.
    """

    repository: ArtifactRepository
    path: str
    uri: str
    run_id: str = ""
    in_store: bool = False

    def folder(self, dst_path: str | None = None) -> Path:
        """Return a local folder with the files.

        Args:
            dst_path: A folder to copy the files to. None returns the stored folder if it is local, which must not be
                changed.

        Returns:
            The local path.

        Raises:
            NotFound: If the files do not exist.
        """
        return self.repository.fetch_to(self.path, dst_path)


def locate(uri: str | os.PathLike[str], client: ModelSource | None = None) -> Location:
    """Find the files that a model URI leads to. The files need not exist.

    Args:
        uri: A `runs:/`, `models:/` or `file://` URI, or a path.
        client: The client of the store. Defaults to one for the current tracking URI.

    Returns:
        The location of the files.

    Raises:
        NotFound: If the run, the model or the version does not exist, or if the stage has no version.
        InvalidParameter: If the URI is malformed, or if the alias does not exist.
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
    """Return what the MLmodel file says about a model, without loading the model.

    Args:
        model_uri: A `runs:/` or `models:/` URI, or the path or URI of a model's folder.

    Returns:
        The model's signature, flavors, metadata and run.

    Raises:
        NotFound: If no model exists at the URI.
        InvalidParameter: If the URI is malformed, or if the MLmodel file is not valid.
    """
    return model_at(locate(model_uri)).get_model_info(os.fspath(model_uri))


def model_at(location: Location, client: ModelSource | None = None) -> Model:
    """Return the manifest at a location. Raises NotFound if there is none, with the models that the run did log."""
    try:
        return Model.load(_manifest(location))
    except NotFound as error:
        if not location.run_id:
            raise
        run = (client or Client()).get_run(location.run_id)
        logged = [repr(entry["artifact_path"]) for entry in read_history(run.data.tags)]
        hint = f"The run logged these models: {', '.join(logged)}." if logged else "The run logged no model."
        raise NotFound(
            f"Run {run.info.run_name!r} ({location.run_id}) has no model at {location.path!r:.200}, because the file "
            f"{MLMODEL} does not exist there. {hint}",
            "" if logged else "Call log_model in the run.",
        ) from error


def _manifest(location: Location) -> Path:
    """Return the MLmodel file as a local file, or the model's folder if the file does not exist."""
    with contextlib.suppress(NbtrackError):
        return location.repository.fetch_to(joined(location.path, MLMODEL))
    return location.folder()


def _artifacts_of(run_id: str, client: ModelSource) -> tuple[ArtifactRepository, bool]:
    """Return the artifacts of a run, and whether the run itself logged them. Raises NotFound."""
    # A model that this process has just logged can be loaded without waiting for the database.
    artifact_uri = client.reading.artifact_uri(run_id, own=True)
    if artifact_uri is not None:
        return open_repository(artifact_uri), True
    run = client.get_run(run_id)
    return open_repository(run.info.artifact_uri), IMPORTED not in run.data.tags


def _from_source(repository: ArtifactRepository, inner: str, run_id: str, client: ModelSource) -> Location:
    """Return the location of a version whose source is a folder. It may be among the artifacts of the version's run."""
    found = _in_run(repository, inner, run_id, client) if run_id else None
    return found or _in_folder(repository, inner, client)


def _in_folder(repository: ArtifactRepository, inner: str, client: ModelSource) -> Location:
    """Return the location of a folder, which may be among a run's artifacts: those of run x are in …/x/artifacts."""
    *folders, _ = parts = unquote(repository.real_url(inner)).split("/")
    for name, following in zip(folders, parts[1:], strict=True):
        if following == "artifacts" and _RUN_ID.fullmatch(name):
            found = _in_run(repository, inner, name, client)
            if found:
                return found
    return Location(repository, inner, repository.url(inner))


def _in_run(repository: ArtifactRepository, inner: str, run_id: str, client: ModelSource) -> Location | None:
    """Return the location below a run's artifacts, with links followed, or None if the run does not have the folder."""
    with contextlib.suppress(NotFound):
        # Looking for a run must not create a store.
        client.check_exists()
        artifacts, is_own = _artifacts_of(run_id, client)
        path = artifacts.path_of(repository.url(inner))
        if path is not None:
            return Location(artifacts, path, joined(RUNS + run_id, path), run_id, in_store=is_own)
    return None
