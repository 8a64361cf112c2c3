"""Checks of logged files that were modified in place, so that they no longer match their digest."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ....artifact_store.local import PARTIAL
from ....progress import progress
from .findings import LOST, Report, counted

if TYPE_CHECKING:
    from ..store import FolderStore


def check_blobs(store: FolderStore, report: Report, repair: bool, *, contents: bool) -> None:
    """Compare the size of each blob, and with `contents` its digest, with those that its name records."""
    blobs = list(store.blobs.all())
    changed = []
    with progress("Reading artifacts" if contents else "Checking artifacts", len(blobs), "files") as bar:
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
        f"{counted(len(files), 'logged file was', 'logged files were')} modified after logging"
        + (f": {named}{', …' if len(files) > 3 else ''}. " if files else ". ")
        + "The original content is not known. A backup or another copy may have it.",
        "The files stay as they are, and are no longer shared with runs that log the original content.",
    )
    if repair:
        for blob in changed:
            blob.unlink(missing_ok=True)
        finding.state = LOST


def check_unshared(store: FolderStore, report: Report, repair: bool) -> None:
    """Find files that are not deduplicated: logged by an older nbtrack, or copied without their hard links."""
    files = [path for path, found in _files(store) if found.st_nlink == 1 and found.st_size]
    if not files:
        return
    total = sum(path.stat().st_size for path in files)
    if not repair:
        report.notes.append(
            f"{counted(len(files), 'file is', 'files are')} not deduplicated yet ({total:,} bytes). "
            "With --repair, equal files are stored only once."
        )
        return
    freed = 0
    with progress("Finding equal artifacts", len(files), "files") as bar:
        for path in files:
            with suppress(OSError):
                size = path.stat().st_size
                freed += size if store.blobs.adopt(path) else 0
            bar.advance()
    report.notes.append(
        f"{counted(len(files), 'file was', 'files were')} deduplicated, which freed {counted(freed, 'byte')}."
    )


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
