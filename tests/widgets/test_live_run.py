"""The live view pushes what changed, ends with the run, and never holds up the cell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nbtrack
from nbtrack.widgets import LiveRun, live_feed, live_run
from nbtrack.widgets.snapshot import Answer, Snapshot

from .conftest import eventually

Sent = list[tuple[dict[str, Any], list[bytes]]]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_run, "INTERVAL", 0.02)
    monkeypatch.setattr(live_run, "SHARE", 100.0)
    monkeypatch.setattr(live_run, "READ_SHARE", 100.0)


@pytest.fixture
def running() -> Iterator[str]:
    run = nbtrack.start_run(run_name="going")
    yield run.info.run_id
    nbtrack.end_run()


def last_values(sent: Sent) -> dict[str, Any]:
    return dict(sent[-1][0]["reply"]["run"]["metrics"]) if sent else {}


def test_points_arrive_while_the_run_goes_on(client: nbtrack.Client, running: str, sent: Sent) -> None:
    LiveRun(client, running)
    nbtrack.log_metric("loss", 0.5)
    eventually(lambda: last_values(sent) == {"loss": 0.5})
    nbtrack.log_metric("loss", 0.25)
    eventually(lambda: last_values(sent) == {"loss": 0.25})
    message, buffers = sent[-1]
    assert (message["kind"], message["name"]) == ("nbtrack:push", "live")
    points = message["reply"]["series"][0]
    assert points["total"] == 2
    assert [len(buffer) for buffer in buffers] == [8 * (2 - points.get("kept", 0))] * 2


def test_nothing_new_is_not_sent_again(client: nbtrack.Client, running: str, sent: Sent) -> None:
    LiveRun(client, running)
    eventually(lambda: sent)
    time.sleep(0.3)
    assert len(sent) == 1, [message["reply"] for message, _ in sent]


def test_the_thread_ends_with_the_run(client: nbtrack.Client, sent: Sent) -> None:
    run = nbtrack.start_run()
    widget = LiveRun(client, run.info.run_id)
    nbtrack.end_run("FAILED")
    eventually(lambda: not widget._pusher.is_alive())
    assert sent[-1][0]["reply"]["run"]["status"] == "FAILED"


def test_finish_brings_the_last_state_over(client: nbtrack.Client, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_run, "INTERVAL", 60.0)
    run = nbtrack.start_run()
    widget = LiveRun(client, run.info.run_id)
    nbtrack.log_metric("accuracy", 0.9)
    nbtrack.end_run()
    widget.finish()
    assert sent[-1][0]["reply"]["run"]["status"] == "FINISHED"
    assert last_values(sent) == {"accuracy": 0.9}
    summary = sent[-1][0]["reply"]["summary"]
    assert [(row["key"], row["best"], row["lower_is_better"]) for row in summary] == [("accuracy", 0.9, False)]


def test_finish_does_not_wait_for_ever(
    client: nbtrack.Client, running: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = LiveRun(client, running)
    eventually(lambda: sent)
    blocked = threading.Event()
    monkeypatch.setattr(live_run, "PATIENCE", 0.1)
    monkeypatch.setattr(live_feed, "live_state", lambda *_: blocked.wait(60))
    widget.finish()
    assert "nbtrack-live" in {thread.name for thread in threading.enumerate()}, "it is still reading"
    blocked.set()


def test_a_store_that_fails_for_a_while_is_told_and_got_over(
    client: nbtrack.Client, running: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    LiveRun(client, running)
    eventually(lambda: sent)
    with monkeypatch.context() as broken:
        broken.setattr(live_feed, "live_state", _locked)
        eventually(lambda: sent[-1][0].get("error"))
    eventually(lambda: "reply" in sent[-1][0])
    nbtrack.log_metric("loss", 1.0)
    eventually(lambda: "reply" in sent[-1][0] and last_values(sent) == {"loss": 1.0})


def _locked(*_: object) -> None:
    raise nbtrack.errors.StoreLocked("another process has it open")


def test_an_edit_is_pushed_although_the_store_is_not_due_to_be_read(
    client: nbtrack.Client, running: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLOWEST", "SLOWEST_BESIDE"):
        monkeypatch.setattr(live_run, name, 3600.0)
    monkeypatch.setattr(live_run, "READ_SHARE", 1e-9)
    nbtrack.log_metric("loss", 1.0, step=0)
    widget = LiveRun(client, running)
    eventually(lambda: last_values(sent) == {"loss": 1.0})
    widget.ask("edit_run", {"run_id": running, "name": "renamed"})
    eventually(lambda: sent[-1][0]["reply"]["run"]["run_name"] == "renamed")
    nbtrack.log_metric("loss", 0.5, step=1)
    eventually(lambda: last_values(sent) == {"loss": 0.5})
    assert sent[-1][0]["reply"]["run"]["run_name"] == "renamed"


def test_an_unknown_run_is_said_at_once(client: nbtrack.Client, make_run: Callable[..., str]) -> None:
    with pytest.raises(nbtrack.errors.NotFound):
        LiveRun(client, "0" * 32)


def test_a_closed_view_pushes_no_more(client: nbtrack.Client, running: str, sent: Sent) -> None:
    widget = LiveRun(client, running)
    widget.close()
    eventually(lambda: not widget._pusher.is_alive())


def test_the_view_of_the_panels_is_kept_and_what_is_not_valid_in_it_is_left_out(
    client: nbtrack.Client, running: str
) -> None:
    widget = LiveRun(client, running)
    widget.set_trait("_view", {"open": {"layer": False}, "smoothing": 7.0, "log": "yes", "other": 1})
    expected = {"open": {"layer": False}, "smoothing": 0.99, "log": False, "best": True}
    assert widget._view == expected
    assert widget.thin_snapshot().options["view"] == expected
    widget.set_trait("_view", {"open": {"x" * 1000: True, "y": True}, "smoothing": "much"})
    assert widget._view == {**expected, "open": {"y": True}}
    widget.close()


def test_live_shows_the_active_run_or_any_other_one(client: nbtrack.Client, sent: Sent) -> None:
    with pytest.raises(nbtrack.errors.InvalidState, match="No run is active"):
        nbtrack.live()
    with nbtrack.start_run() as run:
        assert nbtrack.live().run_id == run.info.run_id
    found = nbtrack.get_run(run.info.run_id)
    for named in (run, found, run.info.run_id, [run.info.run_id]):
        assert nbtrack.live(named).run_id == run.info.run_id
    assert "FINISHED" in repr(nbtrack.live(run))
    for wrong in (3, [], [run.info.run_id, "0" * 32]):
        with pytest.raises(nbtrack.errors.InvalidParameter):
            nbtrack.live(wrong)
    with pytest.raises(nbtrack.errors.NotFound):
        nbtrack.live("0" * 32)


def test_live_follows_the_running_runs_that_match(
    client: nbtrack.Client, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_run, "NEXT_INTERVAL", 0.02)
    monkeypatch.setattr(live_run, "READ_SHARE", 100.0)
    with pytest.raises(nbtrack.errors.QueryError):
        nbtrack.live("tags.team =")
    with pytest.raises(nbtrack.errors.NotFound, match="No run matches"):
        nbtrack.live("tags.team = 'a' OR tags.team = 'b'")
    with nbtrack.start_run(run_name="first", tags={"team": "a"}):
        nbtrack.log_metric("loss", 1.0)
    widget = nbtrack.live("tags.team = 'a' OR tags.team = 'b'")

    def shown() -> object:
        return sent[-1][0]["reply"]["run"]["run_name"] if sent and "reply" in sent[-1][0] else None

    eventually(lambda: shown() == "first")
    old = widget.run_id
    with nbtrack.start_run(run_name="other", tags={"team": "c"}):
        pass
    with nbtrack.start_run(run_name="second", tags={"team": "b"}) as run:
        eventually(lambda: shown() == "second")
        nbtrack.log_metric("loss", 0.5)
        eventually(lambda: last_values(sent) == {"loss": 0.5})
        assert widget.run_id == run.info.run_id
        # A page that was opened on the first run asks for it by its ID.
        reply = widget.ask("live", {"run_id": old, "max_points": 10}).reply
        assert reply["run"]["run_name"] == "second"
    eventually(lambda: sent[-1][0]["reply"]["run"]["status"] == "FINISHED")
    names = [message["reply"]["run"]["run_name"] for message, _ in sent]
    assert sent[names.index("second")][0]["reply"]["after"] is None, "it continues no curve of the first run"
    widget.close()
    eventually(lambda: not widget._pusher.is_alive())


def test_a_notebook_keeps_few_lines_of_output(client: nbtrack.Client, running: str) -> None:
    for i in range(60):
        print(f"line {i}")
    widget = LiveRun(client, running)
    assert len(widget.snapshot().answers["live"].reply["output"]) == 60
    assert widget.thin_snapshot().answers["live"].reply["output"] == [f"line {i}" for i in range(30, 60)]
    assert widget.thin_snapshot(0.1).answers["live"].reply["output"] == [f"line {i}" for i in range(57, 60)]


def test_the_page_without_a_widget_says_what_the_run_says(client: nbtrack.Client) -> None:
    with nbtrack.start_run(run_name="going") as run:
        nbtrack.log_metrics({"loss": 0.5}, step=0)
        nbtrack.log_metrics({"loss": 0.25}, step=1)
    widget = LiveRun(client, run.info.run_id)
    shot = widget.thin_snapshot()
    answer = shot.answers["live"]
    more = {
        "progress": {"done": 1234.0, "total": 2000.0, "label": "<epochs>", "seconds_left": None, "at": 1},
        "alerts": [{"condition": "metrics.loss > 10", "key": "loss", "step": 7, "value": "NaN", "time": 1, "count": 2}],
        "warnings": [{"category": "UserWarning", "message": "It is slow, " * 5, "count": 2}],
        "stop": {"by": "ada", "reason": "<b>slow</b>", "time": 1},
        "best": {"run_id": "b", "run_name": "calm-owl", "metric": "loss", "value": 0.1},
        "best_series": [{"run_id": "b", "key": "loss", "points": 2, "total": 2}],
        "note": "a note",
        "tags": {"team": "vision"},
    }
    buffers = [*answer.buffers, *answer.buffers[:2]]
    page = widget.page(Snapshot("live", {}, {"live": Answer({}, {**answer.reply, **more}, buffers)}))
    for text in (
        "Stopped by ada: <b>slow</b>",
        "<epochs>: 1,234 of 2,000",
        "Alert metrics.loss > 10: loss was nan at step 7 (2 points in all)",
        "UserWarning: It is slow, It is slow, It is slow, It is slow, It is slow,",
        "Note: a note",
        "Tags: team=vision",
    ):
        assert text in page.text()
    assert "<b>slow" not in page.html()
    (drawn,) = page.pictures
    assert drawn is not None
    svg = drawn.svg()
    assert "loss of calm-owl" in svg
    assert svg.count('stroke="currentColor" stroke-width="1.75" stroke-dasharray="6 4"') == 1
    assert page.png() is not None
    widget.close()
