"""A marimo app on a free port, in dark mode."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60


@contextmanager
def marimo(folder: Path, app: str) -> Iterator[str]:
    """Run the source of an app in `folder`, where its store is created. Yields the app's address."""
    (folder / "app.py").write_text(app)
    config = folder / "marimo" / "marimo.toml"
    config.parent.mkdir()
    config.write_text('[display]\ntheme = "dark"\n')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "MLFLOW_"))}
    environment = {**inherited, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [
        sys.executable,
        "-m",
        "marimo",
        "--quiet",
        "run",
        "--headless",
        "--no-token",
        "--port",
        str(port),
        "app.py",
    ]
    log = folder / "marimo.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{url}health", timeout=1).read()
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"marimo did not start:\n{log.read_text()}") from None
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(15)
