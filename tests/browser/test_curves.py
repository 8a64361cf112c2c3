"""The chart of the comparison in Chromium, on a page without Jupyter: zooming, hovering, keys, and what moves."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import nbtrack
from nbtrack.widgets import compare
from tests.widgets.page import serve

pytestmark = pytest.mark.slow

COUNT_REQUESTS = """
window.requests = [];
const fetched = window.fetch;
window.fetch = (url, options) => {
    if (url === '/message') window.requests.push(JSON.parse(options.body));
    return fetched(url, options);
};
"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    for seed in range(3):
        with nbtrack.start_run(run_name=f"run-{seed}"):
            nbtrack.log_param("lr", seed)
            for step in range(1500):
                nbtrack.log_metrics({"loss": math.exp(-step / 300) + seed / 10, "acc": step / 2000}, step=step)
            if seed == 1:
                nbtrack.log_metric("loss", 1e30, step=700)
                nbtrack.log_metric("loss", math.nan, step=1500)
    server = serve(compare(order_by=["metrics.loss ASC"]), 0, True)
    opened = chromium.new_page(viewport={"width": 1000, "height": 1000})
    opened.add_init_script(COUNT_REQUESTS)
    opened.goto(f"http://127.0.0.1:{server.server_port}/")
    opened.wait_for_selector(".nbt-curves canvas")
    yield opened
    opened.close()
    server.shutdown()


def requests(page: Page, name: str) -> int:
    return int(page.evaluate(f"window.requests.filter(message => message.name === '{name}').length"))


def places(page: Page) -> list[object]:
    return [page.locator(where).bounding_box() for where in (".nbt-chart", ".nbt-curve-legend", ".nbt-diff")]


def chart(page: Page) -> Locator:
    return page.get_by_role("img", name="loss of 3 runs")


def test_zooming_moves_nothing_and_hovering_names_the_run(page: Page) -> None:
    expect(page.get_by_text("1 point is marked at the edge: 1 NaN (×).")).to_be_visible()
    # The bucket of the huge value is far above all others, which still fill the chart.
    expect(page.get_by_text("1 value far outside of the others is not shown.")).to_be_visible()
    over = page.locator(".nbt-chart .u-over")
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 18)
    expect(page.locator(".nbt-curve-runs .nbt-nearest")).to_contain_text("run-0")
    expect(page.locator(".nbt-curve-legend .nbt-hovered")).to_contain_text("run-0")
    before = places(page)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 80, box["y"] + 100, steps=4)
    page.mouse.up()
    reset = page.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_visible()
    assert places(page)[0] == before[0]
    reset.click()
    expect(reset).to_be_hidden()
    assert places(page) == before


def test_keys_read_values_and_sorting_requests_no_curves(page: Page) -> None:
    chart(page).focus()
    page.keyboard.press("Home")
    spoken = page.locator(".nbt-chart-box [aria-live]").first
    expect(spoken).to_contain_text("at step")
    first = spoken.inner_text()
    page.keyboard.press("ArrowUp")
    expect(spoken).not_to_have_text(first)
    page.wait_for_load_state("networkidle")
    asked = [requests(page, name) for name in ("curves", "diff")]
    for _ in range(5):
        for key in ("loss", "lr"):
            page.get_by_role("columnheader", name=key).first.click()
    page.wait_for_function("() => window.requests.filter(message => message.name === 'runs').length >= 3")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    assert [requests(page, name) for name in ("curves", "diff")] == asked


def test_charts_share_their_zoom_mark_rows_and_are_moved_and_resized(page: Page) -> None:
    page.get_by_role("button", name="Add chart").click()
    page.get_by_role("checkbox", name="acc", exact=True).check()
    page.get_by_role("dialog", name="Add a chart").get_by_role("button", name="Add chart").click()
    charts = page.locator(".nbt-curve-panel")
    expect(charts).to_have_count(2)
    first, second = charts.nth(0), charts.nth(1)
    second.scroll_into_view_if_needed()
    expect(second.locator(".nbt-curve-runs li")).to_have_count(3)

    # The nearest curve marks its row, the row marks its curve, and the other chart has the same cursor.
    over = first.locator(".u-over").bounding_box()
    assert over
    page.mouse.move(over["x"] + over["width"] / 2, over["y"] + over["height"] - 18)
    nearest = first.locator(".nbt-nearest .nbt-run-name")
    expect(page.locator("tr[data-marked]")).to_contain_text(nearest.inner_text())
    expect(second.locator(".nbt-curve-at")).to_contain_text("step")
    page.locator(".nbt-row").nth(1).hover()
    name = page.locator(".nbt-row").nth(1).locator(".nbt-name-line").inner_text().split()[0]
    expect(first.locator(".nbt-curve-runs .nbt-hovered")).to_contain_text(name)

    drag(page, second.locator(".u-over"), (0.3, 0.5), (0.6, 0.5))
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(2)
    page.get_by_role("button", name="Reset zoom").first.click()
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)

    titles = page.locator(".nbt-curve-title")
    expect(titles).to_have_text(["loss", "acc"])
    start, end = titles.nth(1).bounding_box(), first.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 40, end["y"] + 40, steps=5)
    expect(page.locator(".nbt-curve-target")).to_have_count(1)
    page.mouse.up()
    expect(titles).to_have_text(["acc", "loss"])

    plot = first.locator(".nbt-chart")
    corner, before = first.locator(".nbt-curve-resize"), plot.bounding_box()
    assert before
    at = corner.bounding_box()
    assert at
    page.mouse.move(at["x"] + 8, at["y"] + 8)
    page.mouse.down()
    page.mouse.move(at["x"] - 92, at["y"] + 68, steps=5)
    page.mouse.up()
    expect(plot).to_have_css("height", f"{before['height'] + 60:.0f}px")
    canvas = plot.locator("canvas").first
    expect(canvas).to_have_css("height", f"{before['height'] + 60:.0f}px")


def drag(page: Page, over: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag between two positions of an element, given as parts of its width and height."""
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=4)
    page.mouse.up()
