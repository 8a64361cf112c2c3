"""A page that shows one widget's real bundle on a real store, without Jupyter: for looking at, and for pictures.

python -m tests.widgets.page STORE comparison                     serves on http://127.0.0.1:8765
python -m tests.widgets.page STORE comparison -o out.png --dark --width 700
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbtrack
from nbtrack import widgets
from nbtrack.widgets import code
from nbtrack.widgets.host import ViewWidget

PAGE = """<!doctype html><meta charset="utf-8"><title>nbtrack</title><link rel="icon" href="data:,">
<body data-jp-theme-light="%(light)s" style="margin:12px; background:%(background)s">
<style>%(css)s</style><div id="host"></div>
<script type="module" src="/page.js"></script>"""

SCRIPT = """\
const floats = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const state = await (await fetch('/state')).json();
for (const answer of Object.values(state._snapshot.answers)) answer.buffers = answer.buffers.map(floats);
const listeners = new Map();
const emit = (name, ...args) => (listeners.get(name) ?? []).forEach((listener) => listener(...args));
window.model = {
  get: (key) => state[key],
  set: (key, value) => { state[key] = value; emit('change:' + key); },
  save_changes: () => fetch('/state', { method: 'POST', body: JSON.stringify({ _view: state._view }) }),
  on: (name, listener) => listeners.set(name, [...(listeners.get(name) ?? []), listener]),
  off: (name, listener) => listeners.set(name, (listeners.get(name) ?? []).filter((other) => other !== listener)),
  async send(message) {
    const sent = await (await fetch('/message', { method: 'POST', body: JSON.stringify(message) })).json();
    for (const [content, buffers] of sent) emit('msg:custom', content, buffers.map(floats));
  },
};
const widget = (await import('/bundle.js')).default;
const signal = new AbortController().signal;
widget.initialize?.({ model, signal });
window.unmount = widget.render({ model, el: document.getElementById('host'), signal });
"""


def serve(widget: ViewWidget, port: int, light: bool, policy: str | None = None) -> ThreadingHTTPServer:
    """A server for this widget; its messages go over HTTP instead of a comm. `policy` is a content security policy."""
    background = "#fff" if light else "#111"
    page = PAGE % {"css": widget._css, "light": str(light).lower(), "background": background}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self._send("text/html", page)
            elif self.path == "/page.js":
                self._send("text/javascript", SCRIPT)
            elif self.path == "/bundle.js":
                self._send("text/javascript", widget._esm)
            elif self.path == "/state":
                names = set(widget.keys) - {"_esm", "_css", "layout"}
                state = {name: widget.get_state(name)[name] for name in names}
                self._send("application/json", json.dumps(state, default=_base64))
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/state":
                widget.set_state(message)
                self._send("application/json", "{}")
                return
            sent: list[tuple[Any, list[str]]] = []
            box = _Outbox(sent)
            if message["kind"] == "nbtrack:request":
                ViewWidget._answer(_Answering(widget, box), message)  # type: ignore[arg-type]
            elif message["kind"] == "nbtrack:code":
                answer = code.read().answer(message)
                if answer:
                    box(answer)
            elif message["kind"] == "nbtrack:refused":
                code.refused.set()
            self._send("application/json", json.dumps(sent))

        def _send(self, kind: str, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Outbox:
    def __init__(self, sent: list[tuple[Any, list[str]]]) -> None:
        self._sent = sent

    def __call__(self, message: Any, buffers: Any = ()) -> None:
        self._sent.append((message, [_base64(buffer) for buffer in buffers]))


class _Answering:
    """The widget, with its answers going to an outbox."""

    def __init__(self, widget: ViewWidget, outbox: _Outbox) -> None:
        self.ask = widget.ask
        self._post = outbox


def _base64(data: Any) -> str:
    return base64.b64encode(data).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("view", choices=["comparison", "registry", "live", "run_page"])
    parser.add_argument("--experiment", default="digits")
    parser.add_argument("--filter", default="")
    parser.add_argument("--run", help="the run of a live view or a run page; the newest by default")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1400)
    parser.add_argument("--do", default="", help="JavaScript to run in the page before the picture")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    nbtrack.set_tracking_uri(str(options.store))
    nbtrack.set_experiment(options.experiment)
    widget: ViewWidget
    if options.view == "comparison":
        widget = widgets.compare(options.filter)
    elif options.view == "registry":
        widget = widgets.registry()
    else:
        (newest,) = nbtrack.search_runs(max_results=1, output_format="list")
        screen = widgets.LiveRun if options.view == "live" else widgets.RunPage
        widget = screen(nbtrack.MlflowClient(), options.run or newest.info.run_id)
    server = serve(widget, options.port if options.output is None else 0, not options.dark)
    url = f"http://127.0.0.1:{server.server_port}/"
    if options.output is None:
        print(url)
        while True:
            time.sleep(3600)
    _picture(url, options)


def _picture(url: str, options: argparse.Namespace) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": options.width, "height": 600})
        page.on("console", lambda message: print(message.type, message.text))
        page.on("pageerror", lambda error: print("error", error))
        page.goto(url)
        page.wait_for_selector(".nbt")
        page.wait_for_timeout(500)
        if options.do:
            print(page.evaluate(f"async () => {{ {options.do} }}"))
            page.wait_for_timeout(700)
        page.screenshot(path=options.output, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
