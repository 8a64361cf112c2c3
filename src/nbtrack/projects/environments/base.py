"""What every environment can do, and the environment variables that a command in it gets."""

from __future__ import annotations

import os
import re
import reprlib
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import Distribution
from pathlib import Path
from typing import Protocol

MANAGERS = ("uv", "virtualenv", "conda", "local", "docker")

# These variables tell a Python or a tool which environment this process runs in. In another environment they would load
# the wrong standard library or packages, or let a tool install into the wrong place.
_OF_THIS_ENVIRONMENT = re.compile(
    r"PYTHON(HOME|PATH|EXECUTABLE|PLATLIBDIR)|__PYVENV_LAUNCHER__|VIRTUAL_ENV(_PROMPT)?"
    r"|CONDA_(PREFIX(_\d+)?|DEFAULT_ENV|SHLVL|PROMPT_MODIFIER|PYTHON_EXE)"
    r"|UV_(PROJECT|PROJECT_ENVIRONMENT|PYTHON|SYSTEM_PYTHON|WORKING_DIR|WORKING_DIRECTORY)"
    r"|PIP_(USER|TARGET|PREFIX|ROOT|PYTHON)"
)


class Environment(Protocol):
    """An environment that commands of a project run in.

    Attributes:
        manager: One of `MANAGERS`.
        digest: A digest of everything that decides the content of the environment, or None if that is not known.
    """

    manager: str
    digest: str | None

    def describe(self) -> str:
        """Return one line about the environment, for a user who asks what would run."""
        ...

    def prepare(self, progress: Callable[[str], None], rebuild: bool = False) -> None:
        """Create the environment if it does not exist. `progress` gets each line of what happens.

        With `rebuild`, it is created again. Raises ExecutionException if it cannot be created.
        """
        ...

    def launch(
        self, command: str | Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the arguments and the environment variables that run a command inside, started in `folder`.

        A string is run by a shell, and a sequence without one. `env` has the variables that the run itself sets.
        """
        ...

    def packages(self) -> dict[str, str] | None:
        """Return the installed packages with their versions, or None if they are not known."""
        ...


_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80


def shown(value: object) -> str:
    """Return a value from a file for a message. A few lines of YAML can be a list of millions of values."""
    return _shown.repr(value)[:200]


def versions(installed: Iterable[Distribution]) -> dict[str, str]:
    """Return the versions of packages by their normalized names (PEP 503), sorted."""
    # A distribution that was removed halfway has no name.
    named = [(each.metadata["Name"], each.version) for each in installed if each.metadata["Name"]]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in sorted(named)}


def bin_folder(prefix: Path) -> Path:
    """Return the folder of the programs of a Python environment."""
    return prefix / ("Scripts" if os.name == "nt" else "bin")


def python_in(prefix: Path) -> Path:
    """Return the Python of an environment that venv or uv has created."""
    return bin_folder(prefix) / ("python.exe" if os.name == "nt" else "python")


def outside_variables() -> dict[str, str]:
    """Return the environment variables of this process without those that name the environment it runs in.

    The folders with its programs are left out of PATH too: a program that the project's environment lacks must not
    come from here. What configures pip, uv and conda, such as an index, is kept.
    """
    variables = {name: value for name, value in os.environ.items() if not _OF_THIS_ENVIRONMENT.fullmatch(name)}
    here = [os.environ.get("VIRTUAL_ENV"), os.environ.get("CONDA_PREFIX")]
    if sys.prefix != sys.base_prefix:
        here.append(sys.prefix)
    ours = {bin_folder(Path(prefix)) for prefix in here if prefix}
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    variables["PATH"] = os.pathsep.join(folder for folder in folders if Path(folder) not in ours)
    return variables


def in_front(folder: Path, path: str) -> str:
    """Return the value of PATH with a folder before all others."""
    return os.pathsep.join(filter(None, [str(folder), path]))


def command_line(command: str | Sequence[str], path: str) -> list[str]:
    """Return the arguments that run a command: a string by bash as MLflow does, or by sh if there is no bash."""
    if isinstance(command, str):
        return [shutil.which("bash", path=path) or "/bin/sh", "-c", command]
    program, *arguments = command
    # Otherwise the program would be looked up in the PATH of this process on some systems.
    found = None if os.path.dirname(program) else shutil.which(program, path=path)
    return [found or program, *arguments]
