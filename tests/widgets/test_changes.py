"""Screens are told that their store has changed, as long as they ask for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nbtrack
from nbtrack.store import open_store
from nbtrack.widgets import Comparison, Registry, changes

from .conftest import eventually

Sent = list[tuple[dict[str, Any], list[bytes]]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(changes, "INTERVAL", 0.02)
    yield
    # The screens of a test would be watched for 30 seconds more.
    changes._watched.clear()


def watch(widget: Comparison | Registry, seconds: object = 30) -> None:
    widget._handle_custom_msg({"kind": "nbtrack:watch", "seconds": seconds}, [])


def told(sent: Sent) -> int:
    return sum(message["kind"] == "nbtrack:changed" for message, _ in sent)


def watching() -> bool:
    return any(thread.name == "nbtrack-changes" for thread in threading.enumerate())


def test_a_new_run_and_a_promotion_are_reported(
    client: nbtrack.Client, make_run: Callable[..., str], sent: Sent
) -> None:
    make_run()
    comparison, registry = Comparison(client), Registry(client)
    watch(comparison)
    watch(registry)
    with nbtrack.start_run():
        # Nothing has been read since the run was created, so only the journal knows it.
        assert eventually(lambda: told(sent) >= 2)
    watch(comparison, 0)
    before = told(sent)
    client.create_registered_model("digits")
    assert eventually(lambda: told(sent) > before)


def test_nothing_is_watched_for_a_screen_that_no_longer_asks(client: nbtrack.Client, sent: Sent) -> None:
    registry = Registry(client)
    watch(registry, 0.1)
    assert eventually(lambda: not watching())
    before = told(sent)
    client.create_registered_model("digits")
    time.sleep(0.1)
    assert told(sent) == before
    for seconds in (None, "60", True, float("nan"), -1, {}):
        watch(registry, seconds)
        assert eventually(lambda: not watching())


def test_reading_changes_no_revision_but_logging_does() -> None:
    store = open_store()
    with nbtrack.start_run():
        nbtrack.log_metric("a", 1.0)
    nbtrack.search_runs()
    time.sleep(0.1)
    before = (store.revision(), store.revision(pending=True))
    nbtrack.search_runs()
    assert (store.revision(), store.revision(pending=True)) == before
    with nbtrack.start_run():
        assert store.revision(pending=True) != before[1]
