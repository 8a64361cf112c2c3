"""Where runs are kept, and what the environment says about it.

The order: `set_tracking_uri`, then NBTRACK_TRACKING_URI, then MLFLOW_TRACKING_URI, then the folder `.nbtrack` found by
walking up from the working directory, as git finds its own. Where there is none, it is made at the git root, or else
in the working directory.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import unquote, urlsplit

from .errors import InvalidParameter, NotSupported

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

STORE_FOLDER = ".nbtrack"
FILE = "file"
"""The scheme of a store in a folder."""
STORES = "nbtrack.stores"
"""The entry-point group of the kinds of stores."""

_tracking_uri: str | None = None
_announced: set[str] = set()


def environment(name: str) -> str | None:
    """The value of NBTRACK_<name>, or of MLFLOW_<name> where the first is not set; None where neither is."""
    return os.environ.get(f"NBTRACK_{name}") or os.environ.get(f"MLFLOW_{name}") or None


def set_tracking_uri(uri: str | os.PathLike[str]) -> None:
    """Keep runs in this folder, or at this URI, from now on. An empty string goes back to what the environment says.

    Raises NotSupported for a scheme that no installed package has a store for.
    """
    global _tracking_uri
    text = os.fspath(uri)
    if text:
        text = _normal(text)
    _tracking_uri = text or None


def get_tracking_uri() -> str:
    """Where runs are kept: a folder as an absolute path, or a URI. It is made at first use, not here."""
    named = _tracking_uri or environment("TRACKING_URI")
    return _normal(named) if named else str(default_store())


def is_tracking_uri_set() -> bool:
    """Whether a call or the environment named the store, rather than the working directory."""
    return bool(_tracking_uri or environment("TRACKING_URI"))


def default_store(start: Path | None = None) -> Path:
    """The nearest `.nbtrack` above `start` (the working directory), else where a new one belongs."""
    start = (start or Path.cwd()).resolve()
    above = (start, *start.parents)
    for folder in above:
        if (folder / STORE_FOLDER).is_dir():
            return folder / STORE_FOLDER
    for folder in above:
        if (folder / ".git").exists():
            return folder / STORE_FOLDER
    return start / STORE_FOLDER


def folder_of(uri: str) -> Path:
    """The folder that a tracking URI names: a plain path or `file://…`."""
    if scheme_of(uri) != FILE:
        raise _no_store_at(uri)
    parts = urlsplit(uri)
    return Path(unquote(parts.path)).absolute() if len(parts.scheme) > 1 else Path(uri).expanduser().absolute()


def scheme_of(uri: str) -> str:
    """The scheme of a tracking URI, in lower case. A plain path has the scheme `file`."""
    if "\0" in uri:
        raise InvalidParameter("A tracking URI cannot contain a NUL character.")
    scheme = urlsplit(uri).scheme
    # A one-letter "scheme" is a Windows drive.
    if len(scheme) <= 1 or scheme == FILE:
        return FILE
    if scheme not in store_schemes():
        raise _no_store_at(uri)
    return scheme


def store_schemes() -> dict[str, EntryPoint]:
    """The kinds of stores that are installed, by the scheme of their URIs."""
    return _entry_points(tuple(sys.path))


@cache
def _entry_points(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """`path` is what the answer depends on: the search takes milliseconds."""
    # Plain paths and `file:` URIs, which are nearly all, do without this import.
    from importlib.metadata import entry_points

    return {entry_point.name: entry_point for entry_point in entry_points(group=STORES)}


def _no_store_at(uri: str) -> NotSupported:
    others = sorted(store_schemes().keys() - {FILE})
    return NotSupported(
        f"Runs cannot be kept at {uri!r}: this installation of nbtrack keeps them in a folder (a path or file://…)"
        f"{''.join(f' or at {scheme}://…' for scheme in others)}. "
        "Give a path such as './.nbtrack' to set_tracking_uri or in NBTRACK_TRACKING_URI "
        "(which goes before MLFLOW_TRACKING_URI)."
    )


def _normal(uri: str) -> str:
    """A folder as an absolute path; other URIs as they are."""
    return str(folder_of(uri)) if scheme_of(uri) == FILE else uri


def announce(folder: str, file: TextIO, *, again: bool = False) -> None:
    """Say where runs are kept, once unless `again` is set, so that no store is there that nobody knows of."""
    if again or folder not in _announced:
        _announced.add(folder)
        print(f"nbtrack: runs are kept in {folder}", file=file)
