"""How each screen looks, as small pictures that are compared with those in `looks/`, so that a broken layout fails.

`python -m tests.browser.looks` takes the pictures anew. Look at the large ones in build/looks before you commit them.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, expect, sync_playwright

from tests.browser import notebook as notebooks
from tests.browser.notebook import Notebook, write_notebook
from tests.browser.server import jupyterlab

REFERENCES = Path(__file__).with_name("looks")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

_SCALE = 4
"""A picture is kept in a quarter of its size, in which letters are gray and boxes keep their place."""
_TILE = 8
"""Tiles of this many small pixels are compared by their mean color, so a moved letter or number does not count."""
_DIFFERENT = 8
"""Of 255: the difference from which on a tile counts as different. A row of a table has more than that."""
_MOST_DIFFERENT = 0.08
"""The share of tiles that may differ, for times of day and for the fonts of another machine."""
_MOST_TALLER = 0.08
"""The share by which a screen may be taller or shorter."""
_STILL = 8
"""For so many seconds a screen does not change before it counts as finished."""
_LONGEST = 60
"""For so many seconds a screen may keep changing."""

FILL = """
import math, random
import nbtrack

def fill(count):
    nbtrack.set_experiment(f"{count} runs")
    rng = random.Random(0)
    for seed in range(count):
        with nbtrack.start_run(run_name=f"run-{seed}"):
            rate = rng.uniform(0.01, 0.2)
            nbtrack.log_params({"learning_rate": round(rate, 4), "width": rng.choice([16, 32, 64]), "solver": "adam"})
            for step in range(100):
                loss = math.exp(-rate * step) + abs(rng.gauss(0, 0.01))
                nbtrack.log_metrics({"train/loss": loss, "val/loss": loss + 0.1, "val/acc": 1 - loss / 2}, step=step)
            nbtrack.log_text("no model, only its folder", "model/note.txt")

client = nbtrack.MlflowClient()
for count in (0, 3, 200):
    fill(count)
run = nbtrack.last_active_run()
client.create_registered_model("digits")
for _ in range(4):
    client.create_model_version("digits", f"runs:/{run.info.run_id}/model", run.info.run_id)
client.transition_model_version_stage("digits", 2, "Production")
client.transition_model_version_stage("digits", 3, "Staging")
"""
CELLS = {
    "load": "%load_ext nbtrack",
    "fill": FILL,
    "compare-0": "nbtrack.compare(experiment_names=['0 runs'])",
    "compare-3": "nbtrack.compare(experiment_names=['3 runs'])",
    "compare-200": "nbtrack.compare(experiment_names=['200 runs'])",
    "live": """
%%track attempt -e attempts
rate = 0.05
nbtrack.set_tag("team", "vision")
for step in nbtrack.active_run().progress(range(60), label="steps"):
    nbtrack.log_metrics({"train/loss": math.exp(-rate * step), "val/loss": math.exp(-rate * step) + 0.1}, step=step)
