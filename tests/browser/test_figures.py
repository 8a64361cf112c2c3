"""Measures how long a user of the comparison waits, with many runs and with many curves, in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import screens, synthetic
from tests.browser.notebook import Notebook

pytestmark = pytest.mark.slow

RUNS, STEPS = 10_000, 10
LONG_STEPS = 5_000
"""Enough for buckets. `tests.benchmarks.screens` draws curves of 100,000 points."""


def test_the_comparison_is_measured(
    notebook: Notebook, lab: tuple[str, Path], tmp_path: Path, measured: Callable[[str, float], None]
) -> None:
    synthetic.fill(tmp_path, RUNS, STEPS, screens.LONG_RUNS, LONG_STEPS)
    screens.open_notebook(notebook, lab[1], tmp_path, RUNS)
    figures = screens.paints(notebook, repeat=1)
    count = notebook.cell("compare").locator(".nbt-count")
    assert f"{RUNS:,} runs" in count.inner_text()
    figures |= screens.actions(notebook, repeat=1)
    assert f", {screens.SELECTED:,} selected" in count.inner_text()
    figures |= screens.charts(notebook)
    curves = notebook.cell("curves").locator(".nbt-curves")
    assert f"of {screens.LONG_RUNS - 1} runs" in str(curves.get_by_role("img").get_attribute("aria-label"))
    for what, values in figures.items():
        for name, value in values.items():
            measured(f"comparison of {RUNS:,} runs: {what}: {name}, ms", value)
