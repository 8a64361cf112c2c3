"""The quickstart notebook's six steps, done by a user in JupyterLab. Each test continues where the previous one ended.

The screens are checked in the page, and the stored data in the store, by a client in another process.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

import nbtrack
from nbtrack.entities import Run
from tests.browser.notebook import Notebook, canvas_ink, canvas_picture

RELU = "metrics.`val/accuracy` > 0.9 and params.activation = 'relu'"
BEST_FIRST = ["metrics.`val/accuracy` DESC"]
NAME = "01_quickstart.ipynb"


class Store:
    """Reads the store of the notebook in another process."""

    def __init__(self, work: Path) -> None:
        self.client = nbtrack.MlflowClient(tracking_uri=str(work / ".nbtrack"))

    def runs(self, filter_string: str = "", order_by: list[str] | None = None) -> list[Run]:
        experiment = self.client.get_experiment_by_name("digits")
        assert experiment is not None
        return list(self.client.search_runs([experiment.experiment_id], filter_string, order_by=order_by))

    def stages(self) -> dict[int, str]:
        return {
            version.version: version.current_stage for version in self.client.search_model_versions("name = 'digits'")
        }


@pytest.fixture
def store(lab: tuple[str, Path]) -> Store:
    return Store(lab[1])


@pytest.fixture
def comparison(notebook: Notebook) -> Locator:
    notebook.show("compare")
    return notebook.cell("compare").locator(".nbt-comparison")


def test_1_loading_says_where_the_runs_are_kept(notebook: Notebook, lab: tuple[str, Path]) -> None:
    notebook.open(NAME)
    (said,) = notebook.run("load").splitlines()
    assert str(lab[1] / ".nbtrack") in said


def test_2_the_live_widget_grows_while_the_cell_runs(notebook: Notebook, store: Store) -> None:
    notebook.run("data")
    notebook.run("experiment")
    notebook.show("first-run")
    notebook.start("first-run")
    live = notebook.cell("first-run").locator(".nbt-live")
    expect(live).to_have_attribute("data-status", "RUNNING")
    losses = live.locator(".nbt-panel").filter(has_text="train/loss")
    expect(losses.locator(".nbt-legend-key")).to_have_text(["train/loss", "val/loss"])
    expect(live.locator(".nbt-params")).to_contain_text("learning_rate")
    expect(live.locator(".nbt-live-name")).not_to_be_empty()
    canvas = losses.locator("canvas").first
    shown, elapsed = canvas_picture(canvas), live.locator(".nbt-elapsed").inner_text()
    value = losses.locator(".nbt-legend-value").first.inner_text()
    expect(losses.locator(".nbt-legend-value").first).not_to_have_text(value)
    expect(live.locator(".nbt-elapsed")).not_to_have_text(elapsed)
    assert canvas_picture(canvas) != shown
    assert notebook.running("first-run"), "The cell must still be running."

    notebook.wait("first-run", 120)
    expect(live).to_have_attribute("data-status", "FINISHED")
    expect(live.locator(".nbt-summary tr[data-key='val/accuracy']")).to_be_visible()
    (run,) = store.runs()
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "learning_rate": "5e-05",
        "width": "64",
        "activation": "tanh",
        "seed": "0",
        "batch_size": "16",
        "epochs": "300",
    }
    assert run.data.tags["nbtrack.cell.id"] == "first-run"
    assert "model = MLPClassifier(" in run.data.tags["nbtrack.cell.source"]
    for key in ("train/loss", "val/loss", "val/accuracy"):
        assert len(store.client.get_metric_history(run.info.run_id, key)) == 300
    assert live.locator(".nbt-live-name").inner_text() == run.info.run_name


def test_3_a_loop_makes_thirty_more_runs(notebook: Notebook, store: Store) -> None:
    notebook.run("train")
    notebook.run("sweep", seconds=240)
    runs = store.runs()
    assert len(runs) == 31
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_4a_the_comparison_shows_what_the_query_finds(notebook: Notebook, store: Store) -> None:
    notebook.run("compare")
    comparison = notebook.cell("compare").locator(".nbt-comparison")
    expect(comparison.get_by_label("Filter runs")).to_have_value(RELU)
    found = store.runs(RELU)
    assert 3 <= len(found) < 31
    expect(comparison.locator(".nbt-count")).to_contain_text(f"{len(found)} runs")
    assert set(_run_ids(comparison)) == {run.info.run_id for run in found}
    headers = comparison.locator("th[data-column] .nbt-sort").evaluate_all("all => all.map((each) => each.ariaLabel)")
    assert {"learning_rate", "width", "seed", "val/accuracy"} <= set(headers)
    assert "activation" not in headers, "A param that is the same in every run has no column."


def test_4b_a_wrong_query_is_explained_under_the_box(comparison: Locator, store: Store) -> None:
    before = _run_ids(comparison)
    box = comparison.get_by_label("Filter runs")
    box.fill("metrics.`val/accuracy` >> 0.9")
    box.press("Enter")
    error = comparison.locator(".nbt-query-error")
    expect(error).to_contain_text("(at character 25)")
    expect(box).to_have_attribute("aria-invalid", "true")
    assert error.bounding_box()["y"] >= box.bounding_box()["y"] + box.bounding_box()["height"]  # type: ignore[index]
    assert _run_ids(comparison) == before

    wider = "metrics.`val/accuracy` > 0.9 and not params.activation = 'logistic'"
    box.fill(wider)
    expect(comparison.locator(".nbt-count")).to_contain_text(f"{len(store.runs(wider))} runs")
    expect(error).to_be_empty()
    _filter(comparison, RELU, len(store.runs(RELU)))


def test_4b_the_filter_box_completes_what_is_written(comparison: Locator, store: Store) -> None:
    box = comparison.get_by_label("Filter runs")
    options = comparison.get_by_role("listbox").get_by_role("option")
    box.fill("")
    box.press_sequentially("val/a")
    expect(options.first).to_have_text(re.compile(r"^metrics\.`val/accuracy`"))
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", options.first.get_attribute("id") or "")
    box.press("Enter")
    expect(box).to_have_value("metrics.`val/accuracy` ")
    expect(options.first).to_have_text(re.compile("^>"))
    box.press("Tab")
    expect(box).to_have_value("metrics.`val/accuracy` > ")
    box.press_sequentially("0.9 and params.activation = re")
    expect(options).to_have_text([re.compile("^'relu'")])
    options.first.click()
    expect(box).to_have_value("metrics.`val/accuracy` > 0.9 and params.activation = 'relu' ")
    expect(box).to_be_focused()
    box.press_sequentially("o")
    expect(options.first).to_have_text("OR")
    box.press("Escape")
    expect(options).to_have_count(0)
    expect(comparison.locator(".nbt-query-error")).to_contain_text("Unexpected")
    box.press("Backspace")
    box.press("Enter")
    expect(comparison.locator(".nbt-count")).to_contain_text(f"{len(store.runs(RELU))} runs")
    expect(comparison.locator(".nbt-query-error")).to_be_empty()
    _filter(comparison, RELU, len(store.runs(RELU)))


def test_4c_headers_sort(comparison: Locator, store: Store) -> None:
    header = comparison.locator("th[data-column='metrics.`val/accuracy`']")
    box = comparison.get_by_label("Filter runs")
    directions, direction = set(), header.get_attribute("aria-sort") or "none"
    for _ in range(2):
        # A click outside the box must still work if it closes the list of completions.
        box.fill(f"{RELU} ")
        expect(comparison.get_by_role("option").first).to_have_text("AND")
        header.locator(".nbt-sort").click()
        expect(header).not_to_have_attribute("aria-sort", direction)
        comparison.locator(".nbt-runs[aria-busy=false]").wait_for()
        direction = header.get_attribute("aria-sort")
        order = "DESC" if direction == "descending" else "ASC"
        runs = {run.info.run_id: run.data.metrics["val/accuracy"] for run in store.runs(RELU)}
        expect(comparison.locator(".nbt-row").first).to_have_attribute(
            "data-run-id", re.compile("|".join(_ties(runs, best=order == "DESC")))
        )
        shown = [runs[run_id] for run_id in _run_ids(comparison)]
        assert shown == sorted(runs.values(), reverse=order == "DESC")
        directions.add(direction)
    assert directions == {"ascending", "descending"}


def test_4d_selected_runs_are_drawn_and_compared(comparison: Locator, store: Store) -> None:
    comparison.get_by_role("button", name="Clear selection").click()
    expect(comparison.locator(".nbt-curves")).to_contain_text("Select runs")
    chosen = _run_ids(comparison)[:3]
    for run_id in chosen:
        _row(comparison, run_id).locator(".nbt-checkbox").check()
    expect(comparison.locator(".nbt-count")).to_contain_text("3 selected")
    canvas = comparison.locator(".nbt-curves canvas").first
    expect(canvas).to_be_visible()
    assert canvas_ink(canvas) > 500

    seen = [canvas_picture(canvas)]

    def changed() -> None:
        seen.append(_settled(comparison, canvas, seen[-1]))

    # The chart of the losses is the second one, because the main metric is the accuracy.
    expect(comparison.locator(".nbt-curve-title")).to_have_text(["val/accuracy", "train/loss, val/loss"])
    comparison.locator(".nbt-curve-options").first.click()
    comparison.get_by_label("Metric", exact=True).select_option("train/loss")
    changed()
    comparison.get_by_label("Log y").check()
    changed()
    comparison.locator(".nbt-smoothing input").fill("0.9")
    changed()
    assert len(set(seen)) == 4

    differing = {
        key
        for key in ("learning_rate", "width", "activation", "seed")
        if len({store.client.get_run(run_id).data.params[key] for run_id in chosen}) > 1
    }
    diff = comparison.locator(".nbt-diff-table")
    expect(diff.locator("tr[data-key='activation']")).not_to_have_class(re.compile("nbt-differs"))
    for key in differing:
        expect(diff.locator(f"tr[data-key='{key}']")).to_have_class(re.compile("nbt-differs"))
        values = [store.client.get_run(run_id).data.params[key] for run_id in chosen]
        titles = diff.locator(f"tr[data-key='{key}'] td:not(.nbt-gap)").evaluate_all(
            "all => all.map((each) => each.title)"
        )
        assert titles == values


def test_4e_the_selection_goes_both_ways(notebook: Notebook, comparison: Locator, store: Store) -> None:
    selected = _selected(comparison)
    assert len(selected) == 3
    assert set(notebook.run_source("selected", "print(*cmp.selected['run_id'])").split()) == selected

    notebook.run("select")
    best = {run.info.run_id for run in store.runs(order_by=[*BEST_FIRST, "metrics.`val/loss`"])[:3]}
    notebook.show("compare")
    expect(comparison.locator(".nbt-count")).to_contain_text("3 selected")
    expect(comparison.locator(".nbt-diff-table")).to_have_attribute("aria-colcount", "4")
    assert _selected(comparison) == best & set(_run_ids(comparison))
    assert set(notebook.run_source("selected", "print(*cmp.selected['run_id'])").split()) == best


def test_5a_register_and_promote_from_the_comparison(comparison: Locator, store: Store) -> None:
    _filter(comparison, "params.epochs = '300'", 1)
    panel = _register(comparison, _run_ids(comparison)[0], version=1)
    panel.get_by_label("Move to").select_option("Production")
    panel.get_by_role("button", name="Promote").click()
    expect(panel).to_contain_text("is now in")
    assert store.stages() == {1: "Production"}
    panel.get_by_role("button", name="Close").click()

    (best, *_) = store.runs(order_by=[*BEST_FIRST, "metrics.`val/loss`"])
    _filter(comparison, "", 31)
    panel = _register(comparison, best.info.run_id, version=2)
    panel.get_by_role("button", name="Promote").click()
    expect(panel).to_contain_text("is now in")
    assert store.stages() == {1: "Production", 2: "Staging"}
    assert store.client.get_model_version("digits", "2").run_id == best.info.run_id
    panel.get_by_role("button", name="Close").click()


def test_5b_promote_in_the_registry_archives_the_previous_one(notebook: Notebook, store: Store) -> None:
    notebook.run("registry")
    board = notebook.cell("registry").locator(".nbt-registry")
    expect(board.locator(".nbt-stage-column")).to_have_count(4)
    assert _board(board) == {"None": [], "Staging": ["2"], "Production": ["1"], "Archived": []}
    version = board.locator(".nbt-version[data-version='2']")
    version.get_by_role("button", name="Move version 2").click()
    expect(board.get_by_label("Move to")).to_have_value("Production")
    expect(board.get_by_label("Archive the previous Production")).to_be_checked()
    expect(board.get_by_role("columnheader")).to_contain_text(["Version 2 candidate", "Version 1 Production"])
    board.get_by_role("button", name="Promote").click()
    expect(board.locator("[data-stage=Production] .nbt-version[data-version='2']")).to_be_visible()
    assert _board(board) == {"None": [], "Staging": [], "Production": ["2"], "Archived": ["1"]}
    assert store.stages() == {1: "Archived", 2: "Production"}

    run = store.client.get_run(store.client.get_model_version("digits", "2").run_id)
    expect(version.locator(".nbt-version-run")).to_contain_text(run.info.run_name)
    version.locator(".nbt-version-run").click()
    expect(version.locator(".nbt-run-params")).to_contain_text(run.data.params["learning_rate"])
    history = board.locator(".nbt-history")
    user = store.client.get_model_version("digits", "2").user_id
    expect(history.locator(".nbt-event-user").first).to_have_text(user)
    expect(history.locator(".nbt-event-time").first).to_be_visible()
    expect(history).to_contain_text(re.compile(r"Version 1: Production\s*→\s*Archived"))
    expect(history).to_contain_text(re.compile(r"Version 2: Staging\s*→\s*Production"))


def test_6_the_production_model_predicts(notebook: Notebook, store: Store) -> None:
    said = notebook.run("predict")
    match = re.match(r"([\d.]+)% of 360 held-out images", said)
    assert match, said
    assert float(match[1]) > 90


def test_7_a_saved_notebook_shows_its_widgets_without_the_kernel(notebook: Notebook, lab: tuple[str, Path]) -> None:
    notebook.save()
    saved = lab[1] / NAME
    assert saved.stat().st_size < 1_000_000
    assert "_esm" not in saved.read_text()
    copy = lab[1] / "from_a_colleague.ipynb"
    content = json.loads(saved.read_text())
    content["metadata"]["title"] = "Not signed by this user, so not trusted"
    copy.write_text(json.dumps(content))
    notebook.shut_down_kernel()
    for name in (NAME, copy.name):
        notebook.open(name)
        notebook.show("first-run")
        live = notebook.cell("first-run").locator(".nbt-live")
        expect(live).to_have_attribute("data-live", "false")
        assert canvas_ink(live.locator("canvas").first) > 500
        notebook.show("compare")
        comparison = notebook.cell("compare").locator(".nbt-comparison")
        expect(comparison.locator(".nbt-saved-note")).to_be_visible()
        expect(comparison.locator(".nbt-row").first).to_be_visible()
        notebook.show("registry")
        expect(notebook.cell("registry").locator(".nbt-version").first).to_be_visible()
        for cell in ("first-run", "compare", "registry"):
            expect(notebook.cell(cell)).not_to_contain_text(re.compile("Error displaying widget|Error creating widget"))


def test_8_nothing_was_fetched_and_nothing_went_wrong(notebook: Notebook) -> None:
    assert notebook.external_requests == []
    # JupyterLab's widget manager logs this if a new kernel starts while a saved view looks for its live widget.
    assert [error for error in notebook.console_errors if not error.startswith("Error: widget model not found")] == []


def _run_ids(comparison: Locator) -> list[str]:
    return [row.get_attribute("data-run-id") or "" for row in comparison.locator(".nbt-row").all()]


def _row(comparison: Locator, run_id: str) -> Locator:
    return comparison.locator(f".nbt-row[data-run-id='{run_id}']")


def _selected(comparison: Locator) -> set[str]:
    return {row.get_attribute("data-run-id") or "" for row in comparison.locator(".nbt-row.nbt-selected").all()}


def _ties(values: dict[str, float], best: bool) -> list[str]:
    wanted = max(values.values()) if best else min(values.values())
    return [run_id for run_id, value in values.items() if value == wanted]


def _filter(comparison: Locator, text: str, runs: int) -> None:
    box = comparison.get_by_label("Filter runs")
    box.fill(text)
    box.press("Enter")
    expect(comparison.locator(".nbt-count")).to_contain_text(re.compile(rf"^\s*{runs} runs?,"))
    expect(comparison.locator(".nbt-query-error")).to_be_empty()


def _settled(comparison: Locator, canvas: Locator, before: str) -> str:
    """Wait until the canvas has changed and return its content."""
    for _ in range(50):
        if (now := canvas_picture(canvas)) != before:
            return now
        comparison.page.wait_for_timeout(100)
    raise AssertionError("The curves did not change.")


def _register(comparison: Locator, run_id: str, version: int) -> Locator:
    row = _row(comparison, run_id)
    if not row.count():
        comparison.locator("th[data-column='metrics.`val/accuracy`']").locator(".nbt-sort").click()
    row.get_by_role("button", name="Register").click()
    panel = comparison.locator(".nbt-register-panel")
    name = panel.get_by_label("Name")
    if version == 1:
        name.fill("digits")
    # The only registered model is already filled in.
    expect(name).to_have_value("digits")
    # The form does nothing in its first half second.
    expect(panel.get_by_role("button", name="Register", exact=True)).to_have_attribute("aria-disabled", "false")
    name.press("Enter")
    expect(panel.locator(".nbt-done")).to_contain_text(f"version {version}")
    return panel


def _board(board: Locator) -> dict[str, list[str]]:
    columns = board.locator(".nbt-stage-column").all()
    return {
        column.get_attribute("data-stage") or "": [
            card.get_attribute("data-version") or "" for card in column.locator(".nbt-version").all()
        ]
        for column in columns
    }
