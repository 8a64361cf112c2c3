"""Environments of projects: which manager creates one, and where a command runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import InvalidParameter, NotSupported
from ..project import EnvironmentSpec
from .base import MANAGERS, Environment
from .conda import CondaEnvironment, conda_program
from .docker import DockerEnvironment
from .local import LocalEnvironment
from .requirements import (
    PythonRequest,
    Requirements,
    requirements_of,
    requirements_of_conda,
    requirements_of_script,
)
from .uv import UvProject, UvRequirements, UvScript
from .virtualenv import Virtualenv

__all__ = ["MANAGERS", "Environment", "NotSupported", "conda_program", "environment_for"]

_ALLOWED = {
    "none": ("local", "uv", "virtualenv"),
    "python_env": ("uv", "virtualenv", "local"),
    "conda_env": ("uv", "conda", "virtualenv", "local"),
    "docker_env": ("docker", "local"),
    "uv_project": ("uv", "local"),
    "script": ("uv", "virtualenv", "local"),
}
"""The managers that can create what a project declares. The first one is the default."""

_REASONS = {
    "none": "the project declares no environment",
    "python_env": "the project's environment is a list of packages for pip",
    "conda_env": "the project's environment is a conda.yaml",
    "docker_env": "the project's environment is a docker image",
    "uv_project": "only uv can install from a uv.lock",
    "script": "the project's environment is the inline metadata of a script",
}


def environment_for(
    spec: EnvironmentSpec, folder: Path, env_manager: str | None, *, docker_args: Mapping[str, Any] | None = None
) -> Environment:
    """Return the environment that a project declares. Nothing is created yet.

    Without `env_manager`, uv creates environments of Python packages, conda those with other packages, and docker those
    with an image. A project that declares no environment runs in the one of this process. With `env_manager="local"`,
    every project does.

    Args:
        spec: What the project or the entry point declares.
        folder: The folder of the project.
        env_manager: One of `MANAGERS`, or None for the one that fits.
        docker_args: Options of `docker run`, if the project runs in a container.

    Returns:
        The environment.

    Raises:
        InvalidParameter: If `env_manager` cannot create what the project declares, or if a file of the environment has
            a wrong form.
        NotFound: If a file that is included does not exist.
        NotSupported: If the program that creates the environment is not installed.
    """
    allowed = _ALLOWED[spec.kind]
    if env_manager is not None and env_manager not in MANAGERS:
        raise InvalidParameter(f"env_manager must be one of {', '.join(MANAGERS)}, not {env_manager!r:.80}.")
    if env_manager is not None and env_manager not in allowed:
        raise InvalidParameter(
            f"env_manager={env_manager!r} cannot be used here: {_REASONS[spec.kind]}. Use one of {', '.join(allowed)}."
        )
    if env_manager == "local" or (env_manager is None and spec.kind == "none"):
        return LocalEnvironment()
    if spec.kind == "docker_env":
        return DockerEnvironment(spec.docker or {}, docker_args)
    file = spec.file.absolute() if spec.file else None
    folder = folder.absolute()
    if spec.kind == "none" or file is None:
        nothing = Requirements("no declared packages", folder, PythonRequest())
        return Virtualenv(nothing, folder) if env_manager == "virtualenv" else UvRequirements(nothing, folder)
    return _CREATORS[spec.kind](file, folder, env_manager or "")


def _of_python_env(file: Path, folder: Path, manager: str) -> Environment:
    requirements = requirements_of(file, folder)
    return Virtualenv(requirements, folder) if manager == "virtualenv" else UvRequirements(requirements, folder)


def _of_conda_env(file: Path, folder: Path, manager: str) -> Environment:
    requirements, others = requirements_of_conda(file)
    if manager == "conda" or (not manager and others):
        return CondaEnvironment(file, requirements, folder)
    if others:
        raise InvalidParameter(
            f"env_manager={manager!r} cannot install the packages of conda in {file.name}: {', '.join(others):.300}. "
            "Use conda, or move them below `pip:` if they are on PyPI."
        )
    return Virtualenv(requirements, folder) if manager == "virtualenv" else UvRequirements(requirements, folder)


def _of_script(file: Path, folder: Path, manager: str) -> Environment:
    requirements = requirements_of_script(file)
    if manager != "virtualenv":
        return UvScript(file, requirements, folder)
    lock = file.with_name(f"{file.name}.lock")
    if lock.exists():
        raise InvalidParameter(f"env_manager='virtualenv' cannot install from {lock.name}. Use uv or local.")
    return Virtualenv(requirements, folder)


def _of_uv_project(file: Path, folder: Path, manager: str) -> Environment:
    return UvProject(file, folder)


_CREATORS: dict[str, Callable[[Path, Path, str], Environment]] = {
    "python_env": _of_python_env,
    "conda_env": _of_conda_env,
    "script": _of_script,
    "uv_project": _of_uv_project,
}
