"""A run's artifacts in a local folder. Whoever names a file, it is inside that folder or it is refused.

A file appears under its name when it is whole: it is written beside it and moved into place, so a kill leaves a
hidden leftover at worst. The names of leftovers begin with `PARTIAL`; listings and downloads pass them over.
With `blobs` (see `blobs.py`), files of equal content are kept once, and read-only.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from ..entities import FileInfo
from ..errors import InvalidParameter, NotFound, NotSupported, StoreError, StoreNotWritable
from .blobs import PARTIAL as PARTIAL
from .blobs import Blobs
from .swap import swap

Listing: TypeAlias = list[FileInfo]
Written: TypeAlias = Callable[[str, int], None]
"""Told of each file that is there anew: its path below the root, its size in bytes."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What went with a folder: `freed` bytes, and the artifact paths of files that the new one does not have."""

    freed: int = 0
    gone: Sequence[str] = ()


_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def path_of_uri(artifact_uri: str) -> Path:
    """The folder that an artifact URI names: a plain path, taken as it stands, or a quoted `file://` URI.

    Raises NotSupported for every other scheme, and for a `file://` URI on another host.
    """
    if "\0" in artifact_uri:
        raise InvalidParameter("An artifact URI cannot contain a NUL character.")
    if not _SCHEME.match(artifact_uri):
        return Path(artifact_uri).absolute()
    parts = urlsplit(artifact_uri)
    if parts.scheme != "file":
        raise NotSupported(
            f"Artifacts at {parts.scheme}: ({artifact_uri:.200}) cannot be reached: this version of nbtrack keeps "
            "artifacts in local folders. Use a path or a file:// URI."
        )
    if parts.netloc not in ("", "localhost"):
        raise NotSupported(f"{artifact_uri:.200} is a file on the host {parts.netloc!r}. Use a path on this machine.")
    return Path(unquote(parts.path)).absolute()


def uri_of_path(path: str | os.PathLike[str]) -> str:
    """The `file://` URI of a local path, with what a URI cannot carry quoted."""
    return Path(path).absolute().as_uri()


def open_repository(artifact_uri: str) -> ArtifactRepository:
    """The repository at an artifact URI. Its folder is made at the first write."""
    return ArtifactRepository(path_of_uri(artifact_uri))


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


