"""The interface of artifact repositories, which keep files under paths such as `plots/loss.png` below one URI.

A repository for another kind of storage is a subclass of `ArtifactRepository` in a module of its own that has a
function `open_repository(uri, written)`. An entry point in the group `nbtrack.artifact_stores` names that module by
the scheme of its URIs; see `opening.py`. `tests/artifacts/conformance.py` has the tests that it must pass.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, TypeAlias

from ..entities import FileInfo
from ..errors import InvalidParameter, NotFound
from ..names import check_path
from ..process_end import at_process_end

Listing: TypeAlias = list[FileInfo]
Written: TypeAlias = Callable[[str, int], None]
"""A callback for each file that was written, with its path below the repository and its size in bytes."""

# Windows also takes 'C:name' for a path on a drive. Elsewhere, 'k:3.json' is an ordinary name.
_DRIVE = re.compile(r"[A-Za-z]:" if os.name == "nt" else r"[A-Za-z]:[/\\]")


@dataclass(frozen=True, slots=True)
class Stat:
    """The properties of a file or folder that a repository knows without reading it.

    Attributes:
        path: The path below the repository.
        is_dir: Whether it is a folder.
        size: The size in bytes; None for a folder.
        modified: When it was last written, in milliseconds since the epoch; None if the repository does not know.
        is_shared: Whether it shares its storage with files of equal content, so that `modified` may be the time of
            another one.
    """

    path: str
    is_dir: bool
    size: int | None = None
    modified: int | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """The result of replacing a folder.

    Attributes:
        freed: The bytes that were freed.
        gone: The paths of the files that the new folder does not have.
    """

    freed: int = 0
    gone: Sequence[str] = ()


class Files(Protocol):
    """The part of a repository that logging needs; `RunArtifacts` has it too."""

    def put(self, path: str, source: bytes | Path) -> None: ...
    def replace(self, path: str, folder: Path) -> Replaced: ...
    def get(self, path: str) -> bytes: ...
    def exists(self, path: str) -> bool: ...


class ArtifactRepository(ABC):
    """The artifacts below one URI. Paths are relative to it and use '/'; the path "" is the whole repository.

    Every operation raises InvalidParameter if a path would leave the repository, and StoreError if the storage cannot
    be written (with the OSError as its cause, if there was one).

    Args:
        written: Called for each file that any operation writes, with its path and its size in bytes.
    """

    def __init__(self, written: Written | None = None) -> None:
        self._written = written

    # -- operations that each repository implements --------------------------------------------------------------

    @abstractmethod
    def put(self, path: str, source: bytes | Path, modified: int | None = None) -> None:
        """Write a file, or all files of a folder.

        A file appears as a whole and replaces an existing one. Files of the target folder that the source does not
        have are kept.

        Args:
            path: The file to write, or the folder to write into.
            source: The content of the file, a local file, or a local folder whose files are copied.
            modified: When the file was first written, in milliseconds since the epoch. A repository that cannot set
                times ignores it.

        Raises:
            NotFound: If the local file or folder does not exist.
            InvalidParameter: If a file would be written where a folder is, or if a part of `path` is a file.
        """

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Open a file for reading.

        Args:
            path: The file.

        Returns:
            A binary file, which the caller must close.

        Raises:
            NotFound: If the file does not exist.
            InvalidParameter: If `path` is a folder.
        """

    @abstractmethod
    def list(self, path: str = "") -> Listing:
        """List the files and folders directly in a folder.

        Args:
            path: The folder. Defaults to the whole repository.

        Returns:
            The entries, sorted by path; [] if the folder does not exist.
        """

    @abstractmethod
    def stat(self, path: str) -> Stat:
        """Describe a file or a folder.

        Args:
            path: The file or folder.

        Returns:
            Its size, its time and whether it is a folder.

        Raises:
            NotFound: If it does not exist.
        """

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file, or a folder with everything in it.

        Args:
            path: The file or folder.

        Raises:
            NotFound: If it does not exist.
        """

    @abstractmethod
    def url(self, path: str = "") -> str:
        """Return the URI of a path in the repository.

        Args:
            path: The path, which need not exist. Defaults to the whole repository.

        Returns:
            An absolute URI.
        """

    # -- operations that follow from these; a repository may override them with better ones ----------------------

    def get(self, path: str) -> bytes:
        """Read a file.

        Args:
            path: The file.

        Returns:
            The content of the file.

        Raises:
            NotFound: If the file does not exist.
            InvalidParameter: If `path` is a folder.
        """
        with self.open(path) as file:
            return file.read()

    def exists(self, path: str) -> bool:
        """Return whether a file or folder exists.

        Args:
            path: The file or folder.

        Returns:
            Whether it exists.
        """
        try:
            self.stat(path)
        except NotFound:
            return False
        return True

    def copy(self, path: str, target: str) -> None:
        """Copy a file or a folder within the repository.

        Args:
            path: The file or folder to copy.
            target: The path of the copy.

        Raises:
            NotFound: If `path` does not exist.
        """
        base = str(check_artifact_path(path))
        if not self.stat(path).is_dir:
            self.put(target, self.get(path))
            return
        for info in [*self.walk(path)]:
            self.put(str(PurePosixPath(target, PurePosixPath(info.path).relative_to(base))), self.get(info.path))

    def replace(self, path: str, folder: Path) -> Replaced:
        """Replace the folder at `path` with a copy of a local folder.

        Unless a repository overrides this, the new files are written before the old ones are deleted, so a reader can
        find files of both in the meantime.

        Args:
            path: The folder to replace. It need not exist.
            folder: The local folder.

        Returns:
            The bytes that were freed, and the files that no longer exist.
        """
        before = [*self.walk(path)]
        self.put(path, folder)
        base = check_artifact_path(path)
        new = {str(base / file.relative_to(folder).as_posix()) for file in files_below(folder)}
        gone = [info.path for info in before if info.path not in new]
        for name in gone:
            self.delete(name)
        return Replaced(sum(info.file_size or 0 for info in before), gone)

    def fetch_to(self, path: str = "", folder: str | os.PathLike[str] | None = None) -> Path:
        """Make a file or folder available as a local path.

        Args:
            path: A file or folder of the repository. Defaults to the whole repository.
            folder: The local folder to write a copy into, at `path` below it. It is created if it does not exist. By
                default, the result must not be changed: it may be the stored file itself, or a copy that is deleted
                when the process ends.

        Returns:
            The local file or folder.

        Raises:
            NotFound: If `path` does not exist.
            InvalidParameter: If the name of a file in it would lead out of the folder.
        """
        relative = check_artifact_path(path)
        stat = self.stat(path)
        target = Path(tempfile.mkdtemp(dir=_copies()) if folder is None else folder).absolute() / relative
        if not stat.is_dir:
            self._fetch(path, target)
            return target
        target.mkdir(parents=True, exist_ok=True)
        for info in self.walk(path):
            # A listing is not trusted, because the keys of an object store may contain '..'.
            self._fetch(info.path, target / check_artifact_path(info.path).relative_to(relative))
        return target

    def path_of(self, url: str) -> str | None:
        """Return the path that a URI has in this repository.

        Args:
            url: A URI.

        Returns:
            The path, "" for the repository itself, or None if the URI is not in this repository.
        """
        root, url = self.url().rstrip("/"), url.rstrip("/")
        if url == root:
            return ""
        return url.removeprefix(f"{root}/") if url.startswith(f"{root}/") else None

    def real_url(self, path: str = "") -> str:
        """Return the URI of a path with all links resolved.

        Args:
            path: The path. Defaults to the whole repository.

        Returns:
            The URI. It equals `url(path)` if the storage has no links.
        """
        return self.url(path)

    def walk(self, path: str = "") -> Iterator[FileInfo]:
        """Yield every file below a folder, at any depth.

        Args:
            path: The folder. Defaults to the whole repository.

        Yields:
            The files, without the folders.
        """
        for info in self.list(path):
            if info.is_dir:
                yield from self.walk(info.path)
            else:
                yield info

    def __str__(self) -> str:
        return self.url()

    def _report_written(self, path: PurePosixPath | str, size: int) -> None:
        """Report a file that was written."""
        if self._written is not None:
            self._written(str(path), size)

    def _fetch(self, path: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open(path) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)


def check_artifact_path(path: object) -> PurePosixPath:
    """Return `path` as a path below the artifact folder. Raises InvalidParameter if it would leave that folder."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidParameter(f"An artifact path must be a string such as 'plots/loss.png', not {path!r:.80}.")
    if "\0" in text:
        raise InvalidParameter(f"The artifact path {text!r:.200} must not contain a NUL character.")
    if text.startswith(("/", "\\")) or _DRIVE.match(text):
        raise InvalidParameter(
            f"The artifact path {text!r:.200} must be relative to the run's artifact folder, such as 'plots/loss.png'."
        )
    # A backslash separates folders on Windows, where the store may be opened next.
    if ".." in re.split(r"[/\\]", text):
        raise InvalidParameter(
            f"The artifact path {text!r:.200} must not leave the run's artifact folder: it contains '..'."
        )
    return PurePosixPath(text)


