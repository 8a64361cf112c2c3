"""Copying a source's files into the artifacts of a run: each appears whole, and none is copied twice.

A file that is here with the same size and time of change is the same file. Where the two differ, the one that was
changed last stays. When that was is what the store's table says: files of equal content are one file, with one time.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..artifact_store.base import PARTIAL, check_artifact_path
from ..artifact_store.blobs import Blobs
from ..artifact_store.local import copy_file, put_in_place, write_file
from ..errors import InvalidParameter, StoreError
from .records import Logged, SourceFolder
from .report import Report


@dataclass(frozen=True, slots=True)
class Copied:
    """A file that is among the run's artifacts now; `is_new` where it was not, or not so, before."""

    path: str
    size: int
    timestamp: int
    is_new: bool


class Copier:
    """`follow_links` takes what a link outside the source's folder leads to: it may lead anywhere on this machine."""

    def __init__(self, report: Report, follow_links: bool) -> None:
        self._report = report
        self._follow_links = follow_links

    def copy(
        self,
        folders: Sequence[SourceFolder],
        texts: dict[str, bytes],
        target: Path,
        blobs: Blobs | None,
        here: Mapping[str, Logged],
        before_new: Callable[[], None],
    ) -> Iterator[Copied]:
        """Bring these files below `target`, where the table tells of `here`; `before_new` is called before a file
        appears there."""
        self._blobs = blobs
        self._here = here
        self._before_new = before_new
        for folder in folders:
            for file, inner in self._files(folder.folder):
                path = "/".join(part for part in (folder.path, inner) if part)
                if self._is_allowed(path) and (copied := self._copy(file, path, target, folder.times)) is not None:
                    yield copied
        for path, content in texts.items():
            if self._is_allowed(path):
                yield self._write(content, path, target)

    def _files(self, folder: Path) -> Iterator[tuple[Path, str]]:
        inside = folder.resolve()
        for above, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted([*names, *(name for name in folders if Path(above, name).is_symlink())]):
                file = Path(above, name)
                inner = file.relative_to(folder).as_posix()
                if name.startswith(PARTIAL):
                    continue
                if file.is_symlink() and not (self._follow_links or file.resolve().is_relative_to(inside)):
                    self._report.miss("links that lead out of the artifact folder (--follow-links brings them)", inner)
                elif file.is_file():
                    yield file, inner
                elif file.is_symlink() and file.is_dir():
                    self._report.miss("links to folders among the artifacts", inner)

    def _is_allowed(self, path: str) -> bool:
        try:
            check_artifact_path(path).as_posix().encode()
        except (InvalidParameter, UnicodeEncodeError):
            self._report.miss("artifacts with a name that cannot be kept", repr(path))
            return False
        return True

    def _copy(self, file: Path, path: str, target: Path, times: Mapping[str, Logged]) -> Copied | None:
        goal = target / path
        try:
            source = file.stat()
            with file.open("rb"):
                pass
        except OSError as error:
            self._report.miss(f"artifacts that cannot be read ({error.strerror})", path)
            return None
        timestamp = _changed(source, times.get(path))
        with suppress(OSError):
            here = goal.stat()
            time = _changed(here, self._here.get(path))
            if (time, here.st_size) >= (timestamp, source.st_size):
                return Copied(path, here.st_size, time, is_new=False)
        self._before_new()
        with _appearing(goal, self._blobs) as partial:
            size = copy_file(file, partial, self._blobs)
            if (mine := partial.stat()).st_nlink <= 2:
                # Not of a file that others have as well.
                os.utime(partial, ns=(mine.st_atime_ns, timestamp * 1_000_000))
        return Copied(path, size, timestamp, is_new=True)

    def _write(self, content: bytes, path: str, target: Path) -> Copied:
        goal = target / path
        is_new = not goal.is_file() or goal.read_bytes() != content
        if is_new:
            self._before_new()
            with _appearing(goal, self._blobs) as partial:
                write_file(content, partial, self._blobs)
        return Copied(path, len(content), goal.stat().st_mtime_ns // 1_000_000, is_new)


def _changed(file: os.stat_result, logged: Logged | None) -> int:
    """When a file was changed, in milliseconds: as the store's table says, unless it is another file by now."""
    is_shared = file.st_nlink > 1
    by_the_file = file.st_mtime_ns // 1_000_000
    if logged is None or logged.size != file.st_size:
        return by_the_file
    return logged.timestamp if is_shared else max(logged.timestamp, by_the_file)


class _appearing:
    """A path beside `goal` that takes its name when the block ends well."""

    def __init__(self, goal: Path, blobs: Blobs | None) -> None:
        self._goal = goal
        self._blobs = blobs
        self._partial = goal.with_name(PARTIAL + uuid.uuid4().hex)

    def __enter__(self) -> Path:
        try:
            self._goal.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._refusal(error) from error
        return self._partial

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                put_in_place(self._partial, self._goal, self._blobs)
                return
        except OSError as failed:
            error = failed
        self._partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._goal} cannot be written: {error.strerror}. What came before it is kept; import again when there "
            "is room and permission, and the rest follows."
        )
