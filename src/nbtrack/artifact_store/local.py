"""A run's artifacts in a local folder. A path that leads out of the folder is refused.

A file appears under its name only when it is complete: it is written under a hidden name and then renamed, so a kill
leaves at most a hidden file. The names of such leftovers begin with `PARTIAL`; listings and downloads skip them.
With `blobs` (see `blobs.py`), files of equal content are stored once, and read-only.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ..entities import FileInfo
from ..errors import InvalidParameter, NbtrackError, NotSupported, StoreError, StoreNotWritable
from .base import PARTIAL as PARTIAL
from .base import (
    ArtifactRepository,
    Listing,
    Replaced,
    Stat,
    Written,
    check_file_path,
    empty_folders_below,
    existing,
    files_below,
    files_to_log,
    missing,
)
from .base import check_artifact_path as check_artifact_path
from .blobs import Blobs
from .swap import swap

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def path_of_uri(artifact_uri: str) -> Path:
    """Return the folder that an artifact URI names: a plain path, taken literally, or a quoted `file://` URI.

    Raises NotSupported if the scheme is another one, or if a `file://` URI names another host.
    """
    if "\0" in artifact_uri:
        raise InvalidParameter("An artifact URI must not contain a NUL character.")
    if not _SCHEME.match(artifact_uri):
        return Path(artifact_uri).absolute()
    parts = urlsplit(artifact_uri)
    if parts.scheme != "file":
        raise NotSupported(
            f"The artifact URI {artifact_uri!r:.200} is not supported here: it must be a path or a file:// URI, "
            f"not a {parts.scheme}: URI."
        )
    if parts.netloc not in ("", "localhost"):
        raise NotSupported(
            f"The artifact URI {artifact_uri!r:.200} names a file on the host {parts.netloc!r}. "
            "Use a path on this machine."
        )
    return Path(unquote(parts.path)).absolute()


def absolute_location(artifact_uri: str) -> str:
    """Return an artifact URI that still names the same folder after a change of the working directory.

    A relative path, or a `file:` URI with one, is made absolute. Any other URI is returned unchanged.
    """
    if not _SCHEME.match(artifact_uri):
        return str(path_of_uri(artifact_uri))
    parts = urlsplit(artifact_uri)
    if parts.scheme == "file" and not parts.netloc and not parts.path.startswith("/"):
        return uri_of_path(path_of_uri(artifact_uri))
    return artifact_uri


def uri_of_path(path: str | os.PathLike[str]) -> str:
    """Return the `file://` URI of a local path, with special characters quoted."""
    return Path(path).absolute().as_uri()


def open_repository(
    artifact_uri: str, written: Written | None = None, blobs: Blobs | None = None
) -> LocalArtifactRepository:
    """Open the folder that an artifact URI names. The first write creates it."""
    return LocalArtifactRepository(path_of_uri(artifact_uri), written, blobs)


class LocalArtifactRepository(ArtifactRepository):
    """The artifacts below one local folder.

    Args:
        root: The folder.
        written: Called for each file that was written.
        blobs: Stores files of equal content once. With None, every file is stored separately.
    """

    def __init__(self, root: Path, written: Written | None = None, blobs: Blobs | None = None) -> None:
        super().__init__(written)
        self.root = root
        self._blobs = blobs

    def __str__(self) -> str:
        return str(self.root)

    def put(self, path: str, source: bytes | Path, modified: int | None = None) -> None:
        """Write a file, or all files of a folder. A new folder appears as a whole.

        A file that shares its storage with others keeps its time, whatever `modified` is.
        """
        if isinstance(source, bytes):
            self._write(path, source)
        elif existing(source).is_dir():
            self._put_folder(path, source)
        else:
            self._copy_in(source, check_artifact_path(path), modified)

    def open(self, path: str) -> BinaryIO:
        file = self._found(path)
        if file.is_dir():
            raise InvalidParameter(f"Artifact {path!r:.200} is a folder, not a file.")
        if not file.is_file():
            # A named pipe would wait for a writer, and a device may have no end.
            raise InvalidParameter(f"Artifact {path!r:.200} is a pipe or a device, not a file.")
        return file.open("rb")

    def exists(self, path: str) -> bool:
        return self._inside(check_artifact_path(path)).exists()

    def list(self, path: str = "") -> Listing:
        folder = self._inside(check_artifact_path(path))
        if not folder.is_dir():
            return []
        inside = self.root.resolve()
        base = folder.relative_to(self.root).as_posix()
        prefix = "" if base == "." else f"{base}/"
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(PARTIAL):
                    continue
                file = Path(entry.path)
                # Nobody can read a link that leads outside: `fetch_to` refuses it.
                if _is_link(file) and not (file.exists() and file.resolve().is_relative_to(inside)):
                    continue
                is_dir = entry.is_dir()
                # A training may delete its old checkpoints meanwhile.
                with suppress(FileNotFoundError):
                    size = None if is_dir else entry.stat().st_size
                    found.append(FileInfo(prefix + entry.name, is_dir, size))
        return sorted(found, key=lambda info: info.path)

    def stat(self, path: str) -> Stat:
        relative = check_artifact_path(path)
        file = self._found(path)
        name = relative.as_posix() if relative.parts else ""
        if not relative.parts or file.is_dir():
            return Stat(name, is_dir=True)
        found = file.stat()
        return Stat(name, False, found.st_size, found.st_mtime_ns // 1_000_000, found.st_nlink > 1)

    def delete(self, path: str) -> None:
        target = self._found(str(check_file_path(path)))
        # A file or a folder disappears as a whole: what a kill leaves has a hidden name.
        partial = target.with_name(PARTIAL + uuid.uuid4().hex)
        with _translated_errors(target):
            os.replace(target, partial)
            if partial.is_dir() and not partial.is_symlink():
                self._discard(partial)
            else:
                replaced = partial.lstat()
                partial.unlink()
                if self._blobs is not None:
                    self._blobs.release(replaced)

    def copy(self, path: str, target: str) -> None:
        source = self._found(path)
        relative = check_artifact_path(target)
        if not source.is_dir():
            self._copy_in(source, relative)
            return
        inside = self.root.resolve()
        self._put_files(
            relative,
            source,
            [file for file in files_below(source) if _is_below(file, inside)],
            [empty for empty in empty_folders_below(source) if _is_below(empty, inside)],
        )

    def url(self, path: str = "") -> str:
        return uri_of_path(self.root / check_artifact_path(path))

    def real_url(self, path: str = "") -> str:
        return uri_of_path((self.root / check_artifact_path(path)).resolve())

    def path_of(self, url: str) -> str | None:
        """Return the path below this folder that a local path or a `file://` URI names, with all links resolved."""
        try:
            path = path_of_uri(url).resolve().relative_to(self.root.resolve()).as_posix()
        except (NbtrackError, ValueError, OSError):
            return None
        return "" if path == "." else path

    def replace(self, path: str, folder: Path) -> Replaced:
        """Replace the folder at `path`, with all its files, with a copy of a local folder.

        If the system can exchange two names in one step, one of the two folders exists, complete, at every moment.
        """
        relative = check_artifact_path(path)
        target = self._inside(relative)
        files = files_to_log(folder)
        partial = target.with_name(PARTIAL + uuid.uuid4().hex)
        with _translated_errors(target):
            try:
                partial.mkdir(parents=True)
                sizes = self._fill(partial, folder, files, _folders_to_log(folder))
                if target.is_dir():
                    swap(partial, target)
                else:
                    os.replace(partial, target)
                freed, gone = self._discard(partial) if partial.is_dir() else (0, set[PurePosixPath]())
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        for file in files:
            self._report_written(relative / file.relative_to(folder), sizes[file])
        left = {PurePosixPath(file.relative_to(folder).as_posix()) for file in files}
        return Replaced(freed, sorted(str(relative / name) for name in gone - left))

    def fetch_to(self, path: str = "", folder: str | os.PathLike[str] | None = None) -> Path:
        """Make a file or folder available as a local path.

        Without `folder`, this is the stored file itself and not a copy: artifacts are replaced as a whole and never
        changed, so an open file stays readable. Other runs may share the file, so it must not be changed.
        """
        relative = check_artifact_path(path)
        source = self._found(path)
        if folder is None:
            return source
        target = Path(folder) / relative
        if not source.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            return target.absolute()
        target.mkdir(parents=True, exist_ok=True)
        inside = self.root.resolve()
        for file in files_below(source):
            if _is_below(file, inside):
                copy = target / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        for empty in empty_folders_below(source):
            if _is_below(empty, inside):
                (target / empty.relative_to(source)).mkdir(parents=True, exist_ok=True)
        return target.absolute()

    # -- paths -----------------------------------------------------------------------------------------------------

    def _found(self, path: str) -> Path:
        """Return where a file or a folder is. Raises NotFound, except for the root, which need not exist."""
        relative = check_artifact_path(path)
        found = self._inside(relative)
        if not found.exists() and relative.parts:
            raise missing(self, relative)
        return found

    def _inside(self, path: PurePosixPath) -> Path:
        """Return the path below the root. Raises InvalidParameter if a link in it leads out of the root."""
        target = self.root / path
        # Without '..', only a link can lead out. To resolve every path and the root takes as long as to write.
        if any(_is_link(part) for part in (target, *target.parents[: max(len(path.parts) - 1, 0)])):
            with _translated_errors(target):
                resolved = target.resolve()
            if not resolved.is_relative_to(self.root.resolve()):
                raise InvalidParameter(
                    f"The artifact path {str(path)!r:.200} must not leave the run's artifact folder: it contains a "
                    "link that leads out."
                )
        return target

    def _file(self, path: PurePosixPath) -> Path:
        """Return where to write a file, and create its folder."""
        target = self._inside(check_file_path(path))
        with _translated_errors(target):
            if target.is_dir():
                raise InvalidParameter(f"Artifact {str(path)!r:.200} is a folder. Choose another file name.")
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
        return target

    # -- writing ---------------------------------------------------------------------------------------------------

    def _write(self, path: str, content: bytes) -> None:
        relative = check_artifact_path(path)
        target = self._file(relative)
        with _translated_errors(target), _partial(target, self._blobs) as partial:
            write_file(content, partial, self._blobs)
        self._report_written(relative, len(content))

    def _put_folder(self, path: str, source: Path) -> None:
        if self.root.resolve().is_relative_to(source.resolve()):
            raise InvalidParameter(
                f"Folder {os.fspath(source)!r:.200} contains the store that its files would be copied into. "
                "Log the folders in it that you need one by one."
            )
        self._put_files(check_artifact_path(path), source, files_to_log(source), _folders_to_log(source))

    def _put_files(
        self, folder: PurePosixPath, source: Path, files: Sequence[Path], empty_folders: Sequence[Path]
    ) -> None:
        """Copy files and empty folders from below `source` to the same places below `folder`."""
        if not self._put_new_folder(folder, source, files, empty_folders):
            for file in files:
                self._copy_in(file, folder / file.relative_to(source).as_posix())
            for empty in empty_folders:
                target = self._inside(folder / empty.relative_to(source).as_posix())
                with _translated_errors(target):
                    target.mkdir(parents=True, exist_ok=True)

    def _put_new_folder(
        self, folder: PurePosixPath, source: Path, files: Sequence[Path], empty_folders: Sequence[Path]
    ) -> bool:
        """Copy files and empty folders to a new folder. Return False if the folder exists."""
        target = self._inside(folder)
        if target.exists():
            return False
        sizes: dict[Path, int] = {}
        try:
            with _translated_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with _partial(target, self._blobs) as partial:
                    partial.mkdir()
                    sizes = self._fill(partial, source, files, empty_folders)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            return False
        for file in files:
            self._report_written(folder / file.relative_to(source), sizes[file])
        return True

    def _fill(
        self, folder: Path, source: Path, files: Sequence[Path], empty_folders: Sequence[Path]
    ) -> dict[Path, int]:
        """Copy files and empty folders from below `source` to the same places below `folder`.

        Return the size of each file.
        """
        sizes = {}
        for file in files:
            copy = folder / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            sizes[file] = copy_file(file, copy, self._blobs)
        for empty in empty_folders:
            (folder / empty.relative_to(source)).mkdir(parents=True, exist_ok=True)
        return sizes

    def _discard(self, folder: Path) -> tuple[int, set[PurePosixPath]]:
        """Delete a folder. Return the bytes that this frees, and the files that it had."""
        files = [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
        found = [path.lstat() for path in files]
        names = Counter(stats.st_ino for stats in found)
        shutil.rmtree(folder)
        freed = 0
        for stats in {stats.st_ino: stats for stats in found}.values():
            # One of the names may belong to the blob.
            if stats.st_nlink - names[stats.st_ino] <= (self._blobs is not None):
                freed += stats.st_size
            if self._blobs is not None:
                self._blobs.release(stats, names[stats.st_ino])
        return freed, {PurePosixPath(path.relative_to(folder).as_posix()) for path in files}

    def _copy_in(self, source: Path, path: PurePosixPath, modified: int | None = None) -> None:
        target = self._file(path)
        with _translated_errors(target), _partial(target, self._blobs) as partial:
            size = copy_file(source, partial, self._blobs)
            # One of the names may belong to the blob.
            if modified is not None and (mine := partial.stat()).st_nlink <= 2:
                os.utime(partial, ns=(mine.st_atime_ns, modified * 1_000_000))
        self._report_written(path, size)


def _folders_to_log(folder: Path) -> list[Path]:
    """Return the empty folders below a local folder that can be artifacts. Like MLflow, a run keeps them."""
    empty = []
    for found in empty_folders_below(folder):
        with suppress(InvalidParameter):
            check_artifact_path(found.relative_to(folder).as_posix())
            empty.append(found)
    return empty


def _is_link(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError as error:
        # Every other call on such a path would fail with this too.
        if error.errno == errno.ENAMETOOLONG:
            raise _name_too_long(path) from error
        return False
    # `is_symlink` does not recognize the junctions of Windows.
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_reparse_tag", 0))


def _is_below(path: Path, folder: Path) -> bool:
    """Return whether a file, with all links resolved, is in a folder that is already resolved."""
    return path.resolve().is_relative_to(folder)


def write_file(content: bytes, path: Path, blobs: Blobs | None) -> None:
    """Write a new file that nobody has opened yet. With blobs, equal content is stored once."""
    if blobs is None:
        path.write_bytes(content)
    else:
        blobs.write(content, path)


def copy_file(source: Path, path: Path, blobs: Blobs | None) -> int:
    """Copy a file to a new path and return its size. With blobs, equal content is stored once."""
    if blobs is not None:
        return blobs.copy(source, path)
    shutil.copyfile(source, path)
    return path.stat().st_size


def put_in_place(partial: Path, target: Path, blobs: Blobs | None) -> None:
    """Give a finished file or folder its name, and release the blob of the file that it replaces."""
    replaced = None
    with suppress(FileNotFoundError):
        replaced = os.lstat(target)
    os.replace(partial, target)
    if replaced is not None and stat.S_ISREG(replaced.st_mode):
        # If both names already are the same file, the system does nothing and reports nothing.
        partial.unlink(missing_ok=True)
        if blobs is not None:
            blobs.release(replaced)


@contextmanager
def _partial(target: Path, blobs: Blobs | None) -> Iterator[Path]:
    """Yield a hidden path beside `target`. It is renamed to `target` if the block succeeds, and deleted if not."""
    partial = target.with_name(PARTIAL + uuid.uuid4().hex)
    try:
        yield partial
        put_in_place(partial, target, blobs)
    except BaseException:
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
        raise


def _name_too_long(path: Path) -> InvalidParameter:
    return InvalidParameter(f"The artifact name {path.name[:60]!r}… is longer than the file system allows.")


@contextmanager
def _translated_errors(target: Path) -> Iterator[None]:
    """Convert errors of the file system to errors that say what to do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        if error.errno in _NOT_WRITABLE:
            raise StoreNotWritable(
                f"{target} cannot be written: {error.strerror} ({error.filename or target}). "
                "Check the permissions of the folder."
            ) from error
        if error.errno in _FULL:
            raise StoreError(f"{target} was not written: the disk is full. No partial file was kept.") from error
        if error.errno == errno.ENAMETOOLONG:
            raise _name_too_long(target) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise InvalidParameter(
                f"{target} cannot be created: a part of its path is a file, not a folder."
            ) from error
        if error.errno == errno.ELOOP:
            raise InvalidParameter(f"{target} is a link that points to itself.") from error
        raise
