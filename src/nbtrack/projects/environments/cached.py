"""Environments in the cache folder: created once for each digest, and used by all runs and processes.

A folder `environments/DIGEST` has a folder for each time that the environment was created, because the programs in an
environment contain its path, so it cannot be moved into place. `ready.json` names the one that is complete. A folder
that it does not name was left behind by a process that was killed. Nothing uses it, and the next process that creates
this environment deletes it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from ...errors import InvalidState
from ...names import new_id
from ..cache import cache_folder, one_at_a_time
from .base import bin_folder, command_line, in_front, outside_variables, python_in, versions

_SHORT = 12
_READY = "ready.json"


class CachedEnvironment(ABC):
    """An environment with a folder of its own in the cache.

    Args:
        digest: The digest of everything that decides its content.
        folder: The folder of the project, in which the tools run.
        source: What it is created from, for messages, such as "uv.lock".
        python: The Python that is asked for, for messages.

    Attributes:
        digest: The digest of everything that decides its content.
        folder: The folder of the project.
    """

    manager: str

    def __init__(self, digest: str, folder: Path, source: str, python: str) -> None:
        self.digest: str | None = digest
        self.folder = folder
        self._source = source
        self._python = python
        self._prefix: Path | None = None

    @abstractmethod
    def _create(self, prefix: Path, progress: Callable[[str], None]) -> None:
        """Create the environment in the folder `prefix`, which does not exist yet."""

    def _is_usable(self, prefix: Path) -> bool:
        # This is False if the Python that the environment was created from has been uninstalled.
        return python_in(prefix).exists()

    def describe(self) -> str:
        """Return one line about the environment, for a user who asks what would run."""
        state = "exists" if self._ready() else "will be created"
        return f"{self.manager} environment {str(self.digest)[:_SHORT]} from {self._source}, {self._python} ({state})"

    def prepare(self, progress: Callable[[str], None], rebuild: bool = False) -> None:
        """Create the environment if it does not exist, or again with `rebuild`.

        The environment that a rebuild replaces is kept until the next one, because a run may still use it.
        """
        home = self._home()
        if not rebuild and (ready := self._ready()):
            self._prefix = ready
            progress(f"Using {self.manager} environment {home.name[:_SHORT]} from {self._source}.")
            return
        lock = cache_folder("environments") / f"{home.name}.lock"
        waiting = f"Waiting for another process that is creating {self.manager} environment {home.name[:_SHORT]}."
        with one_at_a_time(lock, lambda: progress(waiting)):
            ready = self._ready()
            if rebuild or ready is None:
                ready = self._create_in(home, ready, progress)
        self._prefix = ready

    def _create_in(self, home: Path, replaced: Path | None, progress: Callable[[str], None]) -> Path:
        home.mkdir(mode=0o700, exist_ok=True)
        _delete_others(home, {replaced})
        prefix = home / new_id()
        started = time.monotonic()
        progress(f"Creating {self.manager} environment {home.name[:_SHORT]} from {self._source}, {self._python}.")
        try:
            self._create(prefix, progress)
            ready = {"environment": prefix.name, "manager": self.manager, "digest": self.digest, "source": self._source}
            new = home / f"{_READY}.new"
            new.write_text(json.dumps(ready), encoding="utf-8")
            os.replace(new, home / _READY)
        except BaseException:
            shutil.rmtree(prefix, ignore_errors=True)
            raise
        progress(f"Created the environment in {time.monotonic() - started:.1f} seconds: {prefix}")
        return prefix

    def _home(self) -> Path:
        return cache_folder("environments") / str(self.digest)[:40]

    def _ready(self) -> Path | None:
        """Return the folder of the environment if it was created completely and can still be used."""
        home = self._home()
        try:
            content: Any = json.loads((home / _READY).read_text(encoding="utf-8"))
            prefix = home / Path(content["environment"]).name
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return prefix if prefix.is_dir() and self._is_usable(prefix) else None

    @property
    def prefix(self) -> Path:
        """The folder of the environment. Raises InvalidState if it was not prepared."""
        if self._prefix is None:
            raise InvalidState("The environment was not prepared. Call prepare() first.")
        return self._prefix

    def packages(self) -> dict[str, str] | None:
        """Return the installed packages with their versions, or None if the environment was not prepared."""
        prefix = self._prefix or self._ready()
        if prefix is None:
            return None
        folders = [*prefix.glob("lib/python*/site-packages"), *prefix.glob("Lib/site-packages")]
        found = distributions(path=[str(folder) for folder in folders])
        return versions(found)

    def launch(
        self, command: str | Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the arguments and the environment variables that run a command inside."""
        variables = outside_variables()
        variables["VIRTUAL_ENV"] = str(self.prefix)
        variables["PATH"] = in_front(bin_folder(self.prefix), variables["PATH"])
        variables.update(env)
        return command_line(command, variables["PATH"]), variables


def _delete_others(home: Path, kept: set[Path | None]) -> None:
    for path in home.iterdir():
        if path.is_dir() and path not in kept:
            shutil.rmtree(path, ignore_errors=True)
