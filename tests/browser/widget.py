"""The bundle of a widget in Chromium, on a real store, without Jupyter."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from nbtrack.widgets.host import ViewWidget
from tests.widgets import page as pages


@contextmanager
def shown(browser: Browser, widget: ViewWidget, *, light: bool = True, policy: str | None = None) -> Iterator[Page]:
    server = pages.serve(widget, 0, light, policy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page
        assert errors == []
    finally:
        page.close()
        server.shutdown()
        server.server_close()
