"""The code of the widgets: it travels once a page, also while a cell runs. Some pages refuse blobs."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, WebSocket, expect

import nbtrack
from nbtrack.widgets import code
from nbtrack.widgets.snapshot import MIME
from tests.browser.notebook import Notebook
from tests.browser.widget import shown

CELLS = {
    "fill": """
import time
from IPython.display import display
import nbtrack
nbtrack.set_experiment("code")
for number in range(3):
    with nbtrack.start_run(run_name=f"run-{number}") as run:
        nbtrack.set_tag("mlflow.log-model.history", f'[{{"artifact_path": "model", "run_id": "{run.info.run_id}"}}]')
        nbtrack.log_param("width", number)
        nbtrack.log_metric("val/loss", number, step=0)
        nbtrack.log_metric("val/loss", number / 2, step=1)
""",
    "busy": """
display(nbtrack.compare())
ended = time.monotonic() + 60
while time.monotonic() < ended and nbtrack.search_runs(filter_string="tags.go = 'on'").empty:
    time.sleep(0.1)
""",
    "compare": "nbtrack.compare()",
    "registry": "nbtrack.registry()",
    "again": "nbtrack.compare()",
}


class Traffic:
    """What the kernel has sent to the page."""

    def __init__(self, notebook: Notebook) -> None:
        self.frames: list[bytes] = []
        notebook.page.on("websocket", self._on_socket)

    def _on_socket(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: self.frames.append(data if isinstance(data, bytes) else data.encode()))

    def chunks(self) -> list[str]:
        """Return the names of the chunks in the order in which they came, once for each time."""
        source = re.compile(r'"([\w-]+\.(?:js|css))": ?"')
        texts = [frame.decode(errors="replace") for frame in self.frames if b"nbtrack:code" in frame]
        return [name for text in texts for name in source.findall(text)]


@pytest.fixture(scope="module")
def traffic(notebook: Notebook, lab: tuple[str, Path]) -> Iterator[Traffic]:
    sheet = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for cell_id, source in CELLS.items():
        cell = nbformat.v4.new_code_cell(source.strip())
        cell["id"] = cell_id
        sheet.cells.append(cell)
    (lab[1] / "code.ipynb").write_text(nbformat.writes(sheet))
    traffic = Traffic(notebook)
    notebook.open("code.ipynb")
    notebook.run("fill")
    return traffic


def test_1_the_first_widget_appears_and_answers_while_its_cell_runs(
    notebook: Notebook, traffic: Traffic, lab: tuple[str, Path]
) -> None:
    notebook.show("busy")
    notebook.start("busy")
    comparison = notebook.cell("busy").locator(".nbt-comparison")
    expect(comparison.locator(".nbt-row")).to_have_count(3)
    box = comparison.get_by_label("Filter runs")
    box.fill("params.width = '1'")
    box.press("Enter")
    expect(comparison.locator(".nbt-row")).to_have_count(1)
    assert notebook.running("busy"), "The cell must still be running."
    client = nbtrack.MlflowClient(tracking_uri=str(lab[1] / ".nbtrack"))
    (run, *_) = client.search_runs([client.get_experiment_by_name("code").experiment_id])  # type: ignore[union-attr]
    client.set_tag(run.info.run_id, "go", "on")
    notebook.wait("busy")


def test_2_three_more_widgets_ask_for_what_is_new_only(
    notebook: Notebook, traffic: Traffic, measured: Callable[[str, float], None]
) -> None:
    before = len(traffic.frames)
    for cell in ("compare", "registry", "again"):
        notebook.run(cell)
        notebook.show(cell)
        expect(notebook.cell(cell).locator(".nbt-comparison, .nbt-registry")).to_be_visible()
    names = traffic.chunks()
    screens = code.read().manifest["screens"]
    assert {"style.css", *screens.values()} - set(names) == {screens["live"], screens["run_page"]}
    assert len(names) == len(set(names)), "A chunk was sent twice."
    opened = sum(len(frame) for frame in traffic.frames[before:] if b'"comm_open"' in frame and b"nbt" in frame)
    measured("comm_open of three widgets, kB", opened / 1000)
    assert opened < 3 * (len(code.read().loader) + 60_000)


def test_3_the_forms_of_the_registry_are_loaded_when_one_opens(notebook: Notebook, traffic: Traffic) -> None:
    form = next(name for name in code.read().chunks if name.startswith("registry_forms"))
    assert form not in traffic.chunks()
    notebook.show("compare")
    comparison = notebook.cell("compare").locator(".nbt-comparison")
    comparison.get_by_role("button", name="Register model of run-0").click()
    expect(comparison.get_by_role("dialog")).to_be_visible()
    assert traffic.chunks().count(form) == 1


def test_4_what_the_user_changes_is_kept_in_the_notebook(notebook: Notebook, traffic: Traffic) -> None:
    comparison = notebook.cell("compare").locator(".nbt-comparison")
    comparison.get_by_role("dialog").get_by_role("button", name="Close").click()
    comparison.evaluate("element => { element.dataset.seen = 'before'; }")
    box = comparison.get_by_label("Filter runs")
    box.fill("params.width = '1'")
    box.press("Enter")
    expect(comparison.locator(".nbt-row")).to_have_count(1)
    for _ in range(100):
        (output,) = notebook.outputs("compare")
        if output["data"][MIME]["options"]["view"]["query"] == "params.width = '1'":
            break
        notebook.page.wait_for_timeout(200)
    assert len(output["data"][MIME]["answers"]["runs"]["reply"]["rows"]) == 1
    expect(comparison).to_have_attribute("data-seen", "before")
    expect(comparison).to_have_attribute("data-live", "true")


def test_5_a_reloaded_page_asks_again(notebook: Notebook, traffic: Traffic) -> None:
    notebook.save()
    notebook.open("code.ipynb")
    notebook.show("again")
    expect(notebook.cell("again").locator(".nbt-comparison[data-live=true] .nbt-row")).to_have_count(3)


def test_6_without_the_kernel_the_view_is_as_the_user_left_it(notebook: Notebook, traffic: Traffic) -> None:
    notebook.shut_down_kernel()
    notebook.open("code.ipynb")
    notebook.show("compare")
    comparison = notebook.cell("compare").locator(".nbt-comparison[data-live=false]")
    expect(comparison.get_by_label("Filter runs")).to_have_value("params.width = '1'")
    expect(comparison.locator(".nbt-row")).to_have_count(1)
    assert notebook.external_requests == []


@pytest.mark.parametrize("allowed", ["'unsafe-inline'", "'unsafe-eval'"])
def test_where_blobs_are_refused_all_code_runs_as_one_script(chromium: Browser, allowed: str) -> None:
    with nbtrack.start_run(run_name="the only run"):
        nbtrack.log_metric("loss", 1.0)
    with shown(chromium, nbtrack.compare(), policy=f"script-src 'self' {allowed}") as page:
        expect(page.locator(".nbt-row")).to_have_count(1)
        assert page.locator(".nbt").evaluate("root => getComputedStyle(root).containerType") == "inline-size"
        page.get_by_label("Select the only run").click()
        assert page.evaluate("() => Object.keys(window).filter(name => name.startsWith('nbtrack'))") == []
    assert not code.refused.is_set()


def test_where_nothing_else_is_allowed_the_next_widget_carries_its_code(
    chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "refused", threading.Event())
    with nbtrack.start_run(run_name="the only run"):
        nbtrack.log_metric("loss", 1.0)
    with shown(chromium, nbtrack.compare(), policy="script-src 'self'") as page:
        expect(page.get_by_role("alert")).to_contain_text("Run the cell again")
    with shown(chromium, nbtrack.compare(), policy="script-src 'self'") as page:
        expect(page.locator(".nbt-row")).to_have_count(1)
