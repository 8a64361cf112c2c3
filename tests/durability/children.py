"""Real processes for these tests: a script in a child process, with its output and its warnings."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LONG = os.environ.get("NBTRACK_SOAK") == "1"
"""Whether this is `make soak`: the full numbers of rounds and seconds, instead of what `make test` has time for."""


@dataclass(frozen=True)
class Result:
    """The output of a child process that ended without an error."""

    lines: list[str]
    warnings: list[str]
    """Each warning of nbtrack's that was shown, once for each time."""


PRELUDE = """
import json, os, sys, time, warnings
import nbtrack
import nbtrack.fluent.files
import nbtrack.fluent.logging

def show(message, category, filename, lineno, file=None, line=None):
    print("WARNING " + json.dumps(str(message)), flush=True)

warnings.simplefilter("always")
warnings.showwarning = show

def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)

def store():
    return nbtrack.MlflowClient()._store

def journal():
    return store().journal
"""


def start(script: str | Sequence[str], *args: str | Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a child process that runs a script, in one or several parts, after the prelude, with pipes to it."""
    parts = [script] if isinstance(script, str) else script
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + "".join(map(textwrap.dedent, parts)), *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )


def finish(child: subprocess.Popen[str], timeout: float = 120) -> Result:
    """Wait for a child process, which must end without an error."""
    import json

    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        child.kill()
        raise AssertionError(f"still running after {timeout:g} s; it said: {error.stdout!r} {error.stderr!r}") from None
    assert child.returncode == 0, out + err
    lines = out.splitlines()
    return Result(
        [line for line in lines if not line.startswith("WARNING ")],
        [json.loads(line.removeprefix("WARNING ")) for line in lines if line.startswith("WARNING ")],
    )


def run(script: str | Sequence[str], *args: str | Path, env: dict[str, str] | None = None) -> Result:
    """Run a script in a child process until it ends."""
    return finish(start(script, *args, env=env))
