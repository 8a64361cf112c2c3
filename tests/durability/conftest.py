"""A separate temp folder for each test, so that no test finds the rescue files of another."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def rescue_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Not below tmp_path: multiprocessing puts a socket there, whose path has 108 characters at most.
    with tempfile.TemporaryDirectory(prefix="nb") as name:
        folder = Path(name)
        folder.chmod(0o777)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield folder


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 8 MB that holds the store."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]).returncode:
        pytest.skip("a small file system can be mounted by root only")
    monkeypatch.setenv("NBTRACK_TRACKING_URI", str(disk / ".nbtrack"))
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
