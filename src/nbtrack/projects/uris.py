"""What a project's URI names: a folder, a zip archive or a git repository."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from ..errors import InvalidParameter, NotFound

GIT_PROTOCOLS = ("https", "http", "ssh", "file")
"""The transports that git may use. Others, such as `ext::`, can run commands."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?://|:)")
# As git does: a colon before the first slash. The host cannot be an option of ssh.
_SCP = re.compile(r"(?:[\w.+~][\w.+~-]*@)?(?!-)[\w.-]+:(?!:|//).+")
_ARTIFACTS = ("runs:/", "models:/")
_ALLOWED = "a folder, a .zip file, or a git repository (https://…, ssh://…, git@host:path, file://…)"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a project comes from.

    Attributes:
        kind: What it is. A git repository that is a local folder, without a version, is a `folder`.
        uri: A path, for a folder or a local archive, or a URL without credentials.
        subfolder: The folder of the project below it, or an empty string.
        credentials: The user information that was part of the URL, as `name:password`, or an empty string.
    """

    kind: Literal["folder", "zip", "git"]
    uri: str
    subfolder: str = ""
    credentials: str = ""

    @property
    def url(self) -> str:
        """The address with the credentials."""
        if not self.credentials:
            return self.uri
        scheme, _, rest = self.uri.partition("://")
        return f"{scheme}://{self.credentials}@{rest.rpartition('@')[2] if scheme == 'ssh' else rest}"

    @property
    def shown(self) -> str:
        """The recorded address and the subfolder."""
        return f"{self.address}#{self.subfolder}" if self.subfolder else self.address

    @property
    def address(self) -> str:
        """The address as it is recorded, without what may be secret.

        A local repository has a `file:` URL, as in MLflow.
        """
        return f"file://{self.uri}" if self.kind == "git" and self.uri.startswith("/") else without_query(self.uri)


def parse(uri: str, version: str | None = None) -> Location:
    """Return what a URI names.

    Raises InvalidParameter if it is not valid or its transport is not allowed, and NotFound if it can only be a local
    path and does not exist.
    """
    _check(uri)
    if _exists(Path(uri)):
        # A "#" can be part of a folder's name.
        return _local(Path(uri), "", version)
    address, _, subfolder = uri.partition("#")
    subfolder = _checked_subfolder(subfolder)
    path = local_path(address)
    if path is not None and _exists(path):
        return _local(path, subfolder, version)
    scheme = _SCHEME.match(address)
    if address.startswith(_ARTIFACTS):
        raise InvalidParameter(f"Project URI {uri!r:.200} names an artifact. A project is {_ALLOWED}.")
    if scheme is None and _SCP.fullmatch(address):
        return Location("git", address, subfolder)
    if scheme is None or scheme[1].lower() == "file":
        raise NotFound(f"Project {uri!r:.200} does not exist. A project is {_ALLOWED}.")
    return _remote(address, subfolder, version)


def local_path(address: str) -> Path | None:
    """Return the path that an address names, or None if it is not local."""
    if address.lower().startswith("file:"):
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        return Path(unquote(parts.path)) if parts.netloc in ("", "localhost") and parts.path else None
    return Path(address)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # A name that is too long, for example.
        return False


def without_credentials(url: str) -> tuple[str, str]:
    """Return a URL without its password, and what was removed. The user of an ssh address is not a secret."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@(.*)", url, re.DOTALL)
    if match is None:
        return url, ""
    start, user, rest = match.groups()
    if start.lower() == "ssh://":
        name, _, password = user.partition(":")
        return f"{start}{name}@{rest}", user if password else ""
    return start + rest, user


def without_query(url: str) -> str:
    """Return a URL without its query, which can be a signature that allows the download."""
    return url.partition("?")[0] if _SCHEME.match(url) else url


def _check(uri: object) -> None:
    if not isinstance(uri, str):
        raise InvalidParameter(f"uri must be a string, not {type(uri).__name__}.")
    if not uri.strip():
        raise InvalidParameter("uri must not be empty.")
    if uri.startswith("-") or _CONTROL.search(uri):
        raise InvalidParameter(
            f"Project URI {uri!r:.200} must not begin with a dash or contain control characters. "
            "Write ./ before the name of a folder that begins with a dash."
        )


def _checked_subfolder(subfolder: str) -> str:
    if not subfolder:
        return ""
    path = PurePosixPath(subfolder)
    if path.is_absolute() or ".." in path.parts or "\\" in subfolder:
        raise InvalidParameter(f"Subfolder {subfolder!r:.200} must be a path below the project, without '..'.")
    return "" if str(path) == "." else str(path)


def _local(path: Path, subfolder: str, version: str | None) -> Location:
    path = _absolute(path)
    if path.is_dir():
        is_bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
        return Location("git" if version is not None or is_bare else "folder", str(path), subfolder)
    if path.suffix.lower() == ".zip":
        return Location("zip", str(path), subfolder)
    raise InvalidParameter(
        f"Project {str(path)!r:.200} is a file. A project is {_ALLOWED}. To run a script, pass its folder and the "
        f"entry point: nbtrack run {path.parent} -e {path.name}"
    )


def _absolute(path: Path) -> Path:
    """Return an absolute path without `..`, so that a project has one name. Links are kept, unless `..` follows one."""
    normal = Path(os.path.abspath(path))
    return normal if normal.exists() and normal.samefile(path) else path.resolve()


def _remote(address: str, subfolder: str, version: str | None) -> Location:
    clean, credentials = without_credentials(address)
    try:
        parts = urlsplit(clean)
        host = parts.hostname or ""
    except ValueError:
        raise InvalidParameter(f"Project URI {clean!r:.200} is not a valid URL.") from None
    if parts.scheme not in GIT_PROTOCOLS or not clean.startswith(f"{parts.scheme}://"):
        raise InvalidParameter(
            f"Project URI {clean!r:.200} has a transport that is not allowed. A project is {_ALLOWED}."
        )
    if not host or host.startswith("-") or (parts.username or "").startswith("-"):
        raise InvalidParameter(f"Project URI {clean!r:.200} has no valid host.")
    if parts.scheme in ("http", "https") and parts.path.lower().endswith(".zip"):
        return Location("zip", clean, subfolder, credentials)
    return Location("git", clean, subfolder, credentials)
