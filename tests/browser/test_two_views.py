"""Two views of one comparison in Chromium, as two cells show it, and what a view does while the user types."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import nbtrack
from tests.browser.widget import shown

pytestmark = pytest.mark.slow

SECOND = """async () => {
  window.sent = [];
  const { send } = model;
  model.send = (message) => { sent.push(message); return send.call(model, message); };
  const el = document.createElement('div');
  el.id = 'second';
  document.body.append(el);
  (await import('/bundle.js')).default.render({ model, el, signal: new AbortController().signal });
}"""


def sent(page: Page, name: str, filter_string: str) -> int:
    """Return how many requests were sent for a filter since the second view is there."""
    found: int = page.evaluate(
        "([name, filter]) => sent.filter((m) => m.name === name && m.payload.filter === filter).length",
        [name, filter_string],
    )
    return found


def selected(view: Locator) -> list[str]:
    found: list[str] = view.locator(".nbt-row[aria-selected=true]").evaluate_all(
        "rows => rows.map((row) => row.textContent)"
    )
    return found


def test_two_views_of_a_comparison_follow_each_other(chromium: Browser) -> None:
    for width in range(4):
        with nbtrack.start_run(run_name=f"run-{width}"):
            nbtrack.log_params({"width": width, "optimizer": "adam" if width % 2 else "sgd"})
            nbtrack.log_metric("val/loss", 1 / (width + 1))
    with shown(chromium, nbtrack.compare()) as page:
        first = page.locator("#host")
        expect(first.get_by_text("4 runs, 4 selected")).to_be_visible()
        page.evaluate(SECOND)
        second = page.locator("#second")
        expect(second.get_by_text("4 runs, 4 selected")).to_be_visible()

        first.get_by_label("Select run-2").click()
        expect(second.get_by_text("4 runs, 3 selected")).to_be_visible()
        # The pause after it applies the filter. With Enter, a slow machine would apply it twice.
        second.get_by_label("Filter runs").fill("params.width > 0")
        expect(first.get_by_text("3 runs, 3 selected")).to_be_visible()
        expect(first.get_by_label("Filter runs")).to_have_value("params.width > 0")

        second.get_by_role("button", name="Columns…").click()
        second.get_by_label("Search columns").fill("width")
        page.keyboard.press("Enter")
        expect(first.get_by_role("columnheader").get_by_text("width", exact=True)).to_have_count(0)
        page.keyboard.press("Escape")

        first.get_by_role("button", name="run…").click()
        first.get_by_role("option", name="optimizer").click()
        expect(second.get_by_label("Values and their colors").get_by_role("listitem")).to_have_text(["adam2", "sgd1"])
        assert selected(first) == selected(second)
        # Each view reads the rows of the new query, and neither answers with another query. On a slow machine,
        # the matches are counted before Enter is pressed, and a view may hear of a change of the store.
        assert 2 <= sent(page, "runs", "params.width > 0") <= 4
        assert 1 <= sent(page, "runs", "") <= 2, "That of the second view when it was created."


def test_a_filter_is_counted_and_underlined_as_it_is_typed_and_nothing_moves_if_motion_is_reduced(
    chromium: Browser,
) -> None:
    for width in range(4):
        with nbtrack.start_run(run_name=f"run-{width}"):
            nbtrack.log_param("width", width)
    running = nbtrack.MlflowClient().create_run("0", run_name="running")
    with shown(chromium, nbtrack.compare()) as page:
        field = page.get_by_label("Filter runs")
        field.press_sequentially("params.width > 1")
        expect(page.locator(".nbt-query-matches")).to_have_text("2 runs")
        field.fill("statu = 'x' and params.width > 1")
        mark = page.locator(".nbt-query-mirror mark")
        expect(mark).to_have_text("statu")
        place, box = mark.bounding_box(), field.bounding_box()
        assert place
        assert box
        assert abs(place["x"] - box["x"] - 9) < 2, "The line is under the first word."
        field.fill("")
        expect(page.get_by_text("5 runs,")).to_be_visible()
        moving = "() => document.getAnimations().length"
        assert page.evaluate(moving) > 0, "The mark of a running run pulses."
        page.emulate_media(reduced_motion="reduce")
        page.wait_for_function("() => document.getAnimations().length === 0")
    nbtrack.MlflowClient().set_terminated(running.info.run_id)
