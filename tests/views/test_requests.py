"""Requests at the boundary: which views change the store, and what a request that is not valid gets."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack import views
from nbtrack.errors import InvalidParameter, InvalidState, NbtrackError
from nbtrack.views import VIEWS
from nbtrack.widgets import Registry, code, host

Requests = dict[str, dict[str, Any]]

WRITING = {
    *("edit_run", "stop_run", "save_view", "delete_view", "keep_filter"),
    *("register", "transition", "rollback", "delete_version", "set_alias", "set_version_tag"),
}

MANY = settings(
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_the_table_says_which_views_write(requests: Requests, own_store: Path) -> None:
    assert requests.keys() == VIEWS.keys()
    assert {view.name for view in VIEWS.values() if view.writes} == WRITING
    client = nbtrack.MlflowClient()
    nbtrack.search_runs()
    changed = set()
    for name, payload in requests.items():
        # A file that was changed a moment ago has a new revision each time it is asked for.
        an_hour_ago = time.time() - 3600
        os.utime(own_store / "runs.duckdb", (an_hour_ago, an_hour_ago))
        before = client.reading.revision()
        views.handle(client, name, payload)
        if client.reading.revision() != before:
            changed.add(name)
    # A request to stop is a file beside the database.
    assert changed == WRITING - {"stop_run"}


def test_replies_are_json_and_have_the_fields_of_their_types(requests: Requests) -> None:
    for name, payload in requests.items():
        reply, buffers = views.handle(nbtrack.MlflowClient(), name, payload)
        assert json.loads(json.dumps(reply, allow_nan=False)) == reply
        assert reply.keys() <= VIEWS[name].reply.__annotations__.keys()
        assert all(isinstance(buffer, bytes) for buffer in buffers)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("runs", {"limit": "10"}, "limit must be an integer, not '10'."),
        ("runs", {"limit": True}, "limit must be an integer, not true."),
        ("runs", {"limit": 0}, "limit must be between 1 and 1,000, not 0."),
        ("runs", {"offset": 10**400}, "offset must be between 0 and 1,000,000,000, not a number that large."),
        ("runs", {"grouped": 1}, "grouped must be true or false, not 1."),
        ("runs", {"filter": None}, "filter must be a string, not null."),
        ("runs", {"filter": "\ud800"}, "filter .*half of a surrogate pair"),
        ("runs", {"order_by": "loss"}, "order_by must be a list, not 'loss'."),
        ("runs", {"unfolded": [1]}, r"unfolded\[0\] must be a string, not 1."),
        ("runs", {"experiment_ids": {}}, "experiment_ids must be a list or null, not an object."),
        ("runs", {"colour": "red"}, "The request 'runs' does not have the field 'colour'. Its fields are filter, "),
        ("curves", {"run_ids": ["a"] * 1001}, "run_ids must have at most 1,000 items, not 1,001."),
        ("curves", {"keys": ["a"] * 1000, "run_ids": ["b"] * 11}, "at most 10,000 series, not 11,000"),
        ("curves", {"x_axis": "epoch"}, "x_axis must be one of step, time, relative, not 'epoch'."),
        ("curves", {"x_min": math.nan}, "x_min must be a finite number or null, not nan."),
        ("curves", {"max_points": 5001}, "max_points must be between 1 and 5,000, not 5,001."),
        ("transition", {"version": 0}, "version must be between 1 and 2,147,483,647, not 0."),
        ("transition", {"expected_stage": []}, "expected_stage must be one of None, .* or null, not a list."),
    ],
)
def test_a_message_names_the_field_and_what_is_allowed(
    requests: Requests, name: str, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidParameter, match=message):
        views.handle(nbtrack.MlflowClient(), name, {**requests[name], **change})


def test_a_missing_field_and_a_missing_request_are_named(requests: Requests) -> None:
    client = nbtrack.MlflowClient()
    with pytest.raises(InvalidParameter, match=r"The request 'diff' must have the field run_ids."):
        views.handle(client, "diff", {})
    with pytest.raises(InvalidParameter, match=r"The request 'diff' must be an object with named fields, not a list."):
        views.handle(client, "diff", [])
    with pytest.raises(InvalidParameter, match=r"The request 'dif' does not exist. Requests are .*diff"):
        views.handle(client, "dif", {})


# -- garbage ------------------------------------------------------------------------------------------------------

STRINGS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.sampled_from(
        ["", "\0", "\ud800", "0" * 32, "digits", "models:/digits/1", "../..", "Production", "((((", "metrics.loss >"]
    ),
    st.sampled_from(["'; DROP TABLE runs", "(" * 10_000, "metrics.loss DESC", "params.lr = 1 AND", "x.y", "NaN"]),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 2**31, 2**63, 2**64, 10**400, -(10**4000)]),
    st.floats(),
    STRINGS,
)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3), max_leaves=6
)


@st.composite
def garbage(draw: st.DrawFn, names: list[str]) -> tuple[object, object]:
    """The name of a view and, for a payload, what to change in a valid one, or something else altogether."""
    name = draw(st.sampled_from(names))
    if draw(st.integers(0, 9)) == 0:
        return draw(SCALARS | st.just(name)), draw(JUNK)
    fields = sorted(VIEWS[name].request.__annotations__)
    changes = draw(st.dictionaries(st.sampled_from(fields) | STRINGS, st.just(...) | JUNK, min_size=1, max_size=3))
    return name, changes


def payload_of(requests: Requests, name: object, changes: object) -> object:
    if not isinstance(name, str) or not isinstance(changes, dict) or name not in requests:
        return changes
    changed = {**requests[name], **changes}
    return {key: value for key, value in changed.items() if value is not ...}


@pytest.mark.slow
@MANY
@example(request=("register", {"artifact_path": "a" * 300}))
@given(request=garbage(list(VIEWS)))
def test_garbage_gets_a_reply_or_an_error_of_the_callers(requests: Requests, request: tuple[object, object]) -> None:
    name, changes = request
    refused: list[NbtrackError] = []
    try:
        views.handle(nbtrack.MlflowClient(), name, payload_of(requests, name, changes))
    except NbtrackError as error:
        refused.append(error)
    # An earlier example may have rolled the stage back. As in MLflow, the status of an InvalidState is 500.
    assert all(400 <= error.http_status < 500 or isinstance(error, InvalidState) for error in refused), refused
    assert all(views.error_reply(error)["message"] for error in refused)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What widgets send. Their requests are answered at once, on this thread."""
    messages: list[dict[str, Any]] = []

    class Pool:
        def submit(self, function: Any, *arguments: Any) -> None:
            function(*arguments)

    monkeypatch.setattr(host, "_pool", Pool())
    monkeypatch.setattr(code, "traits", lambda: {"_esm": "", "_css": ""})
    monkeypatch.setattr(host.ViewWidget, "send", lambda self, message, buffers=None: messages.append(message))
    return messages


