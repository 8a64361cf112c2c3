"""The run table as a tree: folded and unfolded by mouse and keyboard, sorted, filtered, and long."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import nbtrack
from tests.browser.widget import shown


@pytest.fixture
def sweeps() -> None:
    """A sweep with the best trials, a worse one with more trials than a page has rows, and a run without a sweep."""
    for name, trials, best in (("good", 6, 0.0), ("long", 230, 10.0)):
        with nbtrack.start_run(run_name=name):
            for number in range(trials):
                with nbtrack.start_run(run_name=f"{name} {number}", nested=True):
                    nbtrack.log_param("lr", number)
                    nbtrack.log_metric("loss", best + number)
    with nbtrack.start_run(run_name="alone"):
        nbtrack.log_metric("loss", 7)


def row(page: Page, name: str) -> Locator:
    return page.locator(".nbt-row").filter(has=page.get_by_label(f"Select {name}", exact=True))


def active(page: Page, name: str) -> Locator:
    """Return the active cell of the row of a run."""
    return row(page, name).locator(".nbt-active")


def names(page: Page) -> list[str]:
    page.locator(".nbt-runs[aria-busy=false]").wait_for()
    return [
        box.removeprefix("Select ")
        for box in page.locator(".nbt-row .nbt-checkbox").evaluate_all("boxes => boxes.map((box) => box.ariaLabel)")
    ]


def test_a_sweep_folds(chromium: Browser, sweeps: None) -> None:
    with shown(chromium, nbtrack.compare()) as page:
        grid = page.get_by_role("treegrid", name="Runs")
        expect(page.locator(".nbt-count")).to_contain_text("239 runs, 236 of them nested, 5 selected")
        assert names(page) == ["good", *(f"good {number}" for number in range(6)), "alone", "long"]
        expect(row(page, "good")).to_have_attribute("aria-expanded", "true")
        expect(row(page, "good 0")).to_have_attribute("aria-level", "2")
        expect(row(page, "alone")).not_to_have_attribute("aria-expanded", re.compile(".*"))
        long = row(page, "long")
        expect(long).to_have_attribute("aria-expanded", "false")
        expect(long.locator(".nbt-nested-count")).to_have_text("230")
        expect(long.locator(".nbt-nested-best")).to_have_text("10")
        page.get_by_role("button", name="Hide the 6 runs nested in good").click()
        expect(row(page, "good")).to_have_attribute("aria-expanded", "false")
        assert names(page) == ["good", "alone", "long"]
        expect(page.locator(".nbt-count")).to_contain_text("5 selected")
        page.get_by_role("button", name="Show the 230 runs nested in long").click()
        expect(grid).to_have_attribute("aria-rowcount", "235")
        assert names(page)[:4] == ["good", "alone", "long", "long 0"]


def test_the_keyboard_folds_and_moves(chromium: Browser, sweeps: None) -> None:
    with shown(chromium, nbtrack.compare()) as page:
        page.get_by_role("treegrid").focus()
        page.keyboard.press("ArrowLeft")
        expect(row(page, "good")).to_have_attribute("aria-expanded", "false")
        expect(active(page, "good")).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(active(page, "alone")).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        expect(row(page, "long")).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowDown")
        expect(active(page, "long 0")).to_be_visible()
        page.keyboard.press("Control+End")
        expect(active(page, "long 229")).to_be_visible()
        page.keyboard.press("ArrowLeft")
        expect(active(page, "long")).to_be_visible()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("treegrid")).to_have_attribute("aria-rowcount", "5")
        expect(active(page, "long")).to_be_visible()
        page.keyboard.press(" ")
        expect(row(page, "long")).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("treegrid")).to_be_focused()


def test_sorting_filtering_and_ungrouping(chromium: Browser, sweeps: None) -> None:
    with shown(chromium, nbtrack.compare()) as page:
        page.locator("th[data-column='metrics.loss'] .nbt-sort").click()
        expect(page.locator("th[data-column='metrics.loss']")).to_have_attribute("aria-sort", "descending")
        assert names(page)[:3] == ["long", "alone", "good"]
        expect(row(page, "good 5")).to_have_attribute("aria-level", "2")
        box = page.get_by_label("Nest under parents")
        box.uncheck()
        expect(page.get_by_role("grid", name="Runs")).to_have_attribute("aria-rowcount", "241")
        assert names(page)[0] == "long 229"
        expect(page.locator("button.nbt-twisty")).to_have_count(0)
        box.check()
        expect(page.get_by_role("treegrid")).to_have_attribute("aria-rowcount", "11")
        query = page.get_by_label("Filter runs")
        query.fill("children('good') and metrics.loss < 3")
        query.press("Enter")
        expect(page.locator(".nbt-count")).to_contain_text("3 runs,")
        expect(box).to_have_count(0)
        assert names(page) == ["good 2", "good 1", "good 0"]
