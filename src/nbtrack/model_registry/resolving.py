"""Resolve model URIs: follow them from version to version, to the artifacts of a run or to another place.

    models:/digits/Production  ->  version 3, a copy  ->  models:/staging/7  ->  runs:/<run_id>/model

This is the only module that follows such URIs. Each URI is parsed once, and each version is read once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..entities import ModelVersion
from ..errors import InvalidState, NotFound
from ..stages import ALL_STAGES
from .lookups import Lookup, VersionLookup
from .uris import ModelVersionUri, RunUri, parse_uri

_MAX_VERSIONS = 10


@dataclass(frozen=True, slots=True)
class Resolved:
    """The place of a model's files: at `path` below the artifacts of a run, or below `location`.

    Attributes:
        path: A path with slashes. Empty for the root.
        run_id: The ID of the run that has the files among its artifacts. Empty if the URI does not lead to a run.
        location: An artifact URI or a path. Empty if `run_id` is set.
        versions: The model versions on the way, starting with the one that the URI names. Empty if it names none.
    """

    path: str
    run_id: str = ""
    location: str = ""
    versions: tuple[ModelVersion, ...] = ()

    def artifact_uri(self, runs: Lookup) -> str:
        """Return the artifact URI of the files. Raises NotFound if the run does not exist."""
        root = runs.get_run(self.run_id).info.artifact_uri if self.run_id else self.location
        return joined(root, self.path)


def resolve(uri: str | os.PathLike[str], registry: VersionLookup) -> Resolved:
    """Return where the files of a `models:/` or `runs:/` URI are. Any other URI, or a path, is returned as it is.

    Raises:
        InvalidParameter: If a URI is malformed, or if an alias does not exist.
        NotFound: If a model or a version does not exist, or if a stage has no version. Runs are not looked up.
        InvalidState: If the sources of versions lead from version to version and never to files.
    """
    return _follow(os.fspath(uri) if isinstance(uri, os.PathLike) else uri, (), registry)


def resolve_version(version: ModelVersion, registry: VersionLookup) -> Resolved:
    """Return where the files of a version are. Raises the same errors as `resolve`."""
    return _follow(version.source, (version,), registry)


def find_version(uri: ModelVersionUri, registry: VersionLookup) -> ModelVersion:
    """Return the model version that a URI names now. Raises NotFound, and InvalidParameter for an unknown alias."""
    if uri.version is not None:
        return registry.get_model_version(uri.name, uri.version)
    if uri.alias is not None:
        return registry.get_model_version_by_alias(uri.name, uri.alias)
    stages = ALL_STAGES if uri.stage is None else (uri.stage,)
    found = registry.get_latest_versions(uri.name, stages)
    if not found:
        where = "" if uri.stage is None else f" in stage {uri.stage}"
        latest = registry.get_latest_versions(uri.name)
        has = ", ".join(f"version {version.version} in stage {version.current_stage}" for version in latest)
        hint = f"It has {has}." if has else "It has no versions."
        raise NotFound(f"Model {uri.name!r:.120} has no version{where}. {hint}")
    return max(found, key=lambda version: version.version)


def joined(*parts: str) -> str:
    """Join the parts of a path that are not empty."""
    return "/".join(part for part in parts if part)


def _follow(uri: str, versions: tuple[ModelVersion, ...], registry: VersionLookup) -> Resolved:
    path = ""
    while True:
        target = parse_uri(uri)
        if target is None:
            return Resolved(path, location=uri, versions=versions)
        path = joined(target.path, path)
        if isinstance(target, RunUri):
            return Resolved(path, run_id=target.run_id, versions=versions)
        if len(versions) == _MAX_VERSIONS:
            raise InvalidState(
                f"The source of the model version refers to {_MAX_VERSIONS} other model versions in turn and never to "
                f"files. The last one is {uri!r:.200}."
            )
        version = find_version(target, registry)
        versions = (*versions, version)
        uri = version.source
