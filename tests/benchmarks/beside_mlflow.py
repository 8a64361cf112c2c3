"""A measurement of nbtrack or of mlflow in a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

TRACKERS = ("nbtrack", "mlflow")


def in_own_process(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What `python -m MODULE --measure ARGUMENTS` prints last; both trackers keep runs in an embedded database."""
    folder = tempfile.mkdtemp(dir=_scratch().name)
    done = subprocess.run(
        [sys.executable, "-m", module, "--measure", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in (os.getcwd(), os.environ.get("PYTHONPATH")) if path),
            "NBTRACK_TRACKING_URI": str(Path(folder) / ".nbtrack"),
            "NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING": "false",
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            **environment,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Removed at the end of all: ext4 without a journal passes over the inodes of files that were removed in the last
    minutes, one by one, and a file is ten times as slow to make among them."""
    return tempfile.TemporaryDirectory(prefix="nbtrack-bench-", ignore_cleanup_errors=True)
