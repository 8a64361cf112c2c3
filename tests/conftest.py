"""What every test stands on: a store of its own, and none of the developer's settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("nbtrack", deadline=None, print_blob=True)
settings.load_profile("nbtrack")


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh folder as the working directory, with the default store in it; no run stays open behind a test."""
    for name in list(os.environ):
        if name.startswith(("NBTRACK_", "MLFLOW_")):
            monkeypatch.delenv(name)
    store = tmp_path / ".nbtrack"
    monkeypatch.setenv("NBTRACK_TRACKING_URI", str(store))
    monkeypatch.chdir(tmp_path)
    yield store
    if "nbtrack" in sys.modules:
        import nbtrack

        while nbtrack.active_run() is not None:
            nbtrack.end_run()
        nbtrack.set_tracking_uri("")
