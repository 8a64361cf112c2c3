"""Logged files that somebody has written into since: they no longer have the content that they were kept by."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...progress import progress
from .findings import LOST, Report

if TYPE_CHECKING:
    from ..duckdb import DuckDBStore


def check_blobs(store: DuckDBStore, report: Report, repair: bool, *, contents: bool) -> None:
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


def _files_of(store: DuckDBStore, blobs: list[Path]) -> list[Path]:
    inodes = {blob.stat().st_ino for blob in blobs if blob.exists()}
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(store.artifacts)
        for name in names
        if os.lstat(os.path.join(folder, name)).st_ino in inodes
    )
