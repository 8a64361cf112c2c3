"""A digest of everything that decides the content of an environment."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ...errors import ExecutionException
from ..git import Git, GitFailed, split_nul

_HASHED_WHOLE = 4_000_000
"""Larger files of a folder count by name and size, because data can lie beside the code of a package."""
_NOT_PACKAGED = {"__pycache__", "build", "dist", "mlruns", "node_modules", "venv"}


class Digest:
    """Collects named values in any order, and gives the same hash for the same values."""

    def __init__(self) -> None:
        self._parts: set[str] = set()

    def add(self, name: str, value: str | bytes) -> None:
        """Add a value under a name. Several values can have the same name."""
        content = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        self._parts.add(f"{name}\0{hashlib.sha256(content).hexdigest()}")

    def add_file(self, name: str, file: Path) -> None:
        """Add the content of a file. A missing file and one that is not a regular file count as such."""
        try:
            if not file.is_file():
                # Opening a named pipe would wait forever.
                raise FileNotFoundError
            with file.open("rb") as opened:
                self.add(name, hashlib.file_digest(opened, "sha256").digest())
        except OSError:
            self.add(name, "missing")

    def add_folder(self, name: str, folder: Path) -> None:
        """Add the files of a folder that can become part of a package. Where the folder lies does not count."""
        for path in _files(folder):
            relative = path.relative_to(folder).as_posix()
            size = path.lstat().st_size
            if path.is_symlink():
                self.add(f"{name}/{relative}", os.readlink(path))
            elif size > _HASHED_WHOLE:
                self.add(f"{name}/{relative}", f"{size} bytes")
            else:
                self.add_file(f"{name}/{relative}", path)

    def add_path(self, name: str, path: Path) -> None:
        """Add a file or a folder."""
        if path.is_dir():
            self.add_folder(name, path)
        else:
            self.add_file(name, path)

    def add_variables(self, files: Sequence[str], values: Sequence[str]) -> None:
        """Add environment variables that are set: lists of files by their contents, and others by their values."""
        for name in files:
            for file in os.environ.get(name, "").split():
                self.add_file(name, Path(file))
        for name in values:
            if os.environ.get(name):
                self.add(name, os.environ[name])

    def add_platform(self) -> None:
        """Add what decides which builds of packages fit: the system, the processor and the Python implementation."""
        self.add("platform", f"{sysconfig.get_platform()} {platform.machine()} {sys.implementation.name}")

    def hexdigest(self) -> str:
        """Return the SHA-256 of all values as 64 hexadecimal digits."""
        return hashlib.sha256("\n".join(sorted(self._parts)).encode("utf-8", "surrogateescape")).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, without those that git ignores: a run in the folder may have written them."""
    known = _known_to_git(folder)
    for path in [folder] if known is None else known:
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.is_symlink() or path.exists():
            yield path


def _known_to_git(folder: Path) -> list[Path] | None:
    """Return what git has or would add below a folder, or None if the folder is not in a repository."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    try:
        listed = split_nul(Git(folder)("ls-files", "-z", "--cached", "--others", "--exclude-standard"))
    except (GitFailed, ExecutionException):
        return None
    # A repository of configuration files in the home folder ignores everything else.
    return [folder / name for name in sorted(set(listed)) if _can_be_packaged(Path(name).parts[:-1])] or None


def _can_be_packaged(folders: Iterable[str]) -> bool:
    return not any(name.startswith(".") or name in _NOT_PACKAGED or name.endswith(".egg-info") for name in folders)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if _can_be_packaged([name])]
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in [*files, *links] if not name.endswith((".pyc", ".pyo")))
