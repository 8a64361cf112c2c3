"""The view of a comparison in Chromium: what a reload of the page and Python see of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

import nbtrack
from tests.browser.widget import shown

pytestmark = pytest.mark.slow


def _selected(page: Page) -> list[str]:
    return page.locator(".nbt-row[aria-selected=true]").evaluate_all("rows => rows.map(row => row.dataset.runId)")


def test_a_reload_shows_the_view_as_the_user_left_it(chromium: Browser) -> None:
    run_ids = []
    for width in range(6):
        with nbtrack.start_run(run_name=f"run-{width}") as run:
            nbtrack.log_param("width", width)
            nbtrack.log_metric("val/loss", 1 / (width + 1))
        run_ids.append(run.info.run_id)
    widget = nbtrack.compare()
    with shown(chromium, widget) as page:
        page.get_by_label("Filter runs").fill("params.width > 0")
        page.keyboard.press("Enter")
        expect(page.get_by_text("5 runs, 5 selected")).to_be_visible()
        page.get_by_role("button", name="width", exact=True).click()
        expect(page.locator(".nbt-row").first).to_contain_text("run-1")
        page.get_by_label("Select run-2").click()
        page.wait_for_function("() => model.get('_view').selected.length === 4")
        expect(page.get_by_text("5 runs, 4 selected")).to_be_visible()
        before = _selected(page)
        page.reload()
        expect(page.get_by_text("5 runs, 4 selected")).to_be_visible()
        expect(page.locator("th[aria-sort=ascending]")).to_contain_text("width")
        assert page.get_by_label("Filter runs").input_value() == "params.width > 0"
        assert page.locator(".nbt-row").first.text_content().startswith("run-1")  # type: ignore[union-attr]
        assert _selected(page) == before == [run_ids[1], run_ids[3], run_ids[4], run_ids[5]]
    assert (widget.query, widget.sorts) == ("params.width > 0", ["params.width ASC"])
    assert list(widget.frame()["run_id"]) == run_ids[1:]


def test_a_view_is_saved_opened_and_deleted_from_its_menu(chromium: Browser) -> None:
    for width in range(3):
        with nbtrack.start_run(run_name=f"run-{width}"):
            nbtrack.log_param("width", width)
    widget = nbtrack.compare("params.width > 0")
    with shown(chromium, widget) as page:
        views = page.get_by_role("button", name="Views…")
        views.click()
        page.get_by_label("Name of the view").fill("wide")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Saved as wide.")).to_be_visible()
        page.keyboard.press("Escape")
        expect(views).to_be_focused()
        page.get_by_role("button", name="Clear the filter").click()
        expect(page.get_by_text("3 runs,")).to_be_visible()
        views.click()
        page.get_by_role("button", name="Open view wide").click()
        expect(page.get_by_text("2 runs,")).to_be_visible()
        assert page.get_by_label("Filter runs").input_value() == "params.width > 0"
        views.click()
        page.get_by_role("button", name="Delete view wide").click()
        page.wait_for_timeout(600)
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_text("No views are saved yet.")).to_be_visible()
    assert nbtrack.MlflowClient().get_views() == {}
