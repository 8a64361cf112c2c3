"""Groups of 10,000 runs in Chromium: rows that unfold, one of them as the baseline, and what axe says about them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

import nbtrack
from tests.analysis.synthetic import fill
from tests.browser.test_looks import AXE, CHECK
from tests.browser.widget import shown

pytestmark = pytest.mark.slow

RUNS = 10_000
HEAD = 2
"""Rows of the header, which `aria-rowcount` counts too."""


def test_groups_unfold_and_are_compared_with_one_of_them(
    chromium: Browser, measured: Callable[[str, float], None]
) -> None:
    fill(runs=RUNS, params=2, metrics=2, tags=2)
    table = nbtrack.aggregate(by="tags.tag1", metrics="metrics.m0")
    means = dict(zip(table["tags.tag1"], table["metrics.m0.mean"], strict=True))
    sizes = dict(zip(table["tags.tag1"], table["runs"], strict=True))
    widget = nbtrack.compare()
    with shown(chromium, widget) as page:
        page.set_viewport_size({"width": 1000, "height": 900})
        page.get_by_role("button", name="Group by…").click()
        option = page.get_by_role("option", name="tag1 7 values")
        option.wait_for()
        start = time.perf_counter()
        option.click()
        groups = page.get_by_role("treegrid", name="Runs by tag1")
        groups.locator(".nbt-group-row").first.wait_for()
        measured("10,000 runs until their groups are drawn, ms", (time.perf_counter() - start) * 1e3)
        expect(groups).to_have_attribute("aria-rowcount", str(HEAD + 7))
        expect(page.get_by_text("7 groups of 10,000 runs")).to_be_visible()
        assert widget.group_by == "tags.tag1"
        for name, mean in means.items():
            expect(groups.get_by_role("row", name=f"{name} ").locator(".nbt-number").first).to_contain_text(
                f"{mean:.4f}"
            )

        groups.focus()
        page.keyboard.press("ArrowRight")
        first = max(means, key=lambda name: means[name])
        expect(groups).to_have_attribute("aria-rowcount", str(HEAD + 7 + sizes[first]))
        expect(groups.locator("[data-index='1'][data-run-id]")).to_be_visible()
        page.keyboard.press("Space")
        page.keyboard.press("b")
        baseline = groups.locator(".nbt-pinned-baseline")
        expect(baseline).to_contain_text(first)
        expect(groups.locator(".nbt-difference").first).to_be_visible()
        page.keyboard.press("Control+End")
        last = groups.locator(f"[data-index='{6 + sizes[first]}']")
        expect(last.locator(".nbt-worse").first).to_be_visible()
        expect(baseline).to_be_in_viewport()
        assert groups.locator(".nbt-row").count() < 50
        deadline = time.monotonic() + 30
        while widget.view["baseline_group"] is None and time.monotonic() < deadline:
            # The page has shown it before Python hears of it.
            page.wait_for_timeout(50)
        assert (widget.view["selected_groups"], widget.view["baseline_group"]) == ([f"s:{first}"], f"s:{first}")

        page.add_script_tag(path=AXE)
        root = page.locator(".nbt").first
        assert root.evaluate(CHECK) == []
        page.get_by_role("button", name="Change…").click()
        page.get_by_role("option").first.wait_for()
        assert root.evaluate(CHECK) == []
        page.keyboard.press("Escape")
        groups.locator("th[data-column='metrics.m0']").click(button="right")
        page.get_by_role("menuitemradio", name="Groups by standard deviation").wait_for()
        assert root.evaluate(CHECK) == []
        page.keyboard.press("Escape")

        page.get_by_label("Show as").select_option("bars")
        bars = page.get_by_role("region", name="Bars of m0")
        bar = bars.get_by_role("row", name=first)
        expect(bar).to_contain_text(f"{means[first]:.4f}")
        expect(bar).to_contain_text("baseline")
        expect(bar.locator(".nbt-bar-whisker")).to_be_visible()
        box, place = bar.locator(".nbt-bar").bounding_box(), bar.locator(".nbt-bar-place").bounding_box()
        assert box is not None
        assert place is not None
        assert 0 < box["width"] <= place["width"]
        diff = page.get_by_role("region", name="Differences")
        expect(diff.get_by_role("columnheader", name=first)).to_contain_text("baseline")
        expect(diff.locator("[data-key=m0]")).to_contain_text(f"{means[first]:.4f}")
        assert root.evaluate(CHECK) == []
