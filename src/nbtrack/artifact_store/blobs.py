"""The same content is kept once: files of equal content are hard links to one blob, named by its SHA-256.

    .nbtrack/artifacts/0/<run>/artifacts/model.bin        what people and other tools open: a plain file
    .nbtrack/blobs/<bucket>/<sha256 of the content>       a second name of that file, by which its content is found

Why so, and not otherwise:

- A run's folder stays a folder of plain files. Nothing is ever read through a blob: it is a place to look whether a
  content is here already. So every blob may go at any time, and all that is lost is that the next equal file is stored
  anew. No lock, no table and no order of steps is needed for that, whatever is killed and whoever races.
- The file system counts the names of a file. A blob whose only name is the blob's belongs to nobody, however its run's
  file went: overwritten, collected, removed by hand. There is no count of ours that could be wrong.
- Reflinks (btrfs, XFS) would keep equal files apart, but they are not counted: which blob is still needed would have
  to be written down somewhere, and be wrong after a kill. Where there are no hard links, files are copies as ever.
- Who edits one of several linked files in place edits them all. So what is logged is made read-only, and we replace
  files and never write into them. Root may write all the same (containers): so the bytes are compared before a file is
  linked to a blob, a changed one is passed on to nobody, and `nbtrack doctor --contents` finds it.
- SHA-256, because `sha256sum` prints it, and processors have instructions for it: 1.5 GB/s here, BLAKE2b 0.9.
- The bucket is the size modulo a prime: the blob of a replaced file is found by the file's number in one small folder,
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
"""The blob has all the names that it can have, or belongs to another user."""


class Blobs:
    """The folder with the blobs of a store. It is made when it is needed.

    What goes wrong with a blob is no error: then the file is a file of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, content: bytes, path: Path) -> None:
        """Make the file `path`, which nobody knows yet, with this content."""
        digest = hashlib.sha256(content).hexdigest()
        if not self._share(digest, len(content), path, lambda blob: blob.read_bytes() == content):
            with open(path, "xb", opener=_read_only) as file:
                file.write(content)
            self._link(path, digest, len(content))

    def copy(self, source: Path, path: Path) -> int:
        """Make `path`, which nobody knows yet, a copy of `source`; its size."""
        if not source.is_file():
            # copyfile says what it is; a pipe would never end.
            shutil.copyfile(source, path)
            return path.stat().st_size
        before = source.stat()
        digest, size = _digest_of(source)
        if self._share(digest, size, path, lambda blob: _same_content(blob, source)):
            return size
        shutil.copyfile(source, path)
        if _state(source.stat()) != _state(before) or path.stat().st_size != size:
            # It is being written: what came over has a digest of its own.
            digest, size = _digest_of(path)
        self.keep(path, digest, size)
        return size

    def keep(self, path: Path, digest: str, size: int) -> None:
        """Let the file `path` be found by its digest. It is read-only from now on."""
        with suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)
            self._link(path, digest, size)

    def adopt(self, path: Path) -> bool:
        """Keep a file once that came in by another way: an older nbtrack's, or a copy of a store without its links.

        Where an equal one is known, the file becomes a name of that; True for that.
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
        """Let go of the blob of a file that has lost so many names, if it had no others: its room is free at once."""
        if not stat.S_ISREG(replaced.st_mode) or replaced.st_nlink != names + 1:
            return
        with suppress(OSError), os.scandir(self._bucket(replaced.st_size)) as entries:
            for entry in entries:
                if entry.inode() == replaced.st_ino:
                    os.unlink(entry.path)

    def unnamed(self) -> tuple[int, int]:
        """How many blobs are no file of any run, and their bytes."""
        sizes = [size for _, size in self._unnamed()]
        return len(sizes), sum(sizes)

    def sweep(self) -> None:
        """Remove the blobs that are no file of any run. One that is taken up at this moment is a file by then."""
        for path, _ in self._unnamed():
            path.unlink(missing_ok=True)
        for bucket in self._buckets():
            with suppress(OSError):
                bucket.rmdir()

    def all(self) -> Iterator[Path]:
        """Every blob."""
        for bucket in self._buckets():
            with suppress(FileNotFoundError):
                yield from sorted(path for path in bucket.iterdir() if len(path.name) == _HEX)

    def is_changed(self, blob: Path, *, contents: bool) -> bool:
        """Whether somebody has written into a file since it was kept: by its size, which shows most changes, or by
        its whole content."""
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
                        # Not entry.stat(), which is of the time when the folder was read.
                        found = os.lstat(entry.path)
                        if found.st_nlink == 1 or len(entry.name) != _HEX:
                            yield Path(entry.path), found.st_size if found.st_nlink == 1 else 0

    def _share(self, digest: str, size: int, path: Path, is_same: Callable[[Path], bool]) -> bool:
        """Make `path` another name of the blob with this digest; False where there is none that can be shared."""
        blob = self._place(digest, size)
        try:
            # An empty file takes no room. A blob that somebody has changed must not come into another run.
            if not size or not is_same(blob):
                return False
            os.link(blob, path)
        except OSError:
            return False
        return True

    def _link(self, path: Path, digest: str, size: int) -> None:
        """Make a blob of the file `path`, which is read-only; an empty one takes no room."""
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
                # Somebody has logged the same meanwhile; or it is one that cannot be shared.
                if _same_content(blob, path):
                    self._become(path, blob)

    def _become(self, path: Path, blob: Path) -> None:
        """Make `path` a name of an equal blob; where that cannot have another name, `path` is the blob from now on."""
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
    """For `open`: a new file that nobody writes to but who makes it."""
    return os.open(path, flags, 0o444)


def _digest_of(path: Path) -> tuple[str, int]:
    """The SHA-256 of a file, and how many bytes were read for it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _same_content(one: Path, other: Path) -> bool:
    """Whether two files have the same bytes."""
    with one.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        size = os.fstat(first.fileno()).st_size
        if os.fstat(second.fileno()).st_size != size:
            return False
        # No larger than the file: a buffer of zeros takes longer to come than a small file to compare.
        left, right = (bytearray(min(size, _BLOCK)) for _ in range(2))
        while count := first.readinto(left):
            # As a whole: behind `count` both have what was equal before.
            if second.readinto(right) != count or left != right:
                return False
        return True


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns
