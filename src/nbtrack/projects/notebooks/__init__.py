"""Notebooks as entry points: executed with the parameters of a run, in the environment of the project."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ...errors import ExecutionException, InvalidParameter, NotFound, NotSupported
from ..environments import Environment
from .parameters import Value

_KERNEL = "ipykernel"


def notebook_command(
    notebook: Path,
    arguments: Mapping[str, Value],
    environment: Environment,
    executed: Path,
    env: Mapping[str, str],
) -> tuple[list[str], dict[str, str]]:
    """Return the arguments and the environment variables of a command that executes a notebook.

    The command runs in the Python of this process, and starts the kernel in the environment of the project, in the
    folder of the notebook, as JupyterLab does. It prints the outputs of the cells as they come. SIGINT interrupts the
    cell that is running. The exit code is 0, 1 if a cell failed, or 130 if it was interrupted.

    Args:
        notebook: The notebook, which is not changed.
        arguments: The values of the parameters. They are injected after the cell with the tag `parameters`.
        environment: The environment of the project, which was prepared.
        executed: Where the executed notebook is written, after each cell. Its folder exists.
        env: The environment variables that the run sets, for the kernel.

    Raises:
        NbtrackError: If `check_notebook` refuses the notebook.
    """
    check_notebook(notebook, environment)
    kernel = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    # The variable names the notebook of a kernel. Without it, the source of runs would be the notebook of this process.
    argv, variables = environment.launch(kernel, notebook.parent, {"JPY_SESSION_NAME": str(notebook.absolute()), **env})
    job = executed.with_name(f"{executed.name}.job")
    content = {
        "notebook": str(notebook.absolute()),
        "executed": str(executed.absolute()),
        "arguments": dict(arguments),
        "argv": argv,
        "variables": variables,
    }
    # The values of variables can be secret. The command deletes the file as soon as it has read it.
    descriptor = os.open(job, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    # With -P, modules in the project's folder do not hide those of the same names that the command imports.
    return [sys.executable, "-P", "-m", __name__, str(job.absolute())], dict(os.environ)


def check_notebook(notebook: Path, environment: Environment) -> None:
    """Check that a notebook can be executed in an environment, which was prepared.

    Raises:
        NotSupported: If the package nbclient is not installed here, or if the environment is a container.
        ExecutionException: If the environment of the project has no ipykernel.
        NotFound: If the notebook does not exist.
        InvalidParameter: If the file is not a notebook of Python.
    """
    if find_spec("nbclient") is None or find_spec("nbformat") is None:
        raise NotSupported('Notebooks are executed by nbclient. Install it with `pip install "nbtrack[projects]"`.')
    _check(notebook)
    packages = environment.packages()
    if packages is None:
        raise NotSupported(
            f"{notebook.name} cannot be executed in an environment of {environment.manager}. Use a Python environment, "
            "or let the entry point be a command that executes the notebook in the image."
        )
    if _KERNEL not in packages:
        raise ExecutionException(
            f"{notebook.name} cannot be executed: the environment of the project has no {_KERNEL}. Add {_KERNEL} to "
            "the dependencies of the project."
        )


def _check(notebook: Path) -> None:
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"The notebook {notebook.name!r} does not exist.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidParameter(f"{notebook.name} is not a notebook: {error}.") from None
    if not isinstance(content, dict) or "nbformat" not in content:
        raise InvalidParameter(f"{notebook.name} is not a notebook: it has no nbformat.")
    metadata = content.get("metadata")
    named = [metadata.get(key) for key in ("kernelspec", "language_info")] if isinstance(metadata, dict) else []
    languages = [
        each.get(key) for each, key in zip(named, ("language", "name"), strict=False) if isinstance(each, dict)
    ]
    language = next(filter(None, languages), "python")
    if language != "python":
        raise InvalidParameter(
            f"{notebook.name} is a notebook of {language!r:.80}. Only notebooks of Python can be run."
        )
