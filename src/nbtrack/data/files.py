"""Datasets of files and folders, by their bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import NotFound
from .dataset import Dataset, checked, source_of
from .digest import Digest


def from_file(
    path: str | os.PathLike[str], source: Any = None, name: str | None = None, digest: str | None = None
) -> Dataset:
    """A dataset of a file, or of all files in a folder, whatever their format. Raises NotFound.

    `source` is by default the path. The profile says `num_files` and `num_bytes`; there is no schema.
    """
    file = Path(path)
    if not file.exists():
        raise NotFound(
            f"File or folder {os.fspath(path)!r:.200} does not exist. The working directory is {os.getcwd()}."
        )
    files = sorted(file.rglob("*")) if file.is_dir() else [file]
    files = [member for member in files if member.is_file()]
    source_type, source_text = source_of(file.absolute() if source is None else source)
    name, digest = checked(name, digest, source_text)
    profile = {"num_files": len(files), "num_bytes": sum(member.stat().st_size for member in files)}
    return Dataset(name, digest or _digest_of(file, files), source_type, source_text, None, profile)


def _digest_of(path: Path, files: list[Path]) -> str:
    if path.is_file():
        digest = Digest("file")
        digest.file(path)
        return digest.hexdigest()
    digest = Digest("folder")
    for name, member in sorted((member.relative_to(path).as_posix(), member) for member in files):
        digest.text(name)
        digest.file(member)
    return digest.hexdigest()
