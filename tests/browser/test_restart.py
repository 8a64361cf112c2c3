"""The kernel of a shown widget restarts, dies or is exchanged: the widget says so at once, and what can be done."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.notebook import CURRENT, Notebook

FILL = """
import os
import nbtrack
nbtrack.set_experiment("restarts")
for number in range(3):
    with nbtrack.start_run(run_name=f"run-{number}"):
        nbtrack.log_param("width", number)
        nbtrack.log_metrics({"val/loss": number}, step=0)
"""
CELLS = {
    "fill": FILL.strip(),
    "compare": "import nbtrack; nbtrack.set_experiment('restarts'); nbtrack.compare()",
    "kill": "import os; os._exit(1)",
}


@pytest.fixture(scope="module")
def opened(notebook: Notebook, lab: tuple[str, Path]) -> Notebook:
    sheet = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for cell_id, source in CELLS.items():
        cell = nbformat.v4.new_code_cell(source)
        cell["id"] = cell_id
        sheet.cells.append(cell)
    (lab[1] / "restarts.ipynb").write_text(nbformat.writes(sheet))
    notebook.open("restarts.ipynb")
    notebook.run("fill")
    return notebook


def shown(notebook: Notebook) -> Locator:
    notebook.run("compare")
    notebook.show("compare")
    output = notebook.cell("compare")
    expect(output.locator(".nbt-comparison[data-live=true] .nbt-row")).to_have_count(3)
    expect(output.locator(".nbt-kernel-lost")).to_have_count(0)
    return output


def test_1_after_a_restart_the_widget_says_so_and_shows_what_it_has(opened: Notebook) -> None:
    output = shown(opened)
    output.get_by_label("Filter runs").fill("params.width")
    opened.restart_kernel()
    banner = output.locator(".nbt-kernel-lost")
    expect(banner).to_contain_text("The kernel has stopped or was restarted")
    expect(output.locator(".nbt-row")).to_have_count(3)
    output.get_by_label("Filter runs").fill("params.width = '1'")
    output.get_by_label("Filter runs").press("Enter")
    expect(output.locator(".nbt-problem").first).to_contain_text("Run the cell again.")
    banner.get_by_role("button", name="Reconnect").click()
    expect(banner).to_contain_text("The kernel does not have this view any more. Run the cell again")
    output.get_by_role("button", name="Show the data it was opened with").click()
    saved = output.locator(".nbt-comparison[data-live=false]")
    expect(saved.locator(".nbt-row")).to_have_count(3)


def test_2_running_the_cell_again_makes_it_live(opened: Notebook) -> None:
    output = shown(opened)
    box = output.get_by_label("Filter runs")
    box.fill("params.width = '1'")
    box.press("Enter")
    expect(output.locator(".nbt-row")).to_have_count(1)


def test_3_a_kernel_that_dies_is_noticed(opened: Notebook) -> None:
    output = shown(opened)
    opened.start("kill")
    expect(output.locator(".nbt-kernel-lost")).to_contain_text("The kernel has stopped or was restarted")
    opened.page.get_by_role("button", name="Ok", exact=True).click()
    opened.page.wait_for_function(
        f"() => {{ {CURRENT} return panel.sessionContext.session?.kernel?.status === 'idle'; }}"
    )


def test_4_a_kernel_that_is_shut_down_is_noticed(opened: Notebook) -> None:
    output = shown(opened)
    opened.shut_down_kernel()
    expect(output.locator(".nbt-kernel-lost")).to_contain_text("The kernel has stopped or was restarted")


def test_5_nothing_went_wrong_on_the_page(opened: Notebook) -> None:
    assert [error for error in opened.console_errors if "Widget is not attached" in error or "schema" in error] == []
