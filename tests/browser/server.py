"""A JupyterLab server on a free port, with default settings and a copy of the notebooks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EXTENSION = NOTEBOOKS.parent / "src" / "nbtrack" / "labextension"
TOKEN = "browser-test"
START_SECONDS = 60


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Serve a copy of the notebooks in `folder`/work, where their store is created. Yields the server's address."""
    work = folder / "work"
    # The extension of this checkout, instead of the installed one.
    extensions = folder / "labextensions"
    extensions.mkdir()
    (extensions / "nbtrack").symlink_to(EXTENSION)
    shutil.copytree(NOTEBOOKS, work, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.py"))
    config = folder / "jupyter" / "config" / "labconfig"
    config.mkdir(parents=True)
    announcements = {"@jupyterlab/apputils-extension:announcements": True}
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": announcements}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "jupyterlab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            _command(port, work), env=_environment(folder / "jupyter"), stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait_until_up(url, server, log)
        yield url
    finally:
        # It would wait for each of its kernels, which end by themselves when it is gone.
        server.kill()
        server.wait()


def _command(port: int, work: Path) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": work,
        "IdentityProvider.token": TOKEN,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.expose_app_in_browser": True,
        "LabApp.extension_manager": "readonly",
        "LabApp.extra_labextensions_path": work.parent / "labextensions",
        "JupyterNotebookApp.extra_labextensions_path": work.parent / "labextensions",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", *arguments]


def _environment(folder: Path) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "MLFLOW_", "JUPYTER"))
    }
    return {
        **inherited,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}api/status?token={TOKEN}", timeout=1).read()
            return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
