"""Where runs are kept, and what the environment says about it.

The order: `set_tracking_uri`, then NBTRACK_TRACKING_URI, then MLFLOW_TRACKING_URI, then the folder `.nbtrack` found by
walking up from the working directory, as git finds its own. Where there is none, it is made at the git root, or else
in the working directory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlsplit

from .errors import InvalidParameter, NotSupported

STORE_FOLDER = ".nbtrack"

_tracking_uri: str | None = None
_announced: set[str] = set()


def environment(name: str) -> str | None:
    """The value of NBTRACK_<name>, or of MLFLOW_<name> where the first is not set; None where neither is."""
    return os.environ.get(f"NBTRACK_{name}") or os.environ.get(f"MLFLOW_{name}") or None


def set_tracking_uri(uri: str | os.PathLike[str]) -> None:
    """Keep runs in this folder from now on. An empty text goes back to what the environment says.

    Raises NotSupported for a scheme that this version has no store for.
    """
    global _tracking_uri
    text = os.fspath(uri)
    if text:
        text = str(folder_of(text))
    _tracking_uri = text or None


def get_tracking_uri() -> str:
    """The folder that runs are kept in, as an absolute path. It is made at first use, not here."""
    named = _tracking_uri or environment("TRACKING_URI")
    return str(folder_of(named)) if named else str(default_store())


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
    if "\0" in uri:
        raise InvalidParameter("A tracking URI cannot contain a NUL character.")
    parts = urlsplit(uri)
    # A one-letter "scheme" is a Windows drive.
    if len(parts.scheme) <= 1:
        return Path(uri).expanduser().absolute()
    if parts.scheme == "file":
        return Path(unquote(parts.path)).absolute()
    raise NotSupported(
        f"Runs cannot be kept at {uri!r}: this version of nbtrack keeps them in a folder. "
        "Give a path such as './.nbtrack' to set_tracking_uri or in NBTRACK_TRACKING_URI "
        "(which goes before MLFLOW_TRACKING_URI)."
    )


def announce(folder: str, file: TextIO, *, again: bool = False) -> None:
    """Say where runs are kept, once unless `again` is set, so that no store is there that nobody knows of."""
    if again or folder not in _announced:
        _announced.add(folder)
        print(f"nbtrack: runs are kept in {folder}", file=file)
