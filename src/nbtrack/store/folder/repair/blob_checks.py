"""Logged files that somebody has written into since: they no longer have the content that they were kept by."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ....artifact_store.local import PARTIAL
from ....progress import progress
from .findings import LOST, Report

if TYPE_CHECKING:
    from ..store import FolderStore


def check_blobs(store: FolderStore, report: Report, repair: bool, *, contents: bool) -> None:
    """Compare files with what they were kept by: their size, and with `contents` their digest."""
    blobs = list(store.blobs.all())
    changed = []
    with progress("Reading artifacts" if contents else "Looking at artifacts", len(blobs), "files") as bar:
        for blob in blobs:
            if store.blobs.is_changed(blob, contents=contents):
                changed.append(blob)
            bar.advance()
    if not changed:
        return
    files = _files_of(store, changed)
    named = ", ".join(repr(str(path.relative_to(store.artifacts)))[:120] for path in files[:3])
    finding = report.add(
        "changed artifact",
        f"{len(files):,} logged files were written into since"
        + (f": {named}{', …' if len(files) > 3 else ''}. " if files else ". ")
        + "What they had held is not known; a copy elsewhere or a backup may have it.",
        "they stay as they are, and are no longer shared with runs that log the same.",
    )
    if repair:
        for blob in changed:
            blob.unlink(missing_ok=True)
        finding.state = LOST


def check_unshared(store: FolderStore, report: Report, repair: bool) -> None:
    """Files that are not kept by their content: logged by an older nbtrack, or copied without their links."""
    files = [path for path, found in _files(store) if found.st_nlink == 1 and found.st_size]
    if not files:
        return
    total = sum(path.stat().st_size for path in files)
    if not repair:
        report.notes.append(
            f"{len(files):,} files ({total:,} bytes) are not kept by their content; with --repair, equal ones become "
            "one."
        )
        return
    freed = 0
    with progress("Finding equal artifacts", len(files), "files") as bar:
        for path in files:
            with suppress(OSError):
                size = path.stat().st_size
                freed += size if store.blobs.adopt(path) else 0
            bar.advance()
    report.notes.append(f"{len(files):,} files are kept by their content now; {freed:,} bytes came free by that.")


def _files_of(store: FolderStore, blobs: list[Path]) -> list[Path]:
    inodes = {blob.stat().st_ino for blob in blobs if blob.exists()}
    return [path for path, found in _files(store) if found.st_ino in inodes]


def _files(store: FolderStore) -> Iterator[tuple[Path, os.stat_result]]:
    for folder, folders, names in os.walk(store.artifacts):
        folders[:] = sorted(name for name in folders if not name.startswith(PARTIAL))
        for name in sorted(names):
            with suppress(FileNotFoundError):
                path = Path(folder, name)
                if stat.S_ISREG((found := path.lstat()).st_mode) and not name.startswith(PARTIAL):
                    yield path, found
