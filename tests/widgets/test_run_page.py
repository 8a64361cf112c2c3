"""The page of a run as a widget, what a notebook keeps of it, and runs that are displayed as pages."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

import nbtrack
from nbtrack import run_display
from nbtrack.capture import cell
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.widgets import RunPage
from nbtrack.widgets.host import MOST_SAVED
from nbtrack.widgets.snapshot import MIME

MakeRun = Callable[..., str]
HOSTILE = "<script>alert(1)</script>"


def kept(widget: RunPage) -> dict[str, Any]:
    data, _ = widget._repr_mimebundle_()  # type: ignore[misc]
    return dict(data)


def test_a_run_its_id_and_an_active_run_have_a_page(make_run: MakeRun) -> None:
    run_id = make_run(name="calm-owl", lr=0.1)
    for run in (run_id, nbtrack.get_run(run_id)):
        text = repr(nbtrack.run_page(run))
        assert text.startswith("calm-owl: FINISHED, ")
        assert "lr" in text
        assert "train/loss" in text
    with nbtrack.start_run(run_name="going") as active:
        assert repr(nbtrack.run_page(active)).startswith("going: RUNNING, ")
    with pytest.raises(InvalidParameter, match="run must be a run or the ID of one, not 3"):
        nbtrack.run_page(3)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        nbtrack.run_page("0" * 32)


def test_a_notebook_keeps_the_run_its_curves_its_artifacts_and_the_open_tab(make_run: MakeRun) -> None:
    run_id = make_run(name="calm-owl")
    nbtrack.Client().log_text(run_id, "x", "notes/a.txt")
    page = nbtrack.run_page(run_id)
    page._tab = "Artifacts/notes/a.txt"
    data = kept(page)
    saved = json.loads(json.dumps(data[MIME], allow_nan=False))
    assert saved["options"] == {"run_id": run_id, "tab": "Artifacts/notes/a.txt", "view": page._panels_view}
    assert saved["answers"].keys() == {"run_page", "artifacts", "curves"}
    assert [entry["name"] for entry in saved["answers"]["artifacts"]["reply"]["entries"]] == ["notes"]
    assert [series["key"] for series in saved["answers"]["curves"]["reply"]["series"]] == ["train/loss", "val/loss"]
    assert "<svg" in data["text/html"]
    assert "notes" in data["text/plain"]


def test_a_run_with_much_of_everything_stays_small_in_a_notebook_and_is_no_markup() -> None:
    client = nbtrack.Client()
    with nbtrack.start_run(run_name=HOSTILE, tags={"nbtrack.traceback": f"ValueError: {HOSTILE}" * 1_000}) as run:
        nbtrack.log_params({f"p{i}{HOSTILE}": HOSTILE * 40 for i in range(300)})
        for i in range(300):
            nbtrack.log_series(f"m{i}", np.arange(300), np.random.default_rng(i).random(300))
        with nbtrack.start_run(nested=True, run_name=HOSTILE):
            pass
    for i in range(250):
        client.log_text(run.info.run_id, "x", f"{HOSTILE.replace('/', '')}{i}")
    data = kept(nbtrack.run_page(run.info.run_id))
    assert len(json.dumps({key: value for key, value in data.items() if "widget-view" not in key})) <= MOST_SAVED
    assert data[MIME]["answers"].keys() == {"run_page", "artifacts", "curves", "runs"}
    assert "<script" not in data["text/html"]


def test_a_deleted_run_says_so(make_run: MakeRun) -> None:
    run_id = make_run()
    nbtrack.delete_run(run_id)
    assert "This run is deleted." in repr(nbtrack.run_page(run_id))


def test_what_a_browser_sends_as_the_view_is_checked(make_run: MakeRun) -> None:
    page = nbtrack.run_page(make_run())
    page.set_state({"_view": {"open": "all", "log": True, "smoothing": 7}, "_tab": "x" * 10_000})
    assert page._view == {"open": {}, "smoothing": 0.99, "log": True, "best": True}
    assert len(page._tab) == 2_000


# -- runs in cells ------------------------------------------------------------------------------------------------


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[str]]:
    """Return a function that displays an object as the kernel of a notebook does, and returns the pages' run IDs."""
    shell = SimpleNamespace(kernel=object(), display_formatter=DisplayFormatter())
    monkeypatch.setattr(cell, "shell", lambda: shell)
    shown: list[str] = []
    monkeypatch.setattr(RunPage, "_ipython_display_", lambda self, **_: shown.append(self.run_id))
    run_display.register()

    def display(value: object) -> list[str]:
        shown.clear()
        shell.display_formatter.format(value)
        return list(shown)

    return display


def test_a_run_in_a_cell_is_displayed_as_a_page(display: Callable[[object], list[str]], make_run: MakeRun) -> None:
    run_id = make_run()
    run = nbtrack.get_run(run_id)
    assert display(run) == [run_id]
    assert display([run] * 500) == display({"run": run}) == display(run.info) == []
    with nbtrack.start_run() as active:
        assert display(active) == [active.info.run_id]
    assert "RunInfo" in repr(run)


def test_a_run_of_another_store_and_one_without_widgets_are_displayed_as_text(
    display: Callable[[object], list[str]],
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    run = nbtrack.get_run(make_run())
    before = nbtrack.get_tracking_uri()
    nbtrack.set_tracking_uri(str(tmp_path_factory.mktemp("other") / "store"))
    assert display(run) == []
    nbtrack.set_tracking_uri(before)
    monkeypatch.setitem(sys.modules, "nbtrack.widgets", None)
    assert display(run) == []


def test_a_terminal_displays_runs_as_before(monkeypatch: pytest.MonkeyPatch, make_run: MakeRun) -> None:
    formatter = DisplayFormatter()
    monkeypatch.setattr(cell, "shell", lambda: SimpleNamespace(display_formatter=formatter))
    run_display.register()
    assert formatter.ipython_display_formatter.deferred_printers == {}
