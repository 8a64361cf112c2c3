"""The environment of this process: nothing is created."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

from ..._version import __version__
from .base import command_line, in_front, versions


class LocalEnvironment:
    """The environment of this process, whatever the project declares."""

    manager = "local"
    digest: str | None = None

    def describe(self) -> str:
        """Return one line about the environment, for a user who asks what would run."""
        return f"local environment: the Python of this process, {sys.executable}"

    def prepare(self, progress: Callable[[str], None], rebuild: bool = False) -> None:
        """Do nothing."""

    def packages(self) -> dict[str, str] | None:
        """Return the installed packages with their versions. nbtrack is one of them, however it was installed."""
        return {"nbtrack": __version__, **versions(distributions())}

    def launch(
        self, command: str | Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the arguments and the environment variables that run a command.

        All variables are kept. `python` is the Python of this process, also if its environment was not activated, as in
        the kernel of a notebook.
        """
        variables = dict(os.environ)
        path = variables.get("PATH", os.defpath)
        if not _is_this_python(shutil.which("python", path=path)):
            path = in_front(Path(sys.executable).parent, path)
        variables["PATH"] = path
        variables.update(env)
        return command_line(command, variables["PATH"]), variables


def _is_this_python(found: str | None) -> bool:
    # Not resolved: the Python of a virtual environment is a link to the one that it was created from.
    return found is not None and Path(found).parent == Path(sys.executable).parent
