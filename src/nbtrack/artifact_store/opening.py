"""Opens the repository of an artifact URI, from a module of nbtrack or of another package that the scheme selects.

A package adds a scheme with a line in its pyproject.toml, in the group `nbtrack.artifact_stores`:
`s3 = "package.module"`. The module must have a function `open_repository(uri, written)` that returns an
`ArtifactRepository` and passes `written` to its initializer. Plain paths and `file://` URIs are opened by `local.py`
without a look at the installed packages.
"""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache

from ..errors import NotSupported
from . import local
from .base import ArtifactRepository, Written
from .blobs import Blobs

GROUP = "nbtrack.artifact_stores"
LOCAL = "file"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


def open_repository(
    artifact_uri: str, written: Written | None = None, blobs: Blobs | None = None
) -> ArtifactRepository:
    """Open the repository at an artifact URI, without reading or writing anything.

    Args:
        artifact_uri: A path, a `file://` URI, or a URI with another scheme that an installed package supports.
        written: Called for each file that is written, with its path and its size in bytes.
        blobs: Stores files of equal content once. Used for local folders only.

    Returns:
        The repository.

    Raises:
        NotSupported: If no installed package supports the scheme.
    """
    found = _SCHEME.match(artifact_uri)
    scheme = found[1].lower() if found else LOCAL
    if scheme == LOCAL:
        return local.open_repository(artifact_uri, written, blobs)
    modules = _modules(tuple(sys.path))
    if scheme not in modules:
        raise NotSupported(
            f"The artifact URI {artifact_uri!r:.200} is not supported: no installed package handles the scheme "
            f"{scheme!r}. Use a path or a file:// URI. Supported schemes: {', '.join(sorted(modules))}. "
            f"A package can add a scheme with an entry point in the group {GROUP!r}."
        )
    repository: ArtifactRepository = importlib.import_module(modules[scheme]).open_repository(artifact_uri, written)
    return repository


@cache
def _modules(path: tuple[str, ...]) -> dict[str, str]:
    """Return the modules of the group by scheme. The result is cached for a `sys.path`: a search takes milliseconds."""
    from importlib.metadata import entry_points

    return {LOCAL: local.__name__, **{found.name: found.value for found in entry_points(group=GROUP)}}
