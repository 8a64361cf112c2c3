"""A client, a function that creates runs, and a list of the messages that widgets send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import pytest

import nbtrack
from nbtrack.widgets import code, host


@pytest.fixture(autouse=True)
def bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python side is tested without the built JavaScript; the browser tests have the real bundles."""
    sources = {"style.css": "/* style */", "screen.js": "/* screen */", "shared.js": "/* shared */"}
    screens = dict.fromkeys(("comparison", "live", "registry", "run_page"), "screen.js")
    manifest = {"style": "style.css", "screens": screens, "imports": {"screen.js": ["shared.js"]}}
    built = code.Code("/* loader */", "/* bundle */", "/* style */", sources, manifest)
    monkeypatch.setattr(code, "read", lambda: built)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close every widget after its test, so that no thread of one continues."""
    yield
    ipywidgets.Widget.close_all()
    for thread in threading.enumerate():
        if thread.name == "nbtrack-live":
            thread.join()


@pytest.fixture
def client() -> nbtrack.Client:
    return nbtrack.Client()


@pytest.fixture
def make_run() -> Callable[..., str]:
    """Return a function that creates a finished run whose loss falls to `loss`."""

    def make(loss: float = 0.5, *, name: str = "run", status: str = "FINISHED", **params: object) -> str:
        run = nbtrack.start_run(run_name=name)
        nbtrack.log_params({"optimizer": "adam", **params})
        for step in range(5):
            nbtrack.log_metrics({"train/loss": loss + 1 / (step + 1), "val/loss": loss + 0.8 - step / 5}, step=step)
        nbtrack.end_run(status)
        return str(run.info.run_id)

    return make


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], list[bytes]]]:
    """Return the list of all messages that widgets send to their screens."""
    messages: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(
        host.ViewWidget, "send", lambda self, message, buffers=None: messages.append((message, list(buffers or [])))
    )
    return messages


def eventually(happened: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait for another thread and return the first true value of `happened`."""
    deadline = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return value


def points(buffer: bytes) -> list[float]:
    """Return the float64 values of a buffer."""
    return memoryview(buffer).cast("d").tolist()
