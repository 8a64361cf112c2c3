"""Measures how long a user of the comparison waits, with few and with many runs, in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import screens, synthetic
from tests.browser.notebook import Notebook

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("runs", screens.SIZES)
def test_the_comparison_is_measured(
    notebook: Notebook, lab: tuple[str, Path], tmp_path: Path, measured: Callable[[str, float], None], runs: int
) -> None:
    long = {"long_runs": screens.LONG_RUNS, "long_steps": screens.LONG_STEPS} if runs == screens.SIZES[0] else {}
    synthetic.fill(tmp_path, runs, steps=10, **long)
    screens.open_notebook(notebook, lab[1], tmp_path, runs)
    figures = screens.paints(notebook, repeat=1)
    assert f"{runs:,} runs" in notebook.cell("compare").locator(".nbt-count").inner_text()
    if runs > screens.SELECTED:
        figures |= screens.actions(notebook, repeat=1)
        assert f", {screens.SELECTED:,} selected" in notebook.cell("compare").locator(".nbt-count").inner_text()
    if long:
        figures |= screens.charts(notebook)
        curves = notebook.cell("curves").locator(".nbt-curves")
        assert f"of {screens.LONG_RUNS - 1} runs" in str(curves.get_by_role("img").get_attribute("aria-label"))
    for what, values in figures.items():
        for name, value in values.items():
            measured(f"comparison of {runs:,} runs: {what}: {name}, ms", value)
