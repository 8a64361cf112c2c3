"""What an artifact repository does: it keeps files under paths such as `plots/loss.png`, below one URI.

A repository for another kind of storage is a subclass of `ArtifactRepository` in a module of its own that has a
function `open_repository(uri, written)`. An entry point in the group `nbtrack.artifact_stores` names that module by
the scheme of its URIs; see `opening.py`. `tests/artifacts/conformance.py` tests what is expected of it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, TypeAlias

from ..entities import FileInfo
from ..errors import InvalidParameter, NotFound
from ..process_end import at_process_end

Listing: TypeAlias = list[FileInfo]
Written: TypeAlias = Callable[[str, int], None]
"""Called for each file that was written: its path below the repository, its size in bytes."""

_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Stat:
    """What a repository knows about one of its files or folders without reading it."""

    path: str
    is_dir: bool
    size: int | None = None
    """In bytes; None for a folder."""
    modified: int | None = None
    """When it was last written, in milliseconds since the epoch; None where the repository does not know."""
    is_shared: bool = False
    """Whether equal files are kept as this one, so that `modified` may be the time of another one."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What went with a replaced folder: `freed` bytes, and the paths of files that the new one does not have."""

    freed: int = 0
    gone: Sequence[str] = ()


class Files(Protocol):
    """The part of a repository that logging needs; `RunArtifacts` has it too."""

    def put(self, path: str, source: bytes | Path) -> None: ...
    def replace(self, path: str, folder: Path) -> Replaced: ...
    def get(self, path: str) -> bytes: ...
    def exists(self, path: str) -> bool: ...


class ArtifactRepository(ABC):
    """The artifacts below one URI. Paths are relative to it, with '/' between their parts; "" is the whole of it.

    Every operation raises InvalidParameter for a path that would leave the repository, and StoreError (with the
    OSError as its cause, where there was one) where the storage cannot be written.

    Args:
        written: Called for each file that was written, whichever operation wrote it.
    """

    def __init__(self, written: Written | None = None) -> None:
        self._written = written

    # -- what each repository does in its own way ----------------------------------------------------------------

    @abstractmethod
    def put(self, path: str, source: bytes | Path, modified: int | None = None) -> None:
        """Write a file, or all files of a folder.

        A file appears as a whole, in place of one that was there. Files that are in the target folder already and
        not in the source stay.

        Args:
            path: The file to write, or the folder to write into.
            source: The content of the file, or a local file, or a local folder whose files are copied.
            modified: When the file was written first, in milliseconds since the epoch. A repository that keeps no
                times of others ignores it.

        Raises:
            NotFound: If there is no such local file or folder.
            InvalidParameter: If `path` is a folder where a file is written, or a part of it is a file.
        """

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Open a file for reading. Raises NotFound, and InvalidParameter for a folder."""

    @abstractmethod
    def list(self, path: str = "") -> Listing:
        """List what is directly in a folder, by path; [] where there is no such folder."""

    @abstractmethod
    def stat(self, path: str) -> Stat:
        """Describe a file or a folder. Raises NotFound."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it. Raises NotFound."""

    @abstractmethod
    def url(self, path: str = "") -> str:
        """The URI of the repository, or of a path in it. The path need not exist."""

    # -- what follows from that, and what a repository may do better ----------------------------------------------

    def get(self, path: str) -> bytes:
        """Read the content of a file. Raises NotFound, and InvalidParameter for a folder."""
        with self.open(path) as file:
            return file.read()

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        try:
            self.stat(path)
        except NotFound:
            return False
        return True

    def copy(self, path: str, target: str) -> None:
        """Copy a file or a folder within the repository. Raises NotFound."""
        base = str(check_artifact_path(path))
        if not self.stat(path).is_dir:
            self.put(target, self.get(path))
            return
        for info in [*self.walk(path)]:
            self.put(str(PurePosixPath(target, PurePosixPath(info.path).relative_to(base))), self.get(info.path))

    def replace(self, path: str, folder: Path) -> Replaced:
        """Put a copy of a local folder in the place of the folder at `path`, and say what went with that one.

        Unless a repository does better, the new files are written before the others are deleted, so that a reader in
        between finds files of both.
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
        """Get a local file or folder with what is at `path`.

        Args:
            path: A file or a folder of the repository; all of it by default.
            folder: Where to write a copy: `path` below this folder, which is made if need be. Without it, the result
                is for reading only: it may be the stored file itself, or a copy that lasts as long as the process.

        Raises:
            NotFound: If there is no such file or folder.
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
            # Not wherever a listing says: the keys of an object store may hold '..'.
            self._fetch(info.path, target / check_artifact_path(info.path).relative_to(relative))
        return target

    def path_of(self, url: str) -> str | None:
        """The path of what a URI names, where that is in this repository; None where it is elsewhere."""
        root, url = self.url().rstrip("/"), url.rstrip("/")
        if url == root:
            return ""
        return url.removeprefix(f"{root}/") if url.startswith(f"{root}/") else None

    def real_url(self, path: str = "") -> str:
        """The URI of a path, with every link on the way resolved where the storage has links."""
        return self.url(path)

    def walk(self, path: str = "") -> Iterator[FileInfo]:
        """Every file below a folder, at any depth."""
        for info in self.list(path):
            if info.is_dir:
                yield from self.walk(info.path)
            else:
                yield info

    def __str__(self) -> str:
        return self.url()

    def _tell(self, path: PurePosixPath | str, size: int) -> None:
        """Report a file that was written."""
        if self._written is not None:
            self._written(str(path), size)

    def _fetch(self, path: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open(path) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)


