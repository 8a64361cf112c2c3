"""Keeps a run's files while its artifact repository cannot be written, in a mirror of it in the temp folder."""

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
from ..journal.writer import TRANSIENT
from .base import ArtifactRepository, Files, Listing, Replaced
from .local import LocalArtifactRepository

PREFIX = "nbtrack-rescue-files-"
MANIFEST = "nbtrack-rescue.json"
FILES = "files"

Write: TypeAlias = Callable[[Files], None]


@dataclass(frozen=True)
class Content:
    """A file to write: its path and its content."""

    path: str
    content: bytes

    def __call__(self, files: Files) -> None:
        files.put(self.path, self.content)


@dataclass(frozen=True)
class Mirror:
    """The folder in which the files of a repository wait."""

    folder: Path
    target: ArtifactRepository

    @property
    def files(self) -> LocalArtifactRepository:
        """The waiting files, under the paths that they will have."""
        return LocalArtifactRepository(self.folder / FILES)


class ArtifactDetour:
    """The mirrors of this process, one for each run that needs one, and the writes that no mirror could take.

    Args:
        store: The store's folder. `nbtrack doctor` recognizes mirrors that a process left behind by it.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._mirrors: dict[str, Mirror] = {}
        self._later: list[tuple[ArtifactRepository, Write]] = []

    @property
    def is_empty(self) -> bool:
        """Whether no file is waiting."""
        return not self._mirrors and not self._later

    def write(self, target: ArtifactRepository, run_id: str, write: Write) -> Path:
        """Write to the mirror of a run's artifacts, and return the folder of all mirrors.

        Raises what `write` raises, and OSError if the mirror cannot be created.
        """
        # Locked as a whole, or another thread could bring the mirror back and delete it during the write.
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
        """Whether a write waits that no mirror could take. Later writes must then wait behind it."""
        return bool(self._later)

    def keep(self, target: ArtifactRepository, write: Write) -> None:
        """Keep a write for later, because there is no room anywhere.

        The content of strings and figures is kept in memory. Other files stay where they are until then.
        """
        with self._lock:
            self._later.append((target, write))

    def content(self, target: ArtifactRepository, path: str) -> bytes | None:
        """Return the waiting content of a file of a repository, or None if none is waiting."""
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

    def move_back(self) -> None:
        """Move the waiting files into their repositories, as far as that is possible now."""
        with self._lock:
            for url, mirror in list(self._mirrors.items()):
                with suppress(StoreError, OSError):
                    mirror.target.put("", mirror.folder / FILES)
                    shutil.rmtree(mirror.folder, ignore_errors=True)
                    del self._mirrors[url]
            if not self._mirrors and self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None
            # The writes that no mirror could take came after those in the mirrors.
            while self._later and not self._mirrors:
                target, write = self._later[0]
                try:
                    write(target)
                except NotFound as error:
                    _warn(
                        f"A file that was logged while the disk was full no longer exists and was not stored: {error}"
                    )
                except (StoreError, OSError):
                    break
                del self._later[0]

    def close(self) -> None:
        """Try a last time, and warn about the files that are left."""
        if self.is_empty:
            return
        self.move_back()
        if self._later:
            _warn(f"{len(self._later)} logged files could not be written to {self._store}. They are lost.")
        if self._mirrors:
            _warn(
                f"Some logged files could not be written to {self._store}. They are kept in {self._folder}. When the "
                "store can be written again, run `nbtrack doctor --repair` on it to bring them in."
            )


class RunArtifacts:
    """A run's artifacts. While its repository cannot be written, files wait elsewhere and training continues.

    Args:
        repository: The repository of the artifacts.
        detour: Keeps the files that cannot be written.
        run_id: The run's ID.
    """

    def __init__(self, repository: ArtifactRepository, detour: ArtifactDetour, run_id: str) -> None:
        self._repository = repository
        self._detour = detour
        self._run_id = run_id

    # -- reading: single files also while they wait ------------------------------------------------------------------

    def get(self, path: str) -> bytes:
        """Return the content of a file. Raises NotFound, or InvalidParameter if it is a folder."""
        content = self._detour.content(self._repository, path)
        return self._repository.get(path) if content is None else content

    def exists(self, path: str) -> bool:
        """Return whether a file or folder exists."""
        return self._detour.content(self._repository, path) is not None or self._repository.exists(path)

    def list(self, path: str = "") -> Listing:
        """List the files and folders directly in a folder, by path; [] if it does not exist."""
        return self._repository.list(path)

    def fetch_to(self, path: str = "", folder: str | os.PathLike[str] | None = None) -> Path:
        """Make a file or folder available as a local path; see `ArtifactRepository.fetch_to`."""
        return self._repository.fetch_to(path, folder)

    def path_of(self, url: str) -> str | None:
        """Return the path that a URI has among these artifacts, or None if it is not among them."""
        return self._repository.path_of(url)

    # -- writing -----------------------------------------------------------------------------------------------------

    def put(self, path: str, source: bytes | Path) -> None:
        """Write a file, or all files of a local folder; see `ArtifactRepository.put`."""
        self._write(Content(path, source) if isinstance(source, bytes) else lambda files: files.put(path, source))

    def copy(self, path: str, target: str) -> None:
        """Copy a file or a folder. Raises NotFound if it does not exist."""

        def write(files: Files) -> None:
            if files is self._repository:
                self._repository.copy(path, target)
            else:
                files.put(target, self._repository.fetch_to(path))

        self._write(write)

    def replace(self, path: str, folder: Path) -> Replaced:
        """Replace the folder at `path` with a copy of a local folder; see `ArtifactRepository.replace`."""
        done: list[Replaced] = []
        self._write(lambda files: done.append(files.replace(path, folder)))
        return done[-1] if done else Replaced()

    def attempt(self, write: Write) -> None:
        """Run a write that first reads the file, now or, if the file cannot be read now, as a whole later."""
        try:
            write(self)
        except OSError as error:
            if _number(error) not in TRANSIENT:
                raise
            self._detour.keep(self._repository, write)

    def _write(self, write: Write) -> None:
        if not self._detour.is_empty:
            # Files that were logged earlier must come first, because one of them may be the same file.
            self._detour.move_back()
        try:
            if not self._detour.is_empty:
                raise StoreError("Files that were logged earlier are still waiting.")
            write(self._repository)
        except (StoreError, OSError) as error:
            self._divert(write, error)

    def _divert(self, write: Write, error: Exception) -> None:
        is_first, where = self._detour.is_empty, "in memory or at their original place"
        try:
            if self._detour.is_in_memory:
                self._detour.keep(self._repository, write)
                return
            where = f"in {self._detour.write(self._repository, self._run_id, write)}"
        except (NbtrackError, OSError) as second:
            if _number(second) not in TRANSIENT:
                # The cause is not a lack of room: for example, the file itself cannot be read.
                raise error from None
            self._detour.keep(self._repository, write)
        if is_first:
            _warn(
                f"nbtrack cannot write to {self._repository}: {error} Logging continues: files are kept {where} and "
                "are moved into the store when it can be written again."
            )


def _number(error: BaseException) -> int | None:
    cause = error if isinstance(error, OSError) and error.errno else error.__cause__
    return cause.errno if isinstance(cause, OSError) else None


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=6)