def check_file_path(path: object) -> PurePosixPath:
    """Check a path like `check_artifact_path`. Raises InvalidParameter also if it is the artifact folder itself."""
    checked = check_artifact_path(path)
    if not checked.parts:
        raise InvalidParameter("An artifact path must contain a file name, such as 'plots/loss.png'.")
    return checked


def existing(local_path: str | os.PathLike[str], what: str = "local_path") -> Path:
    """Return the path of a local file or folder, the argument `what`. Raises NotFound if it does not exist."""
    path = Path(check_path(local_path, what))
    if not path.exists():
        raise NotFound(
            f"File or folder {os.fspath(local_path)!r:.200} does not exist. The working directory is {os.getcwd()}."
        )
    return path


_SHOWN = 10
"""How many of the entries that were left out a warning names."""

PARTIAL = ".nbtrack-partial-"
"""The prefix of the names of unfinished files in local folders."""


def files_below(
    folder: Path, above: tuple[Path, ...] = (), left_out: Callable[[Path, str], None] | None = None
) -> Iterator[Path]:
    """Yield every file below a local folder, sorted. Links are followed, except links to a folder above.

    `left_out` is called with every entry that is not such a file, and with the reason.
    """
    here = folder.resolve()
    if here in above:
        if left_out is not None:
            left_out(folder, "a link to a folder that contains it")
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(PARTIAL):
            continue
        if entry.is_dir():
            yield from files_below(entry, (*above, here), left_out)
        elif entry.is_file():
            yield entry
        elif left_out is not None:
            is_link = entry.is_symlink()
            left_out(entry, f"a link to {os.readlink(entry)}, which does not exist" if is_link else "not a file")


