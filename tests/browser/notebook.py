"""A notebook in JupyterLab in Chromium, used as a person does: its cells by their IDs, and their outputs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright

from tests.browser.server import TOKEN

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
    # Requests to other machines fail, as they do without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

CURRENT = "const panel = window.jupyterapp.shell.currentWidget, cells = panel.content.widgets;"
CELL = CURRENT + "const index = cells.findIndex(cell => cell.model.id === id), cell = cells[index];"


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, headless."""
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        raise RuntimeError("The browser tests need Chromium: `make test` installs it, or apt-get install chromium.")
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


def write_notebook(path: Path, cells: Mapping[str, str]) -> None:
    """Write a notebook with code cells, given by their IDs."""
    sheet = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for cell_id, source in cells.items():
        cell = nbformat.v4.new_code_cell(source.strip())
        cell["id"] = cell_id
        sheet.cells.append(cell)
    path.write_text(nbformat.writes(sheet))


class Notebook:
    """The notebook that is open in `page`. Collects the errors of the page and its requests to other hosts."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.console_errors: list[str] = []
        self.external_requests: list[str] = []
        page.set_default_timeout(30_000)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        page.on("request", lambda request: self._on_request(request.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _on_request(self, url: str) -> None:
        if urlsplit(url).scheme not in ("blob", "data") and urlsplit(url).netloc != urlsplit(self.url).netloc:
            self.external_requests.append(url)

    def open(self, path: str, kernel: bool = True) -> None:
        """Open the notebook in JupyterLab. Wait for its kernel, unless it should have none."""
        self.page.goto(f"{self.url}lab/tree/{path}?reset&token={TOKEN}")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_function(f"() => {{ {CURRENT} return panel.context.isReady; }}")
        if kernel:
            idle = "panel.sessionContext.isReady && panel.sessionContext.session?.kernel?.status === 'idle'"
            self.page.wait_for_function(f"() => {{ {CURRENT} return {idle}; }}")
        self._name_cells()

    def _name_cells(self) -> None:
        """Put the cells' IDs on their nodes. Scrolling removes cells from the page, but keeps their nodes."""
        self.page.evaluate(f"() => {{ {CURRENT} cells.forEach(cell => cell.node.dataset.cellId = cell.model.id); }}")

    def cell(self, cell_id: str) -> Locator:
        return self.page.locator(f'[data-cell-id="{cell_id}"]')

    def show(self, cell_id: str) -> Locator:
        """Scroll to the output of a cell."""
        scroll = "panel.content.activeCellIndex = index; await panel.content.scrollToItem(index, 'start');"
        self.page.evaluate(f"async id => {{ {CELL} {scroll} }}", cell_id)
        return self.cell(cell_id)

    def start(self, cell_id: str) -> None:
        """Run a cell without waiting for it."""
        run = "window.jupyterapp.commands.execute('notebook:run-cell')"
        flag = "window.nbtrackTest ??= {}; window.nbtrackTest[id] = null; panel.content.activeCellIndex = index;"
        ended = "() => { window.nbtrackTest[id] = performance.now(); }"
        self.page.evaluate(f"id => {{ {CELL} {flag} {run}.then({ended}, {ended}); }}", cell_id)

    def running(self, cell_id: str) -> bool:
        return bool(self.page.evaluate("id => window.nbtrackTest[id] === null", cell_id))

    def wait(self, cell_id: str, seconds: float = 60) -> float:
        """Wait until a cell has ended. Return the time of its end in milliseconds by the page's clock."""
        done = self.page.wait_for_function("id => window.nbtrackTest[id]", arg=cell_id, timeout=seconds * 1000)
        return float(done.json_value())

    def run(self, cell_id: str, seconds: float = 60) -> str:
        """Run a cell and return what it printed. An exception in the cell raises an AssertionError."""
        self.show(cell_id)
        self.start(cell_id)
        self.wait(cell_id, seconds)
        outputs = self.outputs(cell_id)
        errors = [output for output in outputs if output["output_type"] == "error"]
        assert not errors, errors
        return "".join(_text(output) for output in outputs)

    def run_source(self, cell_id: str, source: str) -> str:
        """Replace the code of a cell and run it."""
        self.page.evaluate(
            f"([id, source]) => {{ {CELL} cell.model.sharedModel.setSource(source); }}", [cell_id, source]
        )
        return self.run(cell_id)

    def outputs(self, cell_id: str) -> list[dict[str, Any]]:
        """Return the outputs of a cell as they are saved."""
        return list(self.page.evaluate(f"id => {{ {CELL} return cell.model.outputs.toJSON(); }}", cell_id))

    def save(self) -> None:
        self.page.evaluate(f"async () => {{ {CURRENT} await panel.context.save(); }}")

    def shut_down_kernel(self) -> None:
        self.page.evaluate(f"async () => {{ {CURRENT} await panel.sessionContext.shutdown(); }}")

    def restart_kernel(self) -> None:
        self.page.evaluate(f"async () => {{ {CURRENT} await panel.sessionContext.restartKernel(); }}")

    def use_theme(self, name: str) -> None:
        """`JupyterLab Light` or `JupyterLab Dark`."""
        change = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"
        self.page.evaluate(f"name => {{ {change}; }}", name)
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)


def _text(output: dict[str, Any]) -> str:
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)


@contextmanager
def page(browser: Browser, url: str, width: int = 1400, height: int = 1000) -> Iterator[Notebook]:
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        yield Notebook(context.new_page(), url)
    finally:
        context.close()


def canvas_picture(canvas: Locator) -> str:
    """Return the content of a canvas, to compare it later."""
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def canvas_ink(canvas: Locator) -> int:
    """Return how many pixels of a canvas are drawn."""
    pixels = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    return int(canvas.evaluate(f"canvas => {pixels}.filter((value, i) => i % 4 === 3 && value > 0).length"))