@pytest.mark.slow
@settings(MANY, max_examples=100)
@given(
    request=garbage(list(VIEWS)),
    message=st.fixed_dictionaries({}, optional={"id": JUNK, "name": JUNK, "payload": JUNK, "more": JUNK}),
    whole=st.booleans(),
)
def test_garbage_from_a_page_gets_a_reply_or_an_error_of_the_callers(
    requests: Requests,
    sent: list[dict[str, Any]],
    request: tuple[object, object],
    message: dict[str, Any],
    whole: bool,
) -> None:
    widget = _widget()
    if whole:
        message |= {"name": request[0], "payload": payload_of(requests, *request)}
    sent.clear()
    widget._handle_custom_msg({**message, "kind": "nbtrack:request"}, [])
    (answer,) = sent
    assert answer["kind"] == "nbtrack:reply"
    assert answer["id"] == message.get("id") or answer["id"] != answer["id"]
    assert ("reply" in answer) != ("error" in answer)
    if "error" in answer:
        assert answer["error"]["message"]
        assert answer["error"]["error_code"] != "INTERNAL_ERROR"


_widgets: dict[str, host.ViewWidget] = {}


def _widget() -> host.ViewWidget:
    """A widget on the current store. A new one for each example would be most of the test."""
    client = nbtrack.MlflowClient()
    if client.tracking_uri not in _widgets:
        _widgets.clear()
        _widgets[client.tracking_uri] = Registry(client)
    return _widgets[client.tracking_uri]
