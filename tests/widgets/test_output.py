"""What a notebook keeps of a widget follows what the user changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import IPython.display
import pytest

import nbtrack
from nbtrack.widgets import output
from nbtrack.widgets.snapshot import MIME

from .conftest import eventually

Updates = list[dict[str, Any]]


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> Updates:
    """Return the list of what replaces a displayed output."""
    replaced: Updates = []

    class Handle:
        def update(self, data: dict[str, Any], **_: Any) -> None:
            replaced.append(data)

    monkeypatch.setattr(IPython.display, "display", lambda *_, **__: Handle())
    monkeypatch.setattr(output, "DELAY", 0.05)
    monkeypatch.delenv("VSCODE_PID", raising=False)
    return replaced


def test_changes_of_a_view_are_kept_once_they_have_settled(make_run: Callable[..., str], updates: Updates) -> None:
    run_ids = [make_run(loss) for loss in (0.1, 0.2)]
    widget = nbtrack.compare()
    widget.query = "metrics.`val/loss` > 0"
    widget._ipython_display_()
    assert updates == []
    widget.selected = run_ids[:1]
    widget.selected = run_ids[1:]
    # On a slow machine, the first change may settle before the second one.
    eventually(lambda: updates and updates[-1][MIME]["options"]["view"]["selected"] == run_ids[1:])
    kept = updates[-1]
    assert kept[MIME]["options"]["view"]["query"] == "metrics.`val/loss` > 0"


def test_a_change_of_the_registry_is_kept_too(
    make_run: Callable[..., str], client: nbtrack.Client, updates: Updates
) -> None:
    run_id = make_run(0.1)
    client.create_registered_model("digits")
    client.create_model_version("digits", f"runs:/{run_id}/model", run_id)
    widget = nbtrack.registry()
    widget._ipython_display_()
    move = {"name": "digits", "version": 1, "stage": "Staging", "archive_existing_versions": True, "reason": ""}
    expected = {"expected_stage": "None", "expected_current": [], "override_gates": False}
    message = {"kind": "nbtrack:request", "id": "1", "name": "transition", "payload": {**move, **expected}}
    widget._handle_custom_msg(message, [])
    kept = eventually(lambda: updates)[0]
    assert kept[MIME]["answers"]["registry"]["reply"]["models"][0]["versions"][0]["stage"] == "Staging"


def test_a_front_end_that_would_draw_the_view_anew_is_left_alone(
    make_run: Callable[..., str], updates: Updates, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = make_run(0.1)
    widget = nbtrack.compare()
    widget._ipython_display_()
    monkeypatch.setenv("VSCODE_PID", "1")
    widget.selected = [run_id]
    widget.selected = []
    assert widget._output._timer is None


def test_a_closed_widget_is_not_kept_again(make_run: Callable[..., str], updates: Updates) -> None:
    make_run(0.1)
    widget = nbtrack.compare()
    widget._ipython_display_()
    widget.selected = []
    timer = widget._output._timer
    assert timer is not None
    widget.close()
    timer.join()
    assert updates == []
