"""Copies a source's files into the artifacts of a run. Each appears as a whole, and none is copied twice.

Two files with the same size and modification time are the same file. If they differ, the one that was modified last is
kept. The store's table says when that was, because files of equal content are stored as one file, with one time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..artifact_store.base import PARTIAL, ArtifactRepository, Stat, check_artifact_path
from ..errors import InvalidParameter, NbtrackError, StoreError
from ..journal import now
from .records import Logged, SourceFolder
from .report import Report


@dataclass(frozen=True, slots=True)
class Copied:
    """A file that is now among the run's artifacts. `is_new` tells whether it was added or changed."""

    path: str
    size: int
    timestamp: int
    is_new: bool


class Copier:
    """Copies files of a source.

    Args:
        report: Receives what cannot be copied.
        follow_links: Whether to copy the targets of links that lead out of the source's folder. They can lead anywhere
            on this machine.
    """

    def __init__(self, report: Report, follow_links: bool) -> None:
        self._report = report
        self._follow_links = follow_links

    def copy(
        self,
        folders: Sequence[SourceFolder],
        contents: dict[str, bytes],
        target: ArtifactRepository,
        here: Mapping[str, Logged],
        before_new: Callable[[], None],
    ) -> Iterator[Copied]:
        """Copy files to `target`, and yield each file that is then there.

        Args:
            folders: The folders of the source.
            contents: The content of more files, by their artifact path.
            target: The artifacts of the run.
            here: The files that the store's table lists for the run.
            before_new: Called before a file is added or changed.
        """
        self._target = target
        self._here = here
        self._before_new = before_new
        for folder in folders:
            for file, inner in self._files(folder.folder):
                path = "/".join(part for part in (folder.path, inner) if part)
                if self._is_allowed(path) and (copied := self._copy(file, path, folder.times)) is not None:
                    yield copied
        for path, content in contents.items():
            if self._is_allowed(path):
                yield self._write(content, path)

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
                    self._report.add_missing(
                        "links that lead out of the artifact folder (use --follow-links to import them)", str(file)
                    )
                elif file.is_file():
                    yield file, inner
                elif file.is_symlink() and file.is_dir():
                    self._report.add_missing("artifacts that are links to folders", str(file))
                else:
                    self._report.add_missing("artifacts that are links without a target, or not files", str(file))

    def _is_allowed(self, path: str) -> bool:
        try:
            check_artifact_path(path).as_posix().encode()
        except (InvalidParameter, UnicodeEncodeError):
            self._report.add_missing("artifacts whose name is not allowed", repr(path))
            return False
        return True

    def _copy(self, file: Path, path: str, times: Mapping[str, Logged]) -> Copied | None:
        try:
            found = file.stat()
            with file.open("rb"):
                pass
        except OSError as error:
            self._report.add_missing(f"artifacts that cannot be read ({error.strerror})", path)
            return None
        source = Stat(path, False, found.st_size, found.st_mtime_ns // 1_000_000, found.st_nlink > 1)
        timestamp = _changed(source, times.get(path))
        here = self._stat(path)
        if here is not None:
            time = _changed(here, self._here.get(path))
            if (time, here.size or 0) >= (timestamp, found.st_size):
                return Copied(path, here.size or 0, time, is_new=False)
        self._before_new()
        self._put(path, file, timestamp)
        written = self._stat(path)
        return Copied(path, found.st_size if written is None else written.size or 0, timestamp, is_new=True)

    def _write(self, content: bytes, path: str) -> Copied:
        here = self._stat(path)
        is_new = here is None or here.is_dir or self._target.get(path) != content
        if is_new:
            self._before_new()
            self._put(path, content)
            here = self._stat(path)
        modified = here.modified if here is not None else None
        return Copied(path, len(content), now() if modified is None else modified, is_new)

    def _stat(self, path: str) -> Stat | None:
        try:
            return self._target.stat(path)
        except (NbtrackError, OSError):
            return None

    def _put(self, path: str, source: bytes | Path, modified: int | None = None) -> None:
        try:
            self._target.put(path, source, modified)
        except (StoreError, InvalidParameter, OSError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            reason = cause.strerror if isinstance(cause, OSError) else str(error).rstrip(".")
            raise StoreError(
                f"{self._target}/{path} cannot be written: {reason}. Everything imported so far is kept. When the "
                "store can be written, import again to add the rest."
            ) from error


def _changed(file: Stat, logged: Logged | None) -> int:
    """Return when a file was modified, in milliseconds: as the store's table says, unless the file was replaced."""
    by_the_file = file.modified or 0
    if logged is None or logged.size != file.size:
        return by_the_file
    return logged.timestamp if file.is_shared else max(logged.timestamp, by_the_file)
