"""Between two reads of the store, the points that this process logs come from its journal."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import pytest

import nbtrack
from nbtrack.store.opening import close_stores
from nbtrack.widgets import live_feed
from nbtrack.widgets.live_feed import LiveFeed


@pytest.fixture
def run_id() -> Iterator[str]:
    with nbtrack.start_run() as run:
        nbtrack.log_metrics({"loss": 0.5, "acc": 0.1}, step=0)
        yield run.info.run_id


@pytest.fixture
def feed(client: nbtrack.Client, run_id: str) -> LiveFeed:
    feed = LiveFeed(client, run_id, 100)
    feed.read()
    return feed


def curve(answer: Any, key: str = "loss") -> list[tuple[float, float]]:
    place = next(i for i, series in enumerate(answer.reply["series"]) if series["key"] == key)
    x, y = (struct.unpack(f"{len(each) // 8}d", each) for each in answer.buffers[2 * place : 2 * place + 2])
    return list(zip(x, y, strict=True))


def test_new_points_are_added_without_the_store(feed: LiveFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "live_state", lambda *_: pytest.fail("The store was read."))
    assert feed.add() is None
    nbtrack.log_metric("loss", 0.25, step=1)
    nbtrack.log_series("loss", [2, 3], [0.125, 0.0625])
    answer = feed.add()
    assert answer is not None
    assert curve(answer) == [(0, 0.5), (1, 0.25), (2, 0.125), (3, 0.0625)]
    assert answer.reply["run"]["metrics"] == {"loss": 0.0625, "acc": 0.1}
    assert {series["key"]: series["total"] for series in answer.reply["series"]} == {"loss": 4, "acc": 1}
    assert feed.add() is None
    assert not feed.is_behind


def test_what_is_logged_during_a_read_is_added_once(
    feed: LiveFeed, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = live_feed.live_state

    def late(*arguments: Any) -> Any:
        nbtrack.log_metric("loss", math.nan, step=1)
        found = read(*arguments)
        nbtrack.log_metric("loss", 0.125, step=2)
        return found

    monkeypatch.setattr(live_feed, "live_state", late)
    feed.read()
    added = feed.add()
    assert added is not None
    assert repr(curve(added)) == repr([(0.0, 0.5), (1.0, math.nan), (2.0, 0.125)])
    monkeypatch.setattr(live_feed, "live_state", read)
    assert repr(curve(feed.read())) == repr(curve(added))


@pytest.mark.parametrize("log", [lambda: nbtrack.log_param("lr", 1), lambda: nbtrack.set_tag("a", "b")])
def test_other_data_are_read_from_the_store_and_points_are_added_meanwhile(feed: LiveFeed, log: Any) -> None:
    log()
    nbtrack.log_metric("loss", 0.25, step=1)
    answer = feed.add()
    assert answer is not None
    assert len(curve(answer)) == 2
    assert feed.is_behind
    feed.read()
    assert not feed.is_behind


@pytest.mark.parametrize(("key", "step"), [("new", 0), ("loss", -1)])
def test_points_that_do_not_continue_a_curve_are_read_from_the_store(feed: LiveFeed, key: str, step: int) -> None:
    nbtrack.log_metric(key, 0.25, step=step)
    assert feed.add() is None
    assert feed.is_behind
    nbtrack.log_metric("loss", 0.125, step=5)
    assert feed.add() is None, "A point is missing before this one."
    assert curve(feed.read())[-1] == (5, 0.125)
    assert not feed.is_behind


def test_a_long_curve_is_thinned_out(feed: LiveFeed) -> None:
    for step in range(1, 1000):
        nbtrack.log_metric("loss", 0.5 + (step == 500), step=step)
        if step % 10 == 0:
            answer = feed.add()
            assert answer is not None
            assert len(curve(answer)) <= 150
    answer = feed.add()
    assert answer is not None
    points = curve(answer)
    assert (points[0], points[-1], max(y for _, y in points)) == ((0, 0.5), (999, 0.5), 1.5)


def test_a_run_of_another_process_is_not_followed() -> None:
    run_id = nbtrack.Client().create_run("0").info.run_id
    # As in another process, nothing is known of the run.
    close_stores()
    client = nbtrack.Client()
    feed = LiveFeed(client, run_id, 100)
    feed.read()
    assert (feed.is_followed, feed.add()) == (False, None)
    client.set_tag(run_id, "reviewed", "yes")
    feed.read()
    assert (feed.is_followed, feed.add()) == (False, None)


def test_progress_is_added_without_the_store(feed: LiveFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "live_state", lambda *_: pytest.fail("The store was read."))
    run = nbtrack.active_run()
    for done, _ in enumerate(run.progress(range(3), label="epochs")):
        answer = feed.add()
        assert answer is not None
        assert (answer.reply["progress"]["done"], answer.reply["progress"]["label"]) == (done, "epochs")
    assert not feed.is_behind