class ArtifactRepository:
    """The artifacts below one local folder. Paths are relative to it, with '/' between their parts."""

    def __init__(self, root: Path, written: Written | None = None, blobs: Blobs | None = None) -> None:
        self.root = root
        self._written = written
        self._blobs = blobs

    @property
    def artifact_uri(self) -> str:
        """The folder as a `file://` URI."""
        return uri_of_path(self.root)

    def log_artifact(self, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a file, or a folder with its name, into the folder `artifact_path` (by default the root)."""
        source = _existing(local_path)
        name = source.absolute().name
        folder = check_artifact_path(artifact_path or "")
        if source.is_dir():
            self.log_artifacts(source, str(folder / name))
        else:
            self._copy_in(source, folder / name)

    def log_artifacts(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy what is in a folder into the folder `artifact_path`. A folder that was not there appears as a whole."""
        source = _existing(local_dir)
        if not source.is_dir():
            raise InvalidParameter(f"{os.fspath(local_dir)!r:.200} is a file. Log a file with log_artifact.")
        if self.root.resolve().is_relative_to(source.resolve()):
            raise InvalidParameter(
                f"The folder {os.fspath(local_dir)!r:.200} contains the store that its files would be copied into. "
                "Log the folders in it that you mean, one by one."
            )
        folder = check_artifact_path(artifact_path or "")
        files = list(_files_below(source))
        if not self._appear(folder, source, files):
            for file in files:
                self._copy_in(file, folder / file.relative_to(source).as_posix())

    def replace_folder(self, local_dir: Path, artifact_path: str) -> Replaced:
        """Put a copy of a folder in the place of the one at `artifact_path`, which is gone then, with all its files.

        Where the system can exchange two names in one step, there is always one of the two, whole.
        """
        folder = check_artifact_path(artifact_path)
        target = self._inside(folder)
        files = list(_files_below(local_dir))
        partial = target.with_name(PARTIAL + uuid.uuid4().hex)
        with _refusals(target):
            try:
                partial.mkdir(parents=True)
                sizes = self._fill(partial, local_dir, files)
                if target.is_dir():
                    swap(partial, target)
                else:
                    os.replace(partial, target)
                freed, gone = self._discard(partial) if partial.is_dir() else (0, set[PurePosixPath]())
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        for file in files:
            self._tell(folder / file.relative_to(local_dir), sizes[file])
        left = {PurePosixPath(file.relative_to(local_dir).as_posix()) for file in files}
        return Replaced(freed, sorted(str(folder / path) for path in gone - left))

    def write_bytes(self, artifact_path: str, content: bytes) -> None:
        """Write a file with this content."""
        path = check_artifact_path(artifact_path)
        target = self._file(path)
        with _refusals(target), _partial(target, self._blobs) as partial:
            write_file(content, partial, self._blobs)
        self._tell(path, len(content))

    def read_bytes(self, artifact_path: str) -> bytes:
        """The content of a file."""
        path = self.local_path(artifact_path)
        if path.is_dir():
            raise InvalidParameter(f"The artifact {artifact_path!r:.200} is a folder, not a file.")
        return path.read_bytes()

    def exists(self, artifact_path: str) -> bool:
        """Whether a file or a folder is there."""
        return self._inside(check_artifact_path(artifact_path)).exists()

    def list(self, artifact_path: str | None = None) -> Listing:
        """What is in a folder, by path; [] where there is no such folder."""
        folder = self._inside(check_artifact_path(artifact_path or ""))
        if not folder.is_dir():
            return []
        inside = self.root.resolve()
        found = []
        for entry in folder.iterdir():
            # A link that leads outside could be read by nobody: download refuses it.
            if entry.name.startswith(PARTIAL) or not entry.exists() or not entry.resolve().is_relative_to(inside):
                continue
            path = entry.relative_to(self.root).as_posix()
            is_dir = entry.is_dir()
            found.append(FileInfo(path, is_dir, None if is_dir else entry.stat().st_size))
        return sorted(found, key=lambda info: info.path)

    def local_path(self, artifact_path: str | None = None) -> Path:
        """Where a file or a folder lies; NotFound, with what is there instead, where there is none."""
        relative = check_artifact_path(artifact_path or "")
        path = self._inside(relative)
        if not path.exists() and relative.parts:
            there = [info.path for info in self.list(str(relative.parent))][:10]
            what = f"{str(relative.parent)!r} has {', '.join(there)}" if there else "There is nothing in that folder"
            raise NotFound(f"There is no artifact {str(relative)!r:.200}. {what}.")
        return path

    def download(self, artifact_path: str | None = None, dst_path: str | os.PathLike[str] | None = None) -> Path:
        """A local path with the file or the folder: the stored one, or a copy in `dst_path`, which is made if need be.

        The stored one is not a copy: do not change it. It may be the file of other runs as well.
        """
        path = self.local_path(artifact_path)
        if dst_path is None:
            return path
        target = Path(dst_path) / check_artifact_path(artifact_path or "")
        if not path.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            return target.absolute()
        target.mkdir(parents=True, exist_ok=True)
        inside = self.root.resolve()
        for file in _files_below(path):
            if file.resolve().is_relative_to(inside):
                copy = target / file.relative_to(path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        return target.absolute()

    def _inside(self, path: PurePosixPath) -> Path:
        """The path below the root. Links in it are followed, to see that it stays there."""
        target = self.root / path
        # Without '..' only a link leads out. To resolve every path, and the root each time, takes as long as to write.
        if any(_is_link(part) for part in (target, *target.parents[: max(len(path.parts) - 1, 0)])):
            with _refusals(target):
                resolved = target.resolve()
            if not resolved.is_relative_to(self.root.resolve()):
                raise InvalidParameter(
                    f"The artifact path {str(path)!r:.200} leaves the run's artifact folder by a link."
                )
        return target

    def _file(self, path: PurePosixPath) -> Path:
        """Where to write a file; its folder is made."""
        if not path.parts:
            raise InvalidParameter("An artifact needs a file name such as 'plots/loss.png'.")
        target = self._inside(path)
        with _refusals(target):
            if target.is_dir():
                raise InvalidParameter(f"The artifact {str(path)!r:.200} is a folder. Choose another file name.")
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _appear(self, folder: PurePosixPath, source: Path, files: Sequence[Path]) -> bool:
        """Copy files to a folder that is not there yet; False where it is there by now."""
        target = self._inside(folder)
        if target.exists():
            return False
        sizes: dict[Path, int] = {}
        try:
            with _refusals(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with _partial(target, self._blobs) as partial:
                    partial.mkdir()
                    sizes = self._fill(partial, source, files)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            return False
        for file in files:
            self._tell(folder / file.relative_to(source), sizes[file])
        return True

    def _fill(self, folder: Path, source: Path, files: Sequence[Path]) -> dict[Path, int]:
        """Copy files below `source` to the same places below `folder`; the size of each."""
        sizes = {}
        for file in files:
            copy = folder / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            sizes[file] = copy_file(file, copy, self._blobs)
        return sizes

    def _discard(self, folder: Path) -> tuple[int, set[PurePosixPath]]:
        """Remove a folder; the bytes that come free by that, and which files it had."""
        files = [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
        found = [path.lstat() for path in files]
        names = Counter(stats.st_ino for stats in found)
        shutil.rmtree(folder)
        freed = 0
        for stats in {stats.st_ino: stats for stats in found}.values():
            # One name may be the blob's.
            if stats.st_nlink - names[stats.st_ino] <= (self._blobs is not None):
                freed += stats.st_size
            if self._blobs is not None:
                self._blobs.release(stats, names[stats.st_ino])
        return freed, {PurePosixPath(path.relative_to(folder).as_posix()) for path in files}

    def _tell(self, path: PurePosixPath, size: int) -> None:
        if self._written is not None:
            self._written(path.as_posix(), size)

    def _copy_in(self, source: Path, path: PurePosixPath) -> None:
        target = self._file(path)
        with _refusals(target), _partial(target, self._blobs) as partial:
            size = copy_file(source, partial, self._blobs)
        self._tell(path, size)


def _is_link(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    # Windows has links that are none to `is_symlink`: junctions.
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_reparse_tag", 0))


def _existing(local_path: str | os.PathLike[str]) -> Path:
    path = Path(local_path)
    if not path.exists():
        raise NotFound(f"There is no file or folder {os.fspath(local_path)!r:.200} (in {os.getcwd()}).")
    return path


def _files_below(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Every file below a folder, in order; links are followed, and one that leads to a folder above it is not."""
    here = folder.resolve()
    if here in above:
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            yield from _files_below(entry, (*above, here))
        elif entry.is_file() and not entry.name.startswith(PARTIAL):
            yield entry


def write_file(content: bytes, path: Path, blobs: Blobs | None) -> None:
    """Make a file that nobody knows yet, kept once where there are blobs."""
    if blobs is None:
        path.write_bytes(content)
    else:
        blobs.write(content, path)


def copy_file(source: Path, path: Path, blobs: Blobs | None) -> int:
    """Copy a file to a path that nobody knows yet, kept once where there are blobs; its size."""
    if blobs is not None:
        return blobs.copy(source, path)
    shutil.copyfile(source, path)
    return path.stat().st_size


def put_in_place(partial: Path, target: Path, blobs: Blobs | None) -> None:
    """Give a finished file, or a folder, its name. What it replaces is let go of."""
    replaced = None
    with suppress(FileNotFoundError):
        replaced = os.lstat(target)
    os.replace(partial, target)
    if replaced is not None and stat.S_ISREG(replaced.st_mode):
        # Where the two are one file already, the system does nothing, and says nothing.
        partial.unlink(missing_ok=True)
        if blobs is not None:
            blobs.release(replaced)


@contextmanager
def _partial(target: Path, blobs: Blobs | None) -> Iterator[Path]:
    """A hidden path beside `target` that becomes `target` where the block ends well, and is removed where not."""
    partial = target.with_name(PARTIAL + uuid.uuid4().hex)
    try:
        yield partial
        put_in_place(partial, target, blobs)
    except BaseException:
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
        raise


@contextmanager
def _refusals(target: Path) -> Iterator[None]:
    """What the file system refuses, as an error that says what to do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        if error.errno in _NOT_WRITABLE:
            raise StoreNotWritable(
                f"{target} cannot be written: {error.strerror} ({error.filename or target}). Grant the permission."
            ) from error
        if error.errno in _FULL:
            raise StoreError(f"{target} was not written: the disk is full. Nothing of it was kept.") from error
        if error.errno == errno.ENAMETOOLONG:
            raise InvalidParameter(
                f"The name of the artifact {target.name[:60]!r}… is longer than the file system takes."
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise InvalidParameter(f"{target} cannot be made: a part of its path is a file, not a folder.") from error
        if error.errno == errno.ELOOP:
            raise InvalidParameter(f"{target} is a link that leads to itself.") from error
        raise
