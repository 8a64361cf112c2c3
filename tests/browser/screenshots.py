"""Pictures of each screen as JupyterLab shows it: `make screenshots`, then look at them.

The widgets of the quickstart notebook, and the groups of the notebook that chooses a model, light and dark, for the
README and the guide. The comparison of 0, 1, 3 and 200 runs, a failed second attempt and the registry, light and dark,
at 1400 and 700 pixels.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import notebook as notebooks
from tests.browser.notebook import Notebook, write_notebook
from tests.browser.server import jupyterlab

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTHS = (1400, 700)
COUNTS = (0, 1, 3, 200)
QUICKSTART = "01_quickstart.ipynb"
CHOOSING = "07_choosing_a_model.ipynb"

FILL = """
import math, random, time
import nbtrack

def fill(count):
    nbtrack.set_experiment(f"{count} runs")
    rng = random.Random(0)
    for seed in range(count):
        name = "<img src=x onerror=alert(1)> " + "x" * 60 if seed == 2 else f"run-{seed}"
        with nbtrack.start_run(run_name=name):
            rate = rng.uniform(0.01, 0.2)
            nbtrack.log_params({"learning_rate": round(rate, 4), "width": rng.choice([16, 32, 64]), "solver": "adam"})
            for step in range(100):
                loss = math.exp(-rate * step) + abs(rng.gauss(0, 0.01))
                nbtrack.log_metrics({"train/loss": loss, "val/loss": loss + 0.1, "val/acc": 1 - loss / 2}, step=step)
            nbtrack.log_text("no model, only its folder", "model/note.txt")
""" + "\n".join(f"fill({count})" for count in COUNTS)
TRACKED = """
%%track attempt -e attempts
rate = {rate}
for step in range(60):
    nbtrack.log_metrics({{"train/loss": math.exp(-rate * step), "val/loss": math.exp(-rate * step) + 0.1}}, step=step)
"""
FAILED = "raise ValueError('the loss is <b>not</b> finite')"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        jupyterlab(Path(temporary)) as url,
        sync_playwright() as playwright,
    ):
        browser = notebooks.launch(playwright)
        # A picture of an output that is higher than the page would show the status bar.
        with notebooks.page(browser, url, height=1800) as notebook:
            quickstart(notebook, folder)
            choosing(notebook, folder)
        with notebooks.page(browser, url, height=1300) as notebook:
            every_state(notebook, Path(temporary) / "work", folder)
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def quickstart(notebook: Notebook, folder: Path) -> None:
    """Take pictures of the quickstart notebook for the README."""
    notebook.open(QUICKSTART)
    for cell in ("load", "data", "experiment", "first-run", "train", "sweep", "compare"):
        notebook.run(cell, 240)
    notebook.run("promote")
    notebook.run("registry")
    pictures(notebook, folder, {"live": "first-run", "comparison": "compare", "registry": "registry"})
    rollback(notebook, folder)
    run_page(notebook, folder)


def run_page(notebook: Notebook, folder: Path) -> None:
    """Take pictures of the page of the last run, with its curves."""
    notebook.run_source("selected", "nbtrack.last_active_run()")
    notebook.show("selected").get_by_role("tab", name="Curves").click()
    pictures(notebook, folder, {"run_page": "selected"})


def rollback(notebook: Notebook, folder: Path) -> None:
    """Take pictures of the registry with the form of a rollback, in which a version is beside the one in Production."""
    board = notebook.show("registry")
    board.get_by_role("button", name="Roll back Production").click()
    board.get_by_role("button", name="Roll back", exact=True).wait_for()
    pictures(notebook, folder, {"rollback": "registry"})


def choosing(notebook: Notebook, folder: Path) -> None:
    """Take pictures of the groups in the notebook that chooses one of 500 models."""
    notebook.open(CHOOSING)
    for cell in ("load", "data", "train", "runs", "directions", "aggregate", "compare", "baseline", "choose", "view"):
        notebook.run(cell, 400)
    pictures(notebook, folder, {"groups": "view"})


def pictures(notebook: Notebook, folder: Path, screens: dict[str, str]) -> None:
    """Take pictures of the outputs of cells, light and dark."""
    for theme, name in THEMES.items():
        notebook.use_theme(name)
        for screen, cell in screens.items():
            output = notebook.show(cell).locator(".jp-OutputArea-output > div, .jp-OutputArea-output").first
            notebook.page.wait_for_timeout(600)
            output.screenshot(path=folder / f"{screen}-{theme}.png")


def every_state(notebook: Notebook, work: Path, folder: Path) -> None:
    """Take pictures of each screen with no data, little data and much data."""
    cells = {"load": "%load_ext nbtrack", "fill": FILL}
    cells |= {f"compare-{count}": f"nbtrack.compare(experiment_names=['{count} runs'])" for count in COUNTS}
    cells |= {"first-attempt": TRACKED.format(rate=0.05), "registry-of-all": "nbtrack.registry()"}
    write_notebook(work / "screens.ipynb", cells)
    notebook.open("screens.ipynb")
    for cell_id in cells:
        notebook.run(cell_id, 120)
    # The cell should fail, because its screen shows a second attempt that failed.
    with contextlib.suppress(AssertionError):
        notebook.run_source("first-attempt", TRACKED.format(rate=0.1).strip() + "\n" + FAILED)
    for theme, name in THEMES.items():
        notebook.use_theme(name)
        for width in WIDTHS:
            notebook.page.set_viewport_size({"width": width, "height": 1300})
            for cell_id in list(cells)[2:]:
                notebook.show(cell_id)
                notebook.page.wait_for_timeout(500)
                notebook.page.screenshot(path=folder / f"{cell_id}-{theme}-{width}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
