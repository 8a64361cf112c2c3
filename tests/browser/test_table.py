"""The run table in Chromium with very many runs and columns: what is in the page, and the work of a frame."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

import nbtrack
from tests.browser.trace import SCROLL, work
from tests.browser.widget import shown

pytestmark = pytest.mark.slow

RUNS = 1_200
FRAMES = 100


@pytest.fixture
def many() -> list[str]:
    """Runs with 40 params and 400 metrics, of which few runs have all. Return the IDs of 1,000 of them."""
    run_ids = []
    for number in range(RUNS):
        with nbtrack.start_run(run_name=f"resnet50-imagenet-augmented-seed{number}") as run:
            nbtrack.log_params({f"model/p{key}": number % (key + 2) for key in range(10 if number else 40)})
            keys = range(400 if number % 400 == 0 else 5)
            nbtrack.log_metrics({f"val/m{key}": (number * 7 + key) % 101 / 100 for key in keys})
        run_ids.append(run.info.run_id)
    return run_ids[:1_000]


def test_scrolling_loads_what_comes_into_sight_and_nothing_else(
    chromium: Browser, many: list[str], measured: Callable[[str, float], None]
) -> None:
    widget = nbtrack.compare()
    asked: list[str] = []
    ask = widget.ask
    widget.ask = lambda name, payload: (asked.append(str(name)), ask(name, payload))[1]  # type: ignore[method-assign]
    for ticked in (0, 1_000):
        widget.selected = many[:ticked]
        with shown(chromium, widget) as page:
            page.set_viewport_size({"width": 1000, "height": 800})
            grid = page.get_by_role("grid", name="Runs")
            expect(grid).to_have_attribute("aria-colcount", "446")
            page.wait_for_load_state("networkidle")
            asked.clear()
            for name, step in (("a row", [0, 26]), ("five rows", [0, 130]), ("sideways", [60, 0])):
                spent = work(page, lambda step=step: page.evaluate(SCROLL, [*step, FRAMES]))
                measured(f"scrolling {name} a frame with {ticked} runs ticked: work a frame, ms", spent / FRAMES)
            page.wait_for_load_state("networkidle")
            assert set(asked) <= {"runs", "revision"}, "Scrolling requests neither curves nor differences."
            assert page.locator(".nbt-row").count() < 50
            assert page.locator(".nbt-row").nth(20).locator("td").count() < 40
            expect(page.locator(".nbt-row.nbt-pending")).to_have_count(0)


def test_no_row_is_under_the_scroll_bar_and_the_sorted_column_is_in_sight(chromium: Browser, many: list[str]) -> None:
    with shown(chromium, nbtrack.compare(order_by=["metrics.`val/m333` DESC"])) as page:
        page.set_viewport_size({"width": 700, "height": 800})
        table = page.locator(".nbt-table-scroll")
        header = page.locator("th[data-column='metrics.`val/m333`']")
        expect(header).to_be_visible()
        outer, inner = table.bounding_box(), header.bounding_box()
        assert outer
        assert inner
        assert outer["x"] <= inner["x"] <= inner["x"] + inner["width"] <= outer["x"] + outer["width"]
        height = table.evaluate("table => table.clientHeight")
        assert (height - 50) % 26 == 0, "The height is that of whole rows."
        heights = page.locator(".nbt-row").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
        assert set(heights) == {26}
