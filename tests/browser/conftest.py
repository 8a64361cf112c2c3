"""One Chromium for all browser tests, a JupyterLab server for each module; one xdist worker runs them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import notebook as notebooks
from tests.browser.notebook import Notebook
from tests.browser.server import jupyterlab

expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
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
