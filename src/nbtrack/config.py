"""Where runs are stored, and the environment variables of nbtrack.

The store is, in this order: the one passed to `set_tracking_uri`; NBTRACK_TRACKING_URI; MLFLOW_TRACKING_URI; the folder
`.nbtrack` that is found by walking up from the working directory, as git finds its own. If no such folder exists, it is
created at the git root, or in the working directory if that is not in a git repository.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import unquote, urlsplit

from .errors import InvalidParameter, InvalidState, NotSupported

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

STORE_FOLDER = ".nbtrack"
FILE = "file"
"""The scheme of a store in a folder."""
STORES = "nbtrack.stores"
"""The entry-point group of the kinds of stores."""
_HOSTED = ("databricks", "databricks-uc")
"""Tracking URIs of hosted services that have no colon. As a folder, such a name would hide the mistake."""

_tracking_uri: str | None = None
_announced: set[str] = set()
_named_by_environment: dict[str, str] = {}
"""The stores that an environment variable has named, by its value. A relative path is resolved once, as by
`set_tracking_uri`: a later `os.chdir` must not move the runs of a process to another store."""


@dataclass(frozen=True, slots=True)
class _Passed:
    """An environment variable that this process has set for its child processes, and its earlier value."""

    value: str
    before: str | None


_passed_on: dict[str, _Passed] = {}


def environment(name: str) -> str | None:
    """Return the value of NBTRACK_<name>, or of MLFLOW_<name> if that is not set or empty, or None."""
    variable = f"NBTRACK_{name}"
    value = os.environ.get(variable)
    if variable in _passed_on and value == _passed_on[variable].value:
        value = _passed_on[variable].before
    return value or os.environ.get(f"MLFLOW_{name}") or None


def is_on(name: str) -> bool:
    """Return whether the environment variable NBTRACK_<name> does not turn something off that is on by default."""
    return (environment(name) or "true").strip().lower() not in ("false", "0", "no", "off")


def pass_on(name: str, value: str | None) -> None:
    """Set NBTRACK_<name> for the processes that this one starts. None restores what the variable was before.

    `environment` does not see the value in this process.
    """
    variable = f"NBTRACK_{name}"
    now = os.environ.get(variable)
    passed = _passed_on.pop(variable, None)
    before = passed.before if passed and now == passed.value else now
    if value is not None:
        _passed_on[variable] = _Passed(value, before)
        os.environ[variable] = value
    elif before is not None:
        os.environ[variable] = before
    else:
        os.environ.pop(variable, None)


def set_tracking_uri(uri: str | os.PathLike[str] | None) -> None:
    """Set the store that this process uses from now on.

    The store is created when it is first written to. A run that is already active stays in its store. Processes that
    this one starts use the same store, through the environment variable NBTRACK_TRACKING_URI.

    Args:
        uri: A folder as a path or a `file://` URI, or a URI whose scheme an installed package registers. The empty
            string or None goes back to the environment variables and the working directory (see `get_tracking_uri`).

    Raises:
        NotSupported: If no installed package has a store for the scheme of the URI.
        InvalidParameter: If the URI contains a NUL character or is not a string or a path.

    Example:
        >>> set_tracking_uri("experiments/.nbtrack")  # doctest: +SKIP
    """
    global _tracking_uri
    if uri is not None and not isinstance(uri, (str, os.PathLike)):
        raise InvalidParameter(f"uri must be a string or a path, not {type(uri).__name__}.")
    if isinstance(uri, os.PathLike):
        # A path is a folder, also if its name is that of a hosted service.
        uri = os.path.join(os.curdir, os.fspath(uri))
    _tracking_uri = _normal(uri) if uri else None
    pass_on("TRACKING_URI", _tracking_uri)


def get_tracking_uri() -> str:
    """Return the store that runs are kept in.

    This is the URI passed to `set_tracking_uri`, or else the environment variable NBTRACK_TRACKING_URI, or else
    MLFLOW_TRACKING_URI, or else the nearest folder `.nbtrack` in the working directory or above it. If there is no such
    folder, it is the place where nbtrack will create it: the git root, or else the working directory.

    Returns:
        The absolute path of a folder, or a URI. The store need not exist yet. A relative path in an environment
            variable is resolved when it is first used, and stays the same store after a change of the working
            directory.
    """
    if _tracking_uri:
        return _tracking_uri
    named = environment("TRACKING_URI")
    if not named:
        return str(default_store())
    if named not in _named_by_environment:
        _named_by_environment[named] = _normal(named)
    return _named_by_environment[named]


def is_tracking_uri_set() -> bool:
    """Return whether `set_tracking_uri` or an environment variable names the store.

    Returns:
        False if the store is found from the working directory.
    """
    return bool(_tracking_uri or environment("TRACKING_URI"))


def default_store(start: Path | None = None) -> Path:
    """Return the nearest folder `.nbtrack` at or above `start` (the working directory), or where to create one."""
    start = (start or _working_directory()).resolve()
    above = (start, *start.parents)
    for folder in above:
        if (folder / STORE_FOLDER).is_dir():
            return folder / STORE_FOLDER
    for folder in above:
        if (folder / ".git").exists():
            return folder / STORE_FOLDER
    return start / STORE_FOLDER


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise InvalidState(
            "The working directory was deleted, so no store can be found from it. Change to another directory, or set "
            "NBTRACK_TRACKING_URI or call set_tracking_uri() with an absolute path."
        ) from None


def folder_of(uri: str) -> Path:
    """Return the folder that a tracking URI names: a plain path or `file://…`."""
    if scheme_of(uri) != FILE:
        raise _unknown_scheme(uri)
    parts = urlsplit(uri)
    path = Path(unquote(parts.path)) if len(parts.scheme) > 1 else Path(uri).expanduser()
    return path if path.is_absolute() else _working_directory() / path


def scheme_of(uri: str) -> str:
    """Return the scheme of a tracking URI, in lower case. A plain path has the scheme `file`."""
    if "\0" in uri:
        raise InvalidParameter("Tracking URI must not contain a NUL character.")
    scheme = uri if uri in _HOSTED else urlsplit(uri).scheme
    # A "scheme" of one letter is a Windows drive.
    if len(scheme) <= 1 or scheme == FILE:
        return FILE
    if scheme not in store_schemes():
        raise _unknown_scheme(uri)
    return scheme


def store_schemes() -> dict[str, EntryPoint]:
    """Return the installed kinds of stores, by the scheme of their URIs."""
    return _entry_points(tuple(sys.path))


@cache
def _entry_points(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Return the entry points of stores. `path` is the cache's key, because the search takes milliseconds."""
    # Plain paths and `file:` URIs, the usual case, do not need this import.
    from importlib.metadata import entry_points

    return {entry_point.name: entry_point for entry_point in entry_points(group=STORES)}


def _unknown_scheme(uri: str) -> NotSupported:
    others = sorted(store_schemes().keys() - {FILE})
    return NotSupported(
        f"Tracking URI {uri!r} is not supported. This installation of nbtrack keeps runs in a folder (a path or "
        f"file://…){''.join(f', or at {scheme}://…' for scheme in others)}. Pass a path such as './.nbtrack' to "
        "set_tracking_uri(), or set NBTRACK_TRACKING_URI, which takes precedence over MLFLOW_TRACKING_URI."
    )


def _normal(uri: str) -> str:
    """Return a folder as an absolute path, and other URIs unchanged."""
    return str(folder_of(uri)) if scheme_of(uri) == FILE else uri


def announce(folder: str, file: TextIO, *, again: bool = False) -> None:
    """Print where runs are stored, once per store unless `again` is set, so that users know of every new store."""
    if again or folder not in _announced:
        _announced.add(folder)
        # What reads stderr can have ended before the program.
        with contextlib.suppress(OSError, ValueError):
            print(f"nbtrack: runs are kept in {folder}", file=file)
