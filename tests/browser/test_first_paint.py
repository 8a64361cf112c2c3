"""Measures how long a user waits for the comparison of 200 runs after its cell has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser.notebook import Notebook, write_notebook

RUNS = 200
FILL = f"""
import math, random
import nbtrack
nbtrack.set_experiment("two hundred")
rng = random.Random(0)
for seed in range({RUNS}):
    with nbtrack.start_run(run_name=f"run-{{seed}}"):
        rate = rng.uniform(0.01, 0.2)
        nbtrack.log_params({{"learning_rate": round(rate, 4), "width": rng.choice([16, 32, 64]), "seed": seed}})
        for step in range(100):
            loss = math.exp(-rate * step) + rng.gauss(0, 0.01)
            nbtrack.log_metrics({{"train/loss": loss, "val/loss": loss + 0.1, "val/accuracy": 1 - loss / 2}}, step=step)
"""
# Resolves in the first frame in which the page has both the table and the curves.
WATCH = """
() => {
    const look = () => {
        const found = ['.nbt-comparison .nbt-row', '.nbt-curves canvas'].every(part => document.querySelector(part));
        requestAnimationFrame(found ? () => { window.nbtrackPainted = performance.now(); } : look);
    };
    look();
}
"""


def test_first_paint_of_200_runs(
    notebook: Notebook, lab: tuple[str, Path], measured: Callable[[str, float], None]
) -> None:
    cells = {"fill": FILL.strip(), "compare": "nbtrack.compare()"}
    write_notebook(lab[1] / "two_hundred.ipynb", cells)
    notebook.open("two_hundred.ipynb")
    notebook.run("fill", seconds=120)
    notebook.show("compare")
    notebook.page.evaluate(WATCH)
    notebook.start("compare")
    ended = notebook.wait("compare")
    painted = float(notebook.page.wait_for_function("() => window.nbtrackPainted").json_value())
    assert f"{RUNS} runs" in notebook.cell("compare").locator(".nbt-count").inner_text()
    measured(f"comparison of {RUNS} runs: first paint after the cell's end, ms", painted - ended)
