"""Unpacks zip archives, which may be hostile, and downloads them."""

from __future__ import annotations

import base64
import stat
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote

from ..errors import ExecutionException, InvalidParameter
from .uris import Location

MAX_ARCHIVE = 1 << 30
"""The largest archive that is downloaded, in bytes."""
MAX_UNPACKED = 4 << 30
"""The most bytes that an archive is unpacked to. What counts is what comes out, not what the archive says."""
MAX_MEMBERS = 100_000
TIMEOUT = 60.0
"""How long a server may send nothing, in seconds."""
_BLOCK = 1 << 20


def unpack(archive: Path, folder: Path, shown: str) -> None:
    """Unpack an archive into an empty folder.

    Raises InvalidParameter if it is damaged or too large, or has a member that would be outside the folder, is a link,
    or needs a password.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > MAX_MEMBERS:
                raise InvalidParameter(f"Archive {shown!r:.200} must have at most {MAX_MEMBERS:,} members.")
            for member in members:
                _check(member, shown)
            left = MAX_UNPACKED
            for member in members:
                left = _write(opened, member, folder, left, shown)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, InvalidParameter):
            raise
        raise InvalidParameter(f"Archive {shown!r:.200} cannot be unpacked: {error}") from error


def _check(member: zipfile.ZipInfo, shown: str) -> None:
    # `filename` ends at a NUL character and has slashes for backslashes on some systems. The original name has both.
    names = {member.filename, member.orig_filename}
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or name[1:2] == ":":
            raise InvalidParameter(f"Archive {shown!r:.200} has the member {name!r:.200}, which is outside its folder.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InvalidParameter(f"Archive {shown!r:.200} has the member {member.filename!r:.200}, which is not a file.")
    if member.flag_bits & 1:
        raise InvalidParameter(f"Archive {shown!r:.200} has a password. Unpack it, and run the folder.")


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, left: int, shown: str) -> int:
    """Write one member, and return how many more bytes may be unpacked."""
    target = folder / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return left
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise InvalidParameter(f"Archive {shown!r:.200} must not unpack to more than {MAX_UNPACKED:,} bytes.")
            file.write(block)
    if member.external_attr >> 16 & stat.S_IXUSR:
        target.chmod(0o755)
    return left


def download(location: Location, target: Path) -> None:
    """Download an archive. Raises ExecutionException if that is not possible."""
    request = urllib.request.Request(location.uri, headers={"User-Agent": "nbtrack"})
    if location.credentials:
        encoded = base64.b64encode(unquote(location.credentials).encode()).decode()
        # A server that the request is redirected to does not get it.
        request.add_unredirected_header("Authorization", f"Basic {encoded}")
    try:
        with _opener().open(request, timeout=TIMEOUT) as answer, target.open("xb") as file:
            if location.uri.startswith("https:") and not answer.geturl().startswith("https:"):
                raise ExecutionException(f"Project {location.shown!r:.200} is redirected to an address without TLS.")
            _copy(answer, file, location.shown)
    except urllib.error.HTTPError as error:
        raise ExecutionException(
            f"Project {location.shown!r:.200} cannot be downloaded: the server answers {error.code} {error.reason}."
        ) from None
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "reason", error)
        raise ExecutionException(f"Project {location.shown!r:.200} cannot be downloaded: {reason}") from None


def _copy(answer: IO[bytes], file: IO[bytes], shown: str) -> None:
    left = MAX_ARCHIVE
    while block := answer.read(_BLOCK):
        left -= len(block)
        if left < 0:
            raise ExecutionException(f"Project {shown!r:.200} must not be larger than {MAX_ARCHIVE:,} bytes.")
        file.write(block)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows no other protocol than HTTP, also after a redirection."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener
