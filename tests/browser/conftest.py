"""Chromium and a JupyterLab server for each module. The tests of a module are one session in one xdist worker."""

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
    """A browser that is closed after the module, because Playwright's event loop must not run during other tests."""
    with sync_playwright() as playwright:
        browser = notebooks.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server, and the folder that it serves."""
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as url:
        yield url, folder / "work"


@pytest.fixture(scope="module")
def notebook(chromium: Browser, lab: tuple[str, Path]) -> Iterator[Notebook]:
    """A page on the module's server. The tests of the module share it as steps of one session."""
    with notebooks.page(chromium, lab[0]) as opened:
        yield opened
