"""Where a run's files wait while its artifact repository cannot be written: a mirror of it in the temp folder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..errors import NbtrackError, NotFound, StoreError
from ..journal import Process
from ..journal.writer import PASSING
from .base import ArtifactRepository, Files, Listing, Replaced
from .local import LocalArtifactRepository

PREFIX = "nbtrack-rescue-files-"
MANIFEST = "nbtrack-rescue.json"
FILES = "files"

Write: TypeAlias = Callable[[Files], None]


@dataclass(frozen=True)
class Content:
    """A file to write, as its path and what is in it."""

    path: str
    content: bytes

    def __call__(self, files: Files) -> None:
        files.put(self.path, self.content)


@dataclass(frozen=True)
class Mirror:
    """The folder where the files of a repository wait."""

    folder: Path
    target: ArtifactRepository

    @property
    def files(self) -> LocalArtifactRepository:
        """The files, under the paths that they will have."""
        return LocalArtifactRepository(self.folder / FILES)


class ArtifactDetour:
    """The mirrors of this process, one for each run that needs it, and what could not even be written there.

    Args:
        store: The folder by which `nbtrack doctor` recognizes mirrors that a process left behind.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._mirrors: dict[str, Mirror] = {}
        self._later: list[tuple[ArtifactRepository, Write]] = []

    @property
    def is_empty(self) -> bool:
        """Whether no file waits."""
        return not self._mirrors and not self._later

    def write(self, target: ArtifactRepository, run_id: str, write: Write) -> Path:
        """Write to the mirror of a run's artifacts; the folder with all mirrors. Raises what `write` does, and
        OSError where there can be no mirror."""
        # The whole of it: else another thread could bring the mirror back and away while it is written.
        with self._lock:
            mirror = self._mirror(target, run_id)
            write(mirror.files)
            return mirror.folder.parent

    def _mirror(self, target: ArtifactRepository, run_id: str) -> Mirror:
        url = target.url()
        known = self._mirrors.get(url)
        if known is None:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            folder = self._folder / run_id
            (folder / FILES).mkdir(parents=True, exist_ok=True)
            described = {
                "store": str(self._store),
                "process": Process.current().to_dict(),
                "run_id": run_id,
                "artifact_uri": url,
            }
            (folder / MANIFEST).write_text(json.dumps(described))
            known = self._mirrors[url] = Mirror(folder, target)
        return known

    @property
    def is_in_memory(self) -> bool:
        """Whether something waits that no mirror could take: what comes after it must wait behind it."""
        return bool(self._later)

    def keep(self, target: ArtifactRepository, write: Write) -> None:
        """Write this later: there is no room anywhere. A text or a figure is in memory, other files are where they
        are."""
        with self._lock:
            self._later.append((target, write))

    def content(self, target: ArtifactRepository, path: str) -> bytes | None:
        """What waits for this file of a repository."""
        if self.is_empty:
            return None
        url = target.url()
        with self._lock:
            for other, write in reversed(self._later):
                if isinstance(write, Content) and write.path == path and other.url() == url:
                    return write.content
            if (known := self._mirrors.get(url)) is not None and known.files.exists(path):
                return known.files.get(path)
        return None

    def come_back(self) -> None:
        """Bring the files to where they belong, as far as that is possible now."""
        with self._lock:
            for url, mirror in list(self._mirrors.items()):
                with suppress(StoreError, OSError):
                    mirror.target.put("", mirror.folder / FILES)
                    shutil.rmtree(mirror.folder, ignore_errors=True)
                    del self._mirrors[url]
            if not self._mirrors and self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None
            # What could not even be written to a mirror came after what is there.
            while self._later and not self._mirrors:
                target, write = self._later[0]
                try:
                    write(target)
                except NotFound as error:
                    _warn(f"A file that was logged while there was no room is gone: {error}")
                except (StoreError, OSError):
                    break
                del self._later[0]

    def close(self) -> None:
        """Try a last time; say where the files are that have to stay behind."""
        if self.is_empty:
            return
        self.come_back()
        if self._later:
            _warn(f"{len(self._later)} files that were logged to {self._store} could not be written; they are lost.")
        if self._mirrors:
            _warn(
                f"Files that were logged to {self._store} could not be written there. They are in {self._folder}: run "
                "`nbtrack doctor --repair` on the store when it can be written again, and they come into it."
            )


