"""Stores equal content once: files of equal content are hard links to one blob, named by its SHA-256.

    .nbtrack/artifacts/0/<run>/artifacts/model.bin        what people and other tools open: a plain file
    .nbtrack/blobs/<bucket>/<sha256 of the content>       a second name of that file, by which its content is found

The reasons for this design:

- A run's folder stays a folder of plain files. Nothing is ever read through a blob: blobs only tell whether a content
  is already stored. So any blob can be deleted at any time, and the only loss is that the next equal file is stored
  again. This needs no lock, no table and no order of steps, whatever is killed and whichever processes race.
- The file system counts the names of a file. If a blob has no name but its own, no run uses it, however the run's file
  disappeared: overwritten, collected or deleted by hand. There is no reference count of our own that could be wrong.
- Reflinks (btrfs, XFS) would keep equal files independent, but they are not counted. We would have to record which
  blobs are still needed, and the record would be wrong after a kill. Without hard links, files are copied as usual.
- Editing one of several linked files in place changes all of them. So logged files are made read-only, and we replace
  files and never write into them. Root can still write (containers), so the bytes are compared before a file is linked
  to a blob, a changed blob is never shared again, and `nbtrack doctor --contents` finds it.
- SHA-256, because `sha256sum` prints it and processors have instructions for it: 1.5 GB/s here, BLAKE2b 0.9 GB/s.
- The bucket is the size modulo a prime, so the blob of a replaced file is found by its inode in one small folder,
  without reading the file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from .base import PARTIAL

_BUCKETS = 251
_HEX = 64
_BLOCK = 1 << 18
_UNLINKABLE = (errno.EMLINK, errno.EPERM, errno.EACCES)
"""Errors that mean that the blob has the most names a file can have, or belongs to another user."""


class Blobs:
    """The folder with the blobs of a store. It is created when it is needed.

    A failure with a blob is not an error: the file is then stored separately.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, content: bytes, path: Path) -> None:
        """Write a new file `path`, which nobody has opened yet."""
        digest = hashlib.sha256(content).hexdigest()
        if not self._share(digest, len(content), path, lambda blob: blob.read_bytes() == content):
            with open(path, "xb", opener=_read_only) as file:
                file.write(content)
            self._link(path, digest, len(content))

    def copy(self, source: Path, path: Path) -> int:
        """Copy `source` to the new file `path`, which nobody has opened yet. Return its size."""
        if not source.is_file():
            # copyfile raises an error that says what it is. Reading a pipe would never end.
            shutil.copyfile(source, path)
            return path.stat().st_size
        before = source.stat()
        digest, size = _digest_of(source)
        if self._share(digest, size, path, lambda blob: _same_content(blob, source)):
            return size
        shutil.copyfile(source, path)
        if _state(source.stat()) != _state(before) or path.stat().st_size != size:
            # Another program is writing to the source, so the copy has a digest of its own.
            digest, size = _digest_of(path)
        self.keep(path, digest, size)
        return size

    def keep(self, path: Path, digest: str, size: int) -> None:
        """Register the file `path` under its digest. It is read-only from now on."""
        with suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)
            self._link(path, digest, size)

    def adopt(self, path: Path) -> bool:
        """Deduplicate a file that was stored without blobs, by an older nbtrack or in a copy of a store without links.

        If an equal file is known, the file becomes a link to it. Return whether it did.
        """
        before = path.stat()
        digest, size = _digest_of(path)
        other = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
        if self._share(digest, size, other, lambda blob: _same_content(blob, path)):
            if _state(path.stat()) == _state(before):
                os.replace(other, path)
                return True
            other.unlink()
        else:
            self.keep(path, digest, size)
        return False

    def release(self, replaced: os.stat_result, names: int = 1) -> None:
        """Delete the blob of a file that has lost `names` names, if it had no others, so that its space is freed."""
        if not stat.S_ISREG(replaced.st_mode) or replaced.st_nlink != names + 1:
            return
        with suppress(OSError), os.scandir(self._bucket(replaced.st_size)) as entries:
            for entry in entries:
                if entry.inode() == replaced.st_ino:
                    os.unlink(entry.path)

    def unnamed(self) -> tuple[int, int]:
        """Return the number of blobs that no run uses, and their total size in bytes."""
        sizes = [size for _, size in self._unnamed()]
        return len(sizes), sum(sizes)

    def sweep(self) -> None:
        """Delete the blobs that no run uses. A file that links to a blob at this moment keeps its content."""
        for path, _ in self._unnamed():
            path.unlink(missing_ok=True)
        for bucket in self._buckets():
            with suppress(OSError):
                bucket.rmdir()

    def all(self) -> Iterator[Path]:
        """Yield every blob."""
        for bucket in self._buckets():
            with suppress(FileNotFoundError):
                yield from sorted(path for path in bucket.iterdir() if len(path.name) == _HEX)

    def is_changed(self, blob: Path, *, contents: bool) -> bool:
        """Return whether a file was changed after it was stored.

        This compares its size, which shows most changes, and with `contents` also its digest.
        """
        with suppress(FileNotFoundError):
            if self._bucket(blob.stat().st_size) != blob.parent:
                return True
            return contents and _digest_of(blob)[0] != blob.name
        return False

    def _bucket(self, size: int) -> Path:
        return self.folder / f"{size % _BUCKETS:03d}"

    def _place(self, digest: str, size: int) -> Path:
        return self._bucket(size) / digest

    def _buckets(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_dir()) if self.folder.is_dir() else []

    def _unnamed(self) -> Iterator[tuple[Path, int]]:
        for bucket in self._buckets():
            with suppress(FileNotFoundError), os.scandir(bucket) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        # Not entry.stat(), which may date from when the folder was read.
                        found = os.lstat(entry.path)
                        if found.st_nlink == 1 or len(entry.name) != _HEX:
                            yield Path(entry.path), found.st_size if found.st_nlink == 1 else 0

    def _share(self, digest: str, size: int, path: Path, is_same: Callable[[Path], bool]) -> bool:
        """Create `path` as a link to the blob with this digest. Return False if no such blob can be shared."""
        blob = self._place(digest, size)
        try:
            # An empty file takes no space. A blob whose content was changed must not get into another run.
            if not size or not is_same(blob):
                return False
            os.link(blob, path)
        except OSError:
            return False
        return True

    def _link(self, path: Path, digest: str, size: int) -> None:
        """Create a blob of the read-only file `path`, unless it is empty and takes no space."""
        if not size:
            return
        blob = self._place(digest, size)
        with suppress(OSError):
            try:
                try:
                    os.link(path, blob)
                except FileNotFoundError:
                    blob.parent.mkdir(parents=True, exist_ok=True)
                    os.link(path, blob)
            except FileExistsError:
                # Another process has logged the same content in the meantime, or the blob cannot be shared.
                if _same_content(blob, path):
                    self._replace_by_link(path, blob)

    def _replace_by_link(self, path: Path, blob: Path) -> None:
        """Replace `path` with a link to an equal blob. If that cannot have more links, `path` becomes the blob."""
        other = path.with_name(path.name + uuid.uuid4().hex)
        try:
            os.link(blob, other)
        except OSError as error:
            if error.errno not in _UNLINKABLE:
                raise
            other = blob.with_name(f".{uuid.uuid4().hex}")
            os.link(path, other)
            os.replace(other, blob)
        else:
            os.replace(other, path)


def _read_only(path: str, flags: int) -> int:
    """Open a new file so that only its creator can write to it (an opener for `open`)."""
    return os.open(path, flags, 0o444)


def _digest_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file, and the number of bytes read for it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _same_content(one: Path, other: Path) -> bool:
    """Return whether two files have the same bytes."""
    with one.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        size = os.fstat(first.fileno()).st_size
        if os.fstat(second.fileno()).st_size != size:
            return False
        # No larger than the file, because allocating a large buffer takes longer than comparing a small file.
        left, right = (bytearray(min(size, _BLOCK)) for _ in range(2))
        while count := first.readinto(left):
            # The whole buffers are compared: after `count`, both still hold bytes that were equal before.
            if second.readinto(right) != count or left != right:
                return False
        return True


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns
