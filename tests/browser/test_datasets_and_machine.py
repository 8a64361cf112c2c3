"""The screens show the datasets of a run, and its system metrics on demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

import nbtrack
from nbtrack import widgets
from tests.browser.widget import shown


@pytest.fixture
def runs(own_store: Path) -> list[str]:
    made = []
    for rows in (100, 101):
        with nbtrack.start_run(run_name=f"{rows} rows") as run:
            nbtrack.log_input(nbtrack.data.from_numpy(np.arange(rows), name="<b>train</b>"), context="training")
            for step in range(5):
                nbtrack.log_metrics({"loss": 1 / (step + 1), "system/cpu_utilization_percentage": 50.0 + step})
        made.append(run.info.run_id)
    return made


def test_the_live_view(chromium: Browser, runs: list[str]) -> None:
    digest = nbtrack.data.from_numpy(np.arange(101)).digest
    with shown(chromium, widgets.LiveRun(nbtrack.MlflowClient(), runs[1])) as page:
        datasets = page.get_by_label("Datasets")
        expect(datasets).to_have_text(f"training<b>train</b> {digest[:8]} 101 rows")
        expect(page.locator(".nbt-panel")).to_have_count(1)
        expect(page.locator(".nbt-summary tbody tr")).to_have_count(1)
        toggle = page.get_by_role("button", name="The whole machine 1")
        toggle.click()
        panel = page.locator(".nbt-system .nbt-panel")
        expect(panel).to_have_attribute("data-panel", "CPU, memory and disk, %")
        expect(panel).to_contain_text("54")
        toggle.click()
        expect(panel).to_have_count(0)


def test_the_comparison(chromium: Browser, runs: list[str]) -> None:
    with shown(chromium, nbtrack.compare()) as page:
        changed = page.locator("tr[data-section=dataset]")
        expect(changed).to_have_count(1)
        expect(changed).to_have_class("nbt-differs")
        expect(changed.locator("td:not(.nbt-gap)")).to_have_count(2)
        expect(page.locator("tr[data-section=system]")).to_have_attribute(
            "data-key", "system/cpu_utilization_percentage"
        )
        expect(page.locator(".nbt-only-differences")).to_contain_text("(1)")
        expect(page.get_by_role("columnheader", name="system/")).to_have_count(0)
        page.get_by_label("Metric", exact=True).select_option("system/cpu_utilization_percentage")
