"""Containers: the project and the store are mounted into an image, and the command runs there.

A container keeps the packages of a project apart. It is not a sandbox: a project chooses its image and its volumes.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import config
from ...errors import InvalidParameter, NotFound, NotSupported
from .base import shown
from .tools import ToolFailed, run_tool

PROJECT_INSIDE = "/mlflow/projects/code"
"""Where the project is mounted, as in MLflow."""
STORE_INSIDE = "/mlflow/tmp/nbtrack"
"""Where the folder of the store is mounted."""
_TRACKING_URI = ("NBTRACK_TRACKING_URI", "MLFLOW_TRACKING_URI")

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_VOLUME = re.compile(r"[^-\0\n:][^\0\n:]*(:[^\0\n:]+){1,2}")


class DockerEnvironment:
    """An image of Docker with the project mounted into it.

    Args:
        settings: The `docker_env` of an MLproject: `image`, and possibly `volumes` and `environment`.
        docker_args: Options of `docker run` by name, as in MLflow: True for a flag.

    Attributes:
        digest: The ID of the image, once it was prepared.
    """

    manager = "docker"

    def __init__(self, settings: Mapping[str, Any], docker_args: Mapping[str, Any] | None = None) -> None:
        self.digest: str | None = None
        self._image = _image(settings.get("image"))
        self._volumes = _volumes(settings.get("volumes"))
        self._copied, self._set = _environment(settings.get("environment"))
        self._options = _options(docker_args or {})
        self._is_rootless = False

    def describe(self) -> str:
        """Return one line about the environment, for a user who asks what would run."""
        return f"docker image {self._image}"

    def packages(self) -> dict[str, str] | None:
        """Return None: what an image contains is not known."""
        return None

    def prepare(self, progress: Callable[[str], None], rebuild: bool = False) -> None:
        """Pull the image if it is not on this machine, or again with `rebuild`.

        Raises NotSupported if docker is not installed, and ExecutionException if its daemon does not answer or the
        image cannot be pulled.
        """
        docker = _docker()
        security = self._run(
            [docker, "info", "--format={{json .SecurityOptions}}"],
            None,
            "Docker is installed, but its daemon does not answer",
        )
        self._is_rootless = "rootless" in security
        inspect = [docker, "image", "inspect", "--format={{.Id}}", self._image]
        failure = f"The image {self._image!r} cannot be used"
        try:
            if rebuild:
                raise ToolFailed(failure, inspect, 1, ())
            found = self._run(inspect, None, failure)
        except ToolFailed:
            progress(f"Pulling the docker image {self._image}.")
            self._run([docker, "pull", self._image], progress, f"The image {self._image!r} cannot be pulled")
            found = self._run(inspect, None, failure)
        self.digest = found.splitlines()[-1].strip() if found else None

    def _run(self, arguments: list[str], progress: Callable[[str], None] | None, failure: str) -> str:
        return run_tool(
            arguments, progress or (lambda line: None), failure=failure, folder=Path.cwd(), variables=os.environ
        )

    def launch(
        self, command: str | Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the arguments of `docker run`, and the environment variables of the docker client.

        The values of `env` and of the variables that the project copies are not part of the command line, which all
        users of the machine can read.
        """
        variables = dict(os.environ)
        mounts = [(str(folder.resolve()), PROJECT_INSIDE)]
        inside = dict(env)
        store = next((env[name] for name in _TRACKING_URI if name in env), None)
        if store is not None and config.scheme_of(store) == config.FILE:
            mounts.append((str(config.folder_of(store).resolve()), STORE_INSIDE))
            inside.update({name: STORE_INSIDE for name in _TRACKING_URI if name in env})
        missing = [name for name in self._copied if name not in os.environ]
        if missing:
            raise NotFound(
                f"The project copies environment variables into its container that are not set: {', '.join(missing)}."
            )
        variables.update(inside)
        # The init process passes signals on to all processes of the command, not only to its shell.
        init = ["--init", "--env=TINI_KILL_PROCESS_GROUP=1"]
        arguments = [_docker(), "run", "--rm", *init, *self._user(), *self._options]
        arguments += [f"--mount={_mount(source, target)}" for source, target in mounts]
        arguments += [f"--volume={volume}" for volume in self._volumes]
        arguments += [f"--workdir={PROJECT_INSIDE}"]
        # Values that the project sets stay out of the variables of the client, which some of them configure.
        arguments += [f"--env={name}={value}" for name, value in self._set.items()]
        arguments += [f"--env={name}" for name in (*self._copied, *inside)]
        words = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        return [*arguments, self._image, *words], variables

    def _user(self) -> list[str]:
        """Return the options that let the container write to the store as this user, and not as root."""
        chosen = any(option.partition("=")[0] in ("--user", "-u") for option in self._options)
        if chosen or self._is_rootless or not hasattr(os, "getuid") or os.getuid() == 0:
            return []
        # This user has no home in the image.
        return [f"--user={os.getuid()}:{os.getgid()}", "--env=HOME=/tmp"]


def _docker() -> str:
    found = shutil.which("docker")
    if found is None:
        raise NotSupported(
            "docker was not found in PATH, and this project runs in a container. Install Docker, or use "
            "env_manager='local' to run the project in the environment of this process."
        )
    return found


def _image(image: Any) -> str:
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        raise InvalidParameter(
            f'image in docker_env must be the name of an image such as "python:3.12-slim", not {shown(image)}.'
        )
    return image


def _volumes(volumes: Any) -> list[str]:
    for volume in _list(volumes, "volumes"):
        if not isinstance(volume, str) or not _VOLUME.fullmatch(volume):
            raise InvalidParameter(
                f'volumes in docker_env must be strings such as "/data:/data" or "/data:/data:ro", not {shown(volume)}.'
            )
    return _list(volumes, "volumes")


def _environment(entries: Any) -> tuple[list[str], dict[str, str]]:
    """Return the names of the variables that are copied, and the variables that are set."""
    copied, values = [], {}
    for entry in _list(entries, "environment"):
        pair = entry if isinstance(entry, list) else [entry]
        name = pair[0] if pair else None
        if (
            len(pair) > 2
            or not isinstance(name, str)
            or not _VARIABLE.fullmatch(name)
            or isinstance(pair[-1], (dict, list))
        ):
            raise InvalidParameter(
                "environment in docker_env must be a list of names of variables to copy and of pairs [name, value] to "
                f"set, not {shown(entry)}."
            )
        if len(pair) == 1:
            copied.append(name)
        elif "\0" in str(pair[1]):
            raise InvalidParameter(f"The value of {name} in docker_env must not contain a NUL character.")
        else:
            values[name] = str(pair[1])
    return copied, values


def _list(value: Any, key: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidParameter(f"{key} in docker_env must be a list, not {shown(value)}.")
    return value


def _options(docker_args: Mapping[str, Any]) -> list[str]:
    options = []
    for name, value in docker_args.items():
        if not isinstance(name, str) or not _OPTION.fullmatch(name):
            raise InvalidParameter(
                f'docker_args must have names of options of `docker run` as keys, such as "gpus", not {name!r:.80}.'
            )
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if each is False:
                continue
            if "\0" in str(each):
                raise InvalidParameter(f"The value of {name!r} in docker_args must not contain a NUL character.")
            dashed = f"-{name}" if len(name) == 1 else f"--{name}"
            options.append(dashed if each is True else f"{dashed}={each}")
    return options


def _mount(source: str, target: str) -> str:
    # The option is a line of CSV, so a path can contain commas and quotes.
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(["type=bind", f"source={source}", f"target={target}"])
    return line.getvalue()