class RunArtifacts:
    """A run's artifacts. Where its repository cannot be written, files wait elsewhere, and a training loop goes on.

    Args:
        repository: Where the artifacts belong.
        detour: Where they wait.
        run_id: The run's ID.
    """

    def __init__(self, repository: ArtifactRepository, detour: ArtifactDetour, run_id: str) -> None:
        self._repository = repository
        self._detour = detour
        self._run_id = run_id

    # -- reading: of single files also those that wait ---------------------------------------------------------------

    def get(self, path: str) -> bytes:
        """Read the content of a file. Raises NotFound, and InvalidParameter for a folder."""
        content = self._detour.content(self._repository, path)
        return self._repository.get(path) if content is None else content

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return self._detour.content(self._repository, path) is not None or self._repository.exists(path)

    def list(self, path: str = "") -> Listing:
        """List what is directly in a folder, by path; [] where there is no such folder."""
        return self._repository.list(path)

    def fetch_to(self, path: str = "", folder: str | os.PathLike[str] | None = None) -> Path:
        """Get a local file or folder with what is at `path`; see `ArtifactRepository.fetch_to`."""
        return self._repository.fetch_to(path, folder)

    def path_of(self, url: str) -> str | None:
        """The path of what a URI names, where that is among these artifacts; None where it is elsewhere."""
        return self._repository.path_of(url)

    # -- writing -----------------------------------------------------------------------------------------------------

    def put(self, path: str, source: bytes | Path) -> None:
        """Write a file, or all files of a local folder; see `ArtifactRepository.put`."""
        self._write(Content(path, source) if isinstance(source, bytes) else lambda files: files.put(path, source))

    def copy(self, path: str, target: str) -> None:
        """Copy a file or a folder. Raises NotFound."""

        def write(files: Files) -> None:
            if files is self._repository:
                self._repository.copy(path, target)
            else:
                files.put(target, self._repository.fetch_to(path))

        self._write(write)

    def replace(self, path: str, folder: Path) -> Replaced:
        """Put a copy of a local folder in the place of the one at `path`; see `ArtifactRepository.replace`."""
        done: list[Replaced] = []
        self._write(lambda files: done.append(files.replace(path, folder)))
        return done[-1] if done else Replaced()

    def attempt(self, write: Write) -> None:
        """Do something that reads a file and writes it again: now, or as a whole later where it cannot be read now."""
        try:
            write(self)
        except OSError as error:
            if _number(error) not in PASSING:
                raise
            self._detour.keep(self._repository, write)

    def _write(self, write: Write) -> None:
        if not self._detour.is_empty:
            # Not before what was logged earlier: it may be the same file.
            self._detour.come_back()
        try:
            if not self._detour.is_empty:
                raise StoreError("Files that were logged earlier wait still.")
            write(self._repository)
        except (StoreError, OSError) as error:
            self._spare(write, error)

    def _spare(self, write: Write, error: Exception) -> None:
        is_first, where = self._detour.is_empty, "where they are, or in memory,"
        try:
            if self._detour.is_in_memory:
                self._detour.keep(self._repository, write)
                return
            where = f"in {self._detour.write(self._repository, self._run_id, write)}"
        except (NbtrackError, OSError) as second:
            if _number(second) not in PASSING:
                # It is not for want of room: the file itself, say, cannot be read.
                raise error from None
            self._detour.keep(self._repository, write)
        if is_first:
            _warn(
                f"nbtrack cannot write into {self._repository}: {error} Files that are logged are kept {where} and "
                "come into the store as soon as it can be written again."
            )


def _number(error: BaseException) -> int | None:
    cause = error if isinstance(error, OSError) and error.errno else error.__cause__
    return cause.errno if isinstance(cause, OSError) else None


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=6)
