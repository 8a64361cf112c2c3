"""Datasets of files and folders, identified by their bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import NotFound
from .dataset import Dataset, checked_names, source_of
from .digest import Digest


def from_file(
    path: str | os.PathLike[str], source: Any = None, name: str | None = None, digest: str | None = None
) -> Dataset:
    """Create a dataset from a file, or from all files in a folder, in any format.

    The digest is computed from the bytes, and for a folder also from the path of each file. The profile has `num_files`
    and `num_bytes`. There is no schema.

    Args:
        path: A file or a folder.
        source: Where the data came from: a path, a URI or a dict. Defaults to the absolute path.
        name: The name of the dataset. Defaults to the name of the source's file without its extension, or to "dataset".
        digest: A digest of your own, at most 36 characters long. Defaults to one of the content.

    Returns:
        The dataset.

    Raises:
        NotFound: If the file or folder does not exist.
        InvalidParameter: If the source, the name or the digest is not valid.
    """
    file = Path(path)
    if not file.exists():
        raise NotFound(
            f"File or folder {os.fspath(path)!r:.200} does not exist. The working directory is {os.getcwd()}."
        )
    files = sorted(file.rglob("*")) if file.is_dir() else [file]
    files = [member for member in files if member.is_file()]
    source_type, source_json = source_of(file.absolute() if source is None else source)
    name, digest = checked_names(name, digest, source_json)
    profile = {"num_files": len(files), "num_bytes": sum(member.stat().st_size for member in files)}
    return Dataset(name, digest or _digest_of(file, files), source_type, source_json, None, profile)


def _digest_of(path: Path, files: list[Path]) -> str:
    if path.is_file():
        digest = Digest("file")
        digest.file(path)
        return digest.hexdigest()
    digest = Digest("folder")
    for name, member in sorted((member.relative_to(path).as_posix(), member) for member in files):
        digest.string(name)
        digest.file(member)
    return digest.hexdigest()
