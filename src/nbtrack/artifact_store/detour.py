"""Where a run's files wait while its artifact folder cannot be written: a mirror of that folder in the temp folder."""

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
from typing import Any, TypeAlias

from ..errors import NbtrackError, NotFound, StoreError
from ..journal import Process
from ..journal.writer import PASSING
from .local import ArtifactRepository, Replaced

PREFIX = "nbtrack-rescue-files-"
MANIFEST = "nbtrack-rescue.json"
FILES = "files"

Write: TypeAlias = Callable[[ArtifactRepository], None]


@dataclass(frozen=True)
class Content:
    """A file to write, as its path and what is in it."""

    path: str
    content: bytes

    def __call__(self, folder: ArtifactRepository) -> None:
        folder.write_bytes(self.path, self.content)


class ArtifactDetour:
    """The mirrors of this process, one for each run that needs it, and what could not even be written there.

    `relative` gives the form in which tables hold an artifact folder.
    """

    def __init__(self, store: Path, relative: Callable[[str], str]) -> None:
        self._store = store
        self._relative = relative
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._mirrors: dict[Path, tuple[Path, ArtifactRepository]] = {}
        self._later: list[tuple[ArtifactRepository, Write]] = []

    @property
    def is_empty(self) -> bool:
        """Whether no file waits."""
        return not self._mirrors and not self._later

    def write(self, target: ArtifactRepository, run_id: str, write: Write) -> Path:
        """Write to the mirror of a run's artifact folder; the folder with all mirrors. Raises what `write` does, and
        OSError where there can be no mirror."""
        # The whole of it: else another thread could bring the mirror back and away while it is written.
        with self._lock:
            mirror = self._mirror(target, run_id)
            write(mirror)
            return mirror.root.parents[1]

    def _mirror(self, target: ArtifactRepository, run_id: str) -> ArtifactRepository:
        known = self._mirrors.get(target.root)
        if known is None:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            folder = self._folder / run_id
            (folder / FILES).mkdir(parents=True, exist_ok=True)
            described = {
                "store": str(self._store),
                "process": Process.current().to_dict(),
                "run_id": run_id,
                "artifact_uri": self._relative(str(target.root)),
            }
            (folder / MANIFEST).write_text(json.dumps(described))
            known = self._mirrors[target.root] = (folder, target)
        return ArtifactRepository(known[0] / FILES)

    @property
    def is_in_memory(self) -> bool:
        """Whether something waits that no mirror could take: what comes after it must wait behind it."""
        return bool(self._later)

    def keep(self, target: ArtifactRepository, write: Write) -> None:
        """Write this later: there is no room anywhere. A text or a figure is in memory, other files are where they
        are."""
        with self._lock:
            self._later.append((target, write))

    def content(self, root: Path, path: str) -> bytes | None:
        """What waits for this file of an artifact folder."""
        with self._lock:
            for target, write in reversed(self._later):
                if target.root == root and isinstance(write, Content) and write.path == path:
                    return write.content
            if (known := self._mirrors.get(root)) is not None:
                mirror = ArtifactRepository(known[0] / FILES)
                if mirror.exists(path):
                    return mirror.read_bytes(path)
        return None

    def come_back(self) -> None:
        """Bring the files to where they belong, as far as that is possible now."""
        with self._lock:
            for root, (folder, target) in list(self._mirrors.items()):
                with suppress(StoreError, OSError):
                    target.log_artifacts(folder / FILES)
                    shutil.rmtree(folder, ignore_errors=True)
                    del self._mirrors[root]
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


class RunArtifacts(ArtifactRepository):
    """A run's artifact folder. Where it cannot be written, files wait elsewhere, and a training loop goes on."""

    def __init__(self, detour: ArtifactDetour, run_id: str, *args: Any) -> None:
        super().__init__(*args)
        self._detour = detour
        self._run_id = run_id
        self._target = ArtifactRepository(*args)

    def log_artifact(self, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        self._write(lambda folder: folder.log_artifact(local_path, artifact_path))

    def log_artifacts(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        self._write(lambda folder: folder.log_artifacts(local_dir, artifact_path))

    def replace_folder(self, local_dir: Path, artifact_path: str) -> Replaced:
        done: list[Replaced] = []
        self._write(lambda folder: done.append(folder.replace_folder(local_dir, artifact_path)))
        return done[-1] if done else Replaced()

    def write_bytes(self, artifact_path: str, content: bytes) -> None:
        self._write(Content(artifact_path, content))

    def exists(self, artifact_path: str) -> bool:
        return self._detour.content(self.root, artifact_path) is not None or super().exists(artifact_path)

    def read_bytes(self, artifact_path: str) -> bytes:
        content = self._detour.content(self.root, artifact_path)
        return super().read_bytes(artifact_path) if content is None else content

    def attempt(self, write: Write) -> None:
        """Do something that reads a file and writes it again: now, or as a whole later where it cannot be read now."""
        try:
            write(self)
        except OSError as error:
            if _number(error) not in PASSING:
                raise
            self._detour.keep(self._target, write)

    def _write(self, write: Write) -> None:
        if not self._detour.is_empty:
            # Not before what was logged earlier: it may be the same file.
            self._detour.come_back()
        try:
            if not self._detour.is_empty:
                raise StoreError("Files that were logged earlier wait still.")
            write(self._target)
        except (StoreError, OSError) as error:
            self._spare(write, error)

    def _spare(self, write: Write, error: Exception) -> None:
        is_first, where = self._detour.is_empty, "where they are, or in memory,"
        try:
            if self._detour.is_in_memory:
                self._detour.keep(self._target, write)
                return
            where = f"in {self._detour.write(self._target, self._run_id, write)}"
        except (NbtrackError, OSError) as second:
            if _number(second) not in PASSING:
                # It is not for want of room: the file itself, say, cannot be read.
                raise error from None
            self._detour.keep(self._target, write)
        if is_first:
            _warn(
                f"nbtrack cannot write into {self.root}: {error} Files that are logged are kept {where} and come into "
                "the store as soon as it can be written again."
            )


def _number(error: BaseException) -> int | None:
    cause = error if isinstance(error, OSError) and error.errno else error.__cause__
    return cause.errno if isinstance(cause, OSError) else None


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=6)