def empty_folders_below(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield every folder below a local folder that contains nothing. Links are followed as by `files_below`."""
    here = folder.resolve()
    if here in above:
        return
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(PARTIAL)]
    if above and not entries:
        yield folder
    for entry in entries:
        if entry.is_dir():
            yield from empty_folders_below(entry, (*above, here))


def files_to_log(folder: Path) -> list[Path]:
    """Return the files below a local folder that can be artifacts, and warn about everything else in it."""
    problems: list[str] = []

    def leave_out(entry: Path, reason: str) -> None:
        problems.append(f"{entry.relative_to(folder).as_posix()} ({reason})")

    files = []
    for file in files_below(folder, left_out=leave_out):
        try:
            check_artifact_path(file.relative_to(folder).as_posix())
            files.append(file)
        except InvalidParameter:
            leave_out(file, "a name that no artifact can have")
    if problems:
        more = f", and {len(problems) - _SHOWN:,} more" if len(problems) > _SHOWN else ""
        warnings.warn(
            f"Not everything in {os.fspath(folder)!r:.200} was logged. Left out: {', '.join(problems[:_SHOWN])}{more}.",
            stacklevel=7,
        )
    return files


def missing(repository: ArtifactRepository, path: PurePosixPath) -> NotFound:
    """Return the error for a path that does not exist. It lists what the folder contains."""
    there = [info.path for info in repository.list(str(path.parent))][:10]
    folder = f"Folder {str(path.parent)!r:.200}" if path.parent.parts else "The root folder"
    what = f"contains {', '.join(there)}" if there else "is empty or does not exist"
    return NotFound(f"Artifact {str(path)!r:.200} does not exist. {folder} {what}.")


_lock = threading.Lock()
_folder: tuple[int, Path] | None = None


def _copies() -> Path:
    """Return this process's folder for copies of artifacts that are not stored as local files."""
    global _folder
    with _lock:
        # A forked child must not delete the copies of its parent.
        if _folder is None or _folder[0] != os.getpid():
            _folder = os.getpid(), Path(tempfile.mkdtemp(prefix="nbtrack-artifacts-"))
        return _folder[1]


@at_process_end
def _remove_copies() -> None:
    if _folder is not None and _folder[0] == os.getpid():
        shutil.rmtree(_folder[1], ignore_errors=True)
