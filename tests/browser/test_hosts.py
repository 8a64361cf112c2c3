"""The widgets in Notebook 7 and in marimo. The other modules use JupyterLab."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import notebook as notebooks
from tests.browser.marimo import marimo
from tests.browser.server import TOKEN

FILL = """
import nbtrack
nbtrack.set_experiment("hosts")
for number in range(3):
    with nbtrack.start_run(run_name=f"run-{number}"):
        nbtrack.log_param("width", number)
        for step in range(5):
            nbtrack.log_metric("val/loss", number + 1 / (step + 1), step=step)
"""
TRACKED = """
%%track
import time
for step in range(10_000):
    nbtrack.log_metric("val/loss", 1 / (step + 1), step=step)
    time.sleep(0.05)
"""
CELLS = ["%load_ext nbtrack", FILL, "nbtrack.compare()", "nbtrack.registry()", TRACKED]
MARIMO = """
import marimo
app = marimo.App()

@app.cell
def _():
{fill}
    return (nbtrack,)

@app.cell
def _(nbtrack):
    nbtrack.compare()
    return

@app.cell
def _(nbtrack):
    nbtrack.registry()
    return

@app.cell
def _(nbtrack):
    nbtrack.compare("params.width > 0")
    return

if __name__ == "__main__":
    app.run()
"""


def filtered(comparison: Locator) -> None:
    """Check that the kernel answers."""
    expect(comparison.locator(".nbt-row")).to_have_count(3)
    box = comparison.get_by_label("Filter runs")
    box.fill("params.width = '1'")
    box.press("Enter")
    expect(comparison.locator(".nbt-row")).to_have_count(1)


def run_cell(page: Page, index: int) -> Locator:
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(index)
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    return cell


def test_notebook_7(chromium: Browser, lab: tuple[str, Path]) -> None:
    url, work = lab
    sheet = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    sheet.cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    (work / "hosts.ipynb").write_text(nbformat.writes(sheet))
    with notebooks.page(chromium, url, height=1600) as notebook:
        page = notebook.page
        page.goto(f"{url}notebooks/hosts.ipynb?token={TOKEN}")
        # Until its kernel has started, Notebook ignores the key.
        for _ in range(100):
            page.wait_for_timeout(300)
            if re.search(r"\[\d+\]", run_cell(page, 0).locator(".jp-InputPrompt").inner_text()):
                break
        cells = [run_cell(page, index) for index in range(4)]
        filtered(cells[2].locator(".nbt-comparison[data-live=true]"))
        expect(cells[3].locator(".nbt-registry[data-live=true]")).to_be_visible()
        live = run_cell(page, 4).locator(".nbt-live")
        expect(live).to_have_attribute("data-status", "RUNNING")
        expect(live.locator(".nbt-panel canvas").first).to_be_visible()
        # While the cell trains.
        box = cells[2].get_by_label("Filter runs")
        box.fill("params.width > 0")
        box.press("Enter")
        expect(cells[2].locator(".nbt-row")).to_have_count(2)
        expect(live).to_have_attribute("data-status", "RUNNING")
        live.get_by_role("button", name="Edit the name").click()
        page.keyboard.type("named-by-hand")
        page.keyboard.press("Enter")
        expect(live.locator(".nbt-live-name")).to_have_text("named-by-hand")
        live.get_by_role("button", name="Stop", exact=True).click()
        live.get_by_label("Reason").fill("enough")
        stop = live.get_by_role("button", name="Stop the run")
        expect(stop).to_have_attribute("aria-disabled", "false")
        stop.click()
        expect(live).to_have_attribute("data-status", "KILLED")
        expect(live.locator(".nbt-stopped")).to_have_text(re.compile("^Stopped by .*: enough$"))
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Restart Kernel…$")).click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        for cell in cells[2:]:
            expect(cell.locator(".nbt-kernel-lost")).to_be_visible()
        assert notebook.external_requests == []


def test_marimo_in_dark_mode_on_a_light_system(chromium: Browser, tmp_path: Path) -> None:
    fill = "\n".join(f"    {line}" for line in FILL.strip().splitlines())
    context = chromium.new_context(color_scheme="light", viewport={"width": 1400, "height": 1600})
    with marimo(tmp_path, MARIMO.format(fill=fill)) as url:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        comparisons = page.locator(".nbt-comparison")
        expect(comparisons).to_have_count(2)
        filtered(comparisons.first)
        expect(comparisons.nth(1).locator(".nbt-row")).to_have_count(2)
        expect(page.locator(".nbt-registry")).to_be_visible()
        # marimo shows each widget in a shadow root, which the stylesheet must reach.
        for root in page.locator(".nbt").all():
            style = root.evaluate(
                "root => { const s = getComputedStyle(root); return [s.colorScheme, s.containerType]; }"
            )
            assert style == ["dark", "inline-size"]
        background = comparisons.first.locator(".nbt-row td").first.evaluate(
            "one => getComputedStyle(one).backgroundColor"
        )
        assert max(int(part) for part in background.removeprefix("rgb(").removesuffix(")").split(",")) < 80
        assert errors == []
    context.close()
