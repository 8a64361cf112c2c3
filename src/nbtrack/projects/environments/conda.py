"""Environments that conda, mamba or micromamba creates from a conda.yaml."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ... import config
from ...errors import NotSupported
from .base import outside_variables
from .cached import CachedEnvironment
from .digest import Digest
from .requirements import Requirements
from .tools import run_tool

_PROGRAMS = ("conda", "mamba", "micromamba")
_FAILURE = "The environment could not be created"


def conda_program() -> str | None:
    """Return the path of conda, mamba or micromamba, or None if none is installed.

    The environment variables are MLflow's: MLFLOW_CONDA_HOME is the folder of the installation, and
    MLFLOW_CONDA_CREATE_ENV_CMD the program in it that creates environments.
    """
    chosen = config.environment("CONDA_CREATE_ENV_CMD")
    programs = (chosen, *_PROGRAMS) if chosen else _PROGRAMS
    home = config.environment("CONDA_HOME")
    if home:
        folder = os.path.join(os.path.expanduser(home), "Scripts" if os.name == "nt" else "bin")
        return next(filter(None, (shutil.which(program, path=folder) for program in programs)), None)
    if chosen and (found := shutil.which(chosen)):
        return found
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        program = os.environ.get(variable)
        if program and os.access(program, os.X_OK):
            return program
    return next(filter(None, map(shutil.which, programs)), None)


class CondaEnvironment(CachedEnvironment):
    """An environment with the packages of a conda.yaml, pip's among them."""

    manager = "conda"

    def __init__(self, file: Path, requirements: Requirements, folder: Path) -> None:
        program = conda_program()
        if program is None:
            home = config.environment("CONDA_HOME")
            where = f"in the bin folder of MLFLOW_CONDA_HOME ({home})" if home else "in PATH, CONDA_EXE or MAMBA_EXE"
            raise NotSupported(
                f"{file.name} needs conda, but conda, mamba or micromamba was not found {where}. Install one of them "
                "or set MLFLOW_CONDA_HOME to the folder of an installation. env_manager='local' runs the project in "
                "the environment of this process instead."
            )
        self._program = program
        self._file = file
        digest = Digest()
        digest.add_file("conda", file)
        requirements.add_to(digest)
        digest.add("manager", self.manager)
        digest.add_platform()
        # conda chooses the Python, so the version of this process decides nothing if the file has none.
        python = f"Python {requirements.python.version}" if requirements.python.version else "conda's Python"
        super().__init__(digest.hexdigest(), folder, file.name, python)

    def _is_usable(self, prefix: Path) -> bool:
        return (prefix / "conda-meta").is_dir()

    def _create(self, prefix: Path, progress: Callable[[str], None]) -> None:
        arguments = ["create", "--yes"] if _name(self._program) == "micromamba" else ["env", "create"]
        run_tool(
            [self._program, *arguments, f"--prefix={prefix}", f"--file={self._file}"],
            progress,
            failure=_FAILURE,
            folder=self.folder,
            variables={
                **outside_variables(),
                # Older versions of `conda env create` have no option --yes.
                "CONDA_ALWAYS_YES": "true",
                "MAMBA_ALWAYS_YES": "true",
                "PIP_NO_INPUT": "1",
            },
        )

    def launch(
        self, command: str | Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the arguments and the environment variables that run a command inside.

        `conda run` activates the environment, because some packages set variables when they are activated.
        """
        # The packages in the user's home would otherwise be imported before those of the environment.
        variables = {**outside_variables(), "PYTHONNOUSERSITE": "1", **env}
        program, options = self._runner()
        # The program is looked up by `conda run`, in the environment.
        inside = _shell(command) if isinstance(command, str) else list(command)
        return [program, "run", *options, f"--prefix={self.prefix}", *inside], variables

    def _runner(self) -> tuple[str, list[str]]:
        """Return the program and its options that pass on the output of a command as it is written."""
        program = self._program
        if _name(program) == "mamba":
            # mamba 1 would hold back the output until the end. conda is beside it.
            program = shutil.which("conda", path=os.path.dirname(program)) or program
        return program, ["--no-capture-output"] if _name(program) == "conda" else []


def _shell(command: str) -> list[str]:
    return ["bash" if shutil.which("bash") else "/bin/sh", "-c", command]


def _name(program: str) -> str:
    return Path(program).stem
