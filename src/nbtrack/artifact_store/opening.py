"""Which repository an artifact URI leads to: a module of nbtrack's or of another package, found by the URI's scheme.

A package adds one by a line in its pyproject.toml, in the group `nbtrack.artifact_stores`: `s3 = "package.module"`. The
module has a function `open_repository(uri, written)` that returns an `ArtifactRepository`; `written` is for its
initialiser. Plain paths and `file://` URIs lead to `local.py` without a look at what is installed.
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
    """Open the repository at an artifact URI. Nothing is read or written for that.

    Args:
        artifact_uri: A path, a `file://` URI, or a URI of another scheme that an installed package knows.
        written: Called for each file that is written.
        blobs: Where equal files are kept once, for local folders only.

    Raises:
        NotSupported: If no installed package knows the scheme.
    """
    found = _SCHEME.match(artifact_uri)
    scheme = found[1].lower() if found else LOCAL
    if scheme == LOCAL:
        return local.open_repository(artifact_uri, written, blobs)
    modules = _modules(tuple(sys.path))
    if scheme not in modules:
        raise NotSupported(
            f"Artifacts at {scheme}: ({artifact_uri:.200}) cannot be reached: this version of nbtrack keeps artifacts "
            f"in local folders. Use a path or a file:// URI. Schemes that are installed: {', '.join(sorted(modules))}. "
            f"A package adds one by an entry point in the group {GROUP!r}."
        )
    repository: ArtifactRepository = importlib.import_module(modules[scheme]).open_repository(artifact_uri, written)
    return repository


@cache
def _modules(path: tuple[str, ...]) -> dict[str, str]:
    """The group's modules by scheme. `path` is what the answer depends on: the search takes milliseconds."""
    from importlib.metadata import entry_points

    return {LOCAL: local.__name__, **{found.name: found.value for found in entry_points(group=GROUP)}}
