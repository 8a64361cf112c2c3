"""Every request of a screen is answered, on another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.widgets import Comparison, Registry, host

from .conftest import eventually, points

Sent = list[tuple[dict[str, Any], list[bytes]]]


def ask(widget: host.ViewWidget, name: str, /, **payload: Any) -> None:
    message = {"kind": "nbtrack:request", "id": "7", "name": name, "payload": payload}
    widget._handle_custom_msg(message, [])


def test_a_reply_carries_the_requests_id_and_its_buffers(
    client: nbtrack.Client, make_run: Callable[..., str], sent: Sent
) -> None:
    run_id = make_run(0.5)
    widget = Comparison(client)
    everything = {"x_axis": "step", "x_min": None, "x_max": None, "max_points": 100}
    ask(widget, "curves", run_ids=[run_id], keys=["train/loss"], **everything)
    message, buffers = eventually(lambda: sent)[0]
    assert (message["kind"], message["id"]) == ("nbtrack:reply", "7")
    assert message["reply"]["series"][0]["points"] == 5
    assert points(buffers[0]) == [0, 1, 2, 3, 4]
    assert points(buffers[1])[0] == 1.5


@pytest.mark.parametrize(
    ("name", "payload", "code"),
    [
        ("registry", {"name": "no such model"}, "RESOURCE_DOES_NOT_EXIST"),
        ("no such request", {}, "INVALID_PARAMETER_VALUE"),
        ("runs", {}, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_a_wrong_request_gets_an_error_reply(
    client: nbtrack.Client, sent: Sent, name: str, payload: dict[str, Any], code: str
) -> None:
    ask(Registry(client), name, **payload)
    message, _ = eventually(lambda: sent)[0]
    assert message["id"] == "7"
    assert message["error"]["error_code"] == code
    assert message["error"]["message"]


def test_a_bug_becomes_a_reply_too(client: nbtrack.Client, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = Registry(client)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(views, "handle", broken)
    ask(widget, "registry", name=None)
    message, _ = eventually(lambda: sent)[0]
    assert message["error"]["message"] == "a bug"


def test_requests_do_not_run_on_the_thread_that_messages_come_on(
    client: nbtrack.Client, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = Registry(client)
    threads: list[threading.Thread] = []

    def note(*_: object) -> tuple[dict[str, Any], list[bytes]]:
        threads.append(threading.current_thread())
        return {}, []

    monkeypatch.setattr(views, "handle", note)
    ask(widget, "registry", name=None)
    eventually(lambda: sent)
    assert threads[0] is not threading.current_thread()


@pytest.mark.parametrize("message", [None, "text", [], {"kind": "nbtrack:hello"}, {"kind": "of another program"}])
def test_other_messages_are_left_alone(client: nbtrack.Client, sent: Sent, message: object) -> None:
    widget = Registry(client)
    widget._handle_custom_msg(message, [])
    ask(widget, "registry", name=None)
    eventually(lambda: sent)
    assert [content["id"] for content, _ in sent] == ["7"]


def test_a_request_that_is_cancelled_before_it_begins_is_not_answered(
    client: nbtrack.Client, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = Registry(client)
    begun, goes_on = threading.Semaphore(0), threading.Event()
    asked: list[str] = []

    def slow(_: object, name: str, payload: object, __: object) -> tuple[dict[str, Any], list[bytes]]:
        asked.append(name)
        begun.release()
        goes_on.wait(30)
        return {}, []

    monkeypatch.setattr(views, "handle", slow)
    workers = host._pool._max_workers
    for number in range(workers + 2):
        message = {"kind": "nbtrack:request", "id": f"n{number}", "name": f"view {number}", "payload": {}}
        widget._handle_custom_msg(message, [])
    for _ in range(workers):
        assert begun.acquire(timeout=30)
    for number in (0, workers, "unknown"):
        widget._handle_custom_msg({"kind": "nbtrack:cancel", "id": f"n{number}"}, [])
    goes_on.set()
    eventually(lambda: len(sent) == workers + 1)
    assert sorted(message["id"] for message, _ in sent) == ["n0", "n1", f"n{workers + 1}"]
    assert f"view {workers}" not in asked
    eventually(lambda: not widget._requests)