def check_artifact_path(path: object) -> PurePosixPath:
    """`path` as the parts below the artifact folder; InvalidParameter where it would leave that folder."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidParameter(f"An artifact path must be a text such as 'plots/loss.png', not {path!r:.80}.")
    if "\0" in text:
        raise InvalidParameter(f"The artifact path {text!r:.200} contains a NUL character.")
    if text.startswith(("/", "\\")) or _DRIVE.match(text):
        raise InvalidParameter(
            f"The artifact path {text!r:.200} is absolute. Give a path below the run's artifact folder, "
            "such as 'plots/loss.png'."
        )
    # Backslashes separate folders where the store may be opened next.
    if ".." in re.split(r"[/\\]", text):
        raise InvalidParameter(f"The artifact path {text!r:.200} leaves the run's artifact folder by '..'.")
    return PurePosixPath(text)


def check_file_path(path: object) -> PurePosixPath:
    """`path` as `check_artifact_path` gives it; InvalidParameter where it names no file in the artifact folder."""
    checked = check_artifact_path(path)
    if not checked.parts:
        raise InvalidParameter("An artifact needs a file name such as 'plots/loss.png'.")
    return checked


def existing(local_path: str | os.PathLike[str]) -> Path:
    """A local file or folder that somebody named as a source. Raises NotFound."""
    path = Path(local_path)
    if not path.exists():
        raise NotFound(f"There is no file or folder {os.fspath(local_path)!r:.200} (in {os.getcwd()}).")
    return path


PARTIAL = ".nbtrack-partial-"
"""How the names of unfinished files in local folders begin."""


def files_below(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Every file below a local folder, in order; links are followed, but not one that leads to a folder above it."""
    here = folder.resolve()
    if here in above:
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            yield from files_below(entry, (*above, here))
        elif entry.is_file() and not entry.name.startswith(PARTIAL):
            yield entry


def missing(repository: ArtifactRepository, path: PurePosixPath) -> NotFound:
    """The error for a path that is not there, with what is there instead."""
    there = [info.path for info in repository.list(str(path.parent))][:10]
    what = f"{str(path.parent)!r} has {', '.join(there)}" if there else "There is nothing in that folder"
    return NotFound(f"There is no artifact {str(path)!r:.200}. {what}.")


_lock = threading.Lock()
_folder: tuple[int, Path] | None = None


def _copies() -> Path:
    """This process's folder for copies of artifacts that are not stored in local files."""
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