""",
    "run-page": "nbtrack.last_active_run()",
    "registry": "nbtrack.registry()",
}
LOOKS = (
    ("compare-0", "light", 1400),
    ("compare-0", "dark", 700),
    ("compare-3", "light", 1400),
    ("compare-3", "dark", 700),
    ("compare-200", "light", 1400),
    ("compare-200", "light", 700),
    ("compare-200", "dark", 1400),
    ("live", "light", 1400),
    ("live", "dark", 700),
    ("registry", "light", 1400),
    ("registry", "light", 700),
    ("registry", "dark", 1400),
)
"""The cell, the theme and the width of each picture."""


def prepare(notebook: Notebook, work: Path) -> None:
    """Open a notebook that shows each screen, and run it."""
    write_notebook(work / "looks.ipynb", CELLS)
    notebook.open("looks.ipynb")
    for cell_id in CELLS:
        notebook.run(cell_id, 120)


def screen(notebook: Notebook, cell_id: str) -> Locator:
    """Scroll to the screen of a cell, wait until nothing is loading, and return it."""
    root = notebook.show(cell_id).locator(".nbt").first
    root.wait_for()
    expect(root.locator("[aria-busy=true]")).to_have_count(0, timeout=30_000)
    notebook.page.mouse.move(2, 2)
    return root


def pictures(notebook: Notebook, until: Callable[[str, Image.Image], bool]) -> Iterator[tuple[str, Image.Image]]:
    """Yield the name and the picture of each look."""
    for theme, width in dict.fromkeys((theme, width) for _, theme, width in LOOKS):
        cell_ids = [cell_id for cell_id, *rest in LOOKS if rest == [theme, width]]
        yield from pictures_of(notebook, cell_ids, theme, width, until)


def pictures_of(
    notebook: Notebook, cell_ids: list[str], theme: str, width: int, until: Callable[[str, Image.Image], bool]
) -> Iterator[tuple[str, Image.Image]]:
    """Yield the names and pictures of the screens of cells.

    A picture is taken again until it is as expected, or until it has been still for a while: on a machine with much to
    do, a chart is drawn seconds after the data have arrived, and nothing on the page says so.
    """
    notebook.use_theme(THEMES[theme])
    notebook.page.set_viewport_size({"width": width, "height": 1700})
    for cell_id in cell_ids:
        name, root = f"{cell_id}-{theme}-{width}", screen(notebook, cell_id)
        before, still_since, end = b"", time.monotonic(), time.monotonic() + _LONGEST
        while time.monotonic() < end:
            taken = root.screenshot(animations="disabled")
            picture = Image.open(io.BytesIO(taken)).convert("RGB")
            if taken != before:
                before, still_since = taken, time.monotonic()
            if until(name, picture) or time.monotonic() - still_since > _STILL:
                break
            notebook.page.wait_for_timeout(250)
        yield name, picture


def is_as_before(name: str, picture: Image.Image) -> bool:
    """Return whether a picture is like its reference."""
    return not differences(small(picture), reference(name))


def small(picture: Image.Image) -> Image.Image:
    """Return the form in which a picture is kept."""
    return picture.resize((max(picture.width // _SCALE, 1), max(picture.height // _SCALE, 1)), Image.Resampling.BOX)


def reference(name: str) -> Image.Image:
    """Return the picture that a look is compared with."""
    return Image.open(REFERENCES / f"{name}.png").convert("RGB")


def differences(picture: Image.Image, expected: Image.Image) -> list[str]:
    """Return in words what differs too much between two small pictures."""
    found = []
    for what, here, there in (
        ("width", picture.width, expected.width),
        ("height", picture.height, expected.height),
    ):
        if abs(here - there) > max(_MOST_TALLER * there, 4):
            found.append(f"The {what} is {here * _SCALE} pixels instead of {there * _SCALE}.")
    size = (max(picture.width, expected.width), max(picture.height, expected.height))
    distance = np.abs(_tiles(picture, size) - _tiles(expected, size)).max(axis=2)
    share = float((distance > _DIFFERENT).mean())
    if share > _MOST_DIFFERENT:
        found.append(f"{share:.0%} of the picture differs.")
    return found


def _tiles(picture: Image.Image, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the mean colors of the tiles of a picture, on a background of its own color if it is smaller."""
    canvas = Image.new("RGB", size, picture.getpixel((0, 0)))  # type: ignore[arg-type]
    canvas.paste(picture)
    rows, columns = -(-size[1] // _TILE), -(-size[0] // _TILE)
    return np.asarray(canvas.resize((columns, rows), Image.Resampling.BOX), dtype=np.float64)


def main() -> None:
    """Replace the references by pictures of the screens as they are now."""
    large = Path("build/looks")
    for folder in (REFERENCES, large):
        folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        jupyterlab(Path(temporary)) as url,
        sync_playwright() as playwright,
    ):
        browser = notebooks.launch(playwright)
        with notebooks.page(browser, url, height=1700) as notebook:
            prepare(notebook, Path(temporary) / "work")
            for name, picture in pictures(notebook, until=lambda *_: False):
                picture.save(large / f"{name}.png")
                small(picture).quantize(64).save(REFERENCES / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
