"""A Chromium and a JupyterLab server for each module, whose tests are one session: xdist runs a file in one worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import notebook as notebooks
from tests.browser.notebook import Notebook
from tests.browser.server import jupyterlab

expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser that ends with the module: Playwright's event loop must not be running under tests of other parts."""
    with sync_playwright() as playwright:
        browser = notebooks.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server's address, and the folder that it shows."""
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as url:
        yield url, folder / "work"


@pytest.fixture(scope="module")
def notebook(chromium: Browser, lab: tuple[str, Path]) -> Iterator[Notebook]:
    """A page on this module's server; the tests of the module share it, as steps of one session."""
    with notebooks.page(chromium, lab[0]) as opened:
        yield opened
