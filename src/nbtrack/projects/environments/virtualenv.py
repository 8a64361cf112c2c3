"""Environments that Python's own venv and pip create."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ...errors import NotFound
from .base import outside_variables, python_in
from .cached import CachedEnvironment
from .digest import Digest
from .requirements import PythonRequest, Requirements
from .tools import run_tool

_FAILURE = "The environment could not be created"
_VERSION = "import platform; print(platform.python_version())"


class Virtualenv(CachedEnvironment):
    """An environment of `python -m venv`, with requirements that pip installs."""

    manager = "virtualenv"

    def __init__(self, requirements: Requirements, folder: Path) -> None:
        digest = Digest()
        requirements.add_to(digest)
        digest.add("manager", self.manager)
        digest.add_platform()
        digest.add_variables(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), ("PIP_PRE",))
        self._requirements = requirements
        super().__init__(digest.hexdigest(), folder, requirements.source, str(requirements.python))

    def _create(self, prefix: Path, progress: Callable[[str], None]) -> None:
        def run(*arguments: str) -> None:
            run_tool(arguments, progress, failure=_FAILURE, folder=self.folder, variables=variables)

        variables = {**outside_variables(), "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        run(find_python(self._requirements.python), "-m", "venv", str(prefix))
        for arguments in self._requirements.installs(prefix / "requirements"):
            run(str(python_in(prefix)), "-m", "pip", "install", *arguments)


def find_python(request: PythonRequest) -> str:
    """Return the path of a Python that matches: of this process, in PATH, or of pyenv.

    Raises NotFound if there is none.
    """
    if request.is_this:
        return sys.executable
    for candidate in _candidates():
        if request.matches(_version_of(candidate)):
            return candidate
    raise NotFound(
        f"Python {request.version} was not found in PATH or among the versions of pyenv. Install it, or use "
        "env_manager='uv', which can download it."
    )


def _candidates() -> Iterator[str]:
    names = ["python3", "python", *(f"python3.{minor}" for minor in range(8, 20))]
    yield from filter(None, (shutil.which(name) for name in names))
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(path) for path in sorted(root.glob("versions/*/bin/python"), reverse=True))


def _version_of(python: str) -> str:
    try:
        found = subprocess.run(
            [python, "-c", _VERSION],
            capture_output=True,
            text=True,
            timeout=30,
            env=outside_variables(),
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        # A shim of pyenv fails for a version that is not active.
        return "0"
    return found.stdout.strip()
