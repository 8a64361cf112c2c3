"""What a project is: entry points with their parameters, and the environments that they declare."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..capture import code
from ..errors import NotFound
from .tagged_cells import defaults_of

EnvironmentKind = Literal["none", "python_env", "conda_env", "docker_env", "uv_project", "script"]
ParameterType = Literal["string", "float", "int", "bool", "path", "uri", "literal"]
"""`literal` is a literal of Python, or else a string, for variables of notebooks that no MLproject file declares."""

SCRIPTS = {".py": "python", ".sh": "bash"}
"""The suffixes of files that are entry points without being declared, and the program that runs them."""
NOTEBOOK = ".ipynb"

_BLOCK = re.compile(r"# /// ([a-zA-Z0-9-]+)")
"""The first line of a block of inline metadata (PEP 723)."""
_MOST_LISTED = 10
_TYPES: dict[type, ParameterType] = {bool: "bool", int: "int", float: "float", str: "string"}


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """The environment that a project or an entry point declares. It is created later, by `environments`.

    Attributes:
        kind: `none` if nothing is declared. `uv_project` is a pyproject.toml with a uv.lock beside it. `script` is a
            Python file with inline metadata (PEP 723).
        file: The python_env.yaml or requirements.txt (for `python_env`), conda.yaml, pyproject.toml or script.
        docker: The content of `docker_env`: `image`, and possibly `volumes` and `environment`.
    """

    kind: EnvironmentKind
    file: Path | None = None
    docker: Mapping[str, Any] | None = None


NO_ENVIRONMENT = EnvironmentSpec("none")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an entry point. A parameter without a default is required."""

    name: str
    type: ParameterType = "string"
    default: str | None = None
    choices: tuple[str, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A command or a notebook of a project, with the parameters that it takes.

    Attributes:
        name: The name that is passed as `entry_point`.
        folder: The folder of the project, in which the command runs.
        command: The shell command with `{parameter}` in the place of values, or None for a notebook.
        notebook: The path of the notebook relative to `folder`, or None for a command.
        parameters: The declared parameters by name, in the order of the file.
        environment: The entry point's own environment, or else the project's.
    """

    name: str
    folder: Path
    command: str | None = None
    notebook: str | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    environment: EnvironmentSpec = NO_ENVIRONMENT


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with entry points, which its MLproject file declares or which are scripts and notebooks in it.

    Attributes:
        file: The MLproject file, or None if there is none.
    """

    folder: Path
    name: str | None = None
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    environment: EnvironmentSpec = NO_ENVIRONMENT
    file: Path | None = None

    def entry_point(self, name: str = "main") -> EntryPoint:
        """Return a declared entry point, or the script or notebook with this path in the project's folder.

        Raises:
            NotFound: If there is neither.
        """
        if name in self.entry_points:
            return self.entry_points[name]
        file = self._file(name)
        if file is None:
            raise NotFound(self._missing(name))
        environment = self.environment
        if file.suffix == NOTEBOOK:
            parameters = notebook_parameters(file)
            return EntryPoint(name, self.folder, notebook=name, parameters=parameters, environment=environment)
        if has_inline_metadata(file):
            environment = EnvironmentSpec("script", file)
        # The interpreter would take a name that begins with a dash for an option.
        path = f"./{name}" if name.startswith("-") else name
        command = f"{SCRIPTS[file.suffix]} {shlex.quote(path)}".replace("{", "{{").replace("}", "}}")
        return EntryPoint(name, self.folder, command=command, environment=environment)

    def _file(self, name: str) -> Path | None:
        """Return the script or notebook with this path in the project's folder, or None if it does not exist."""
        if Path(name).suffix not in (*SCRIPTS, NOTEBOOK) or "\0" in name:
            return None
        return file_inside(self.folder, name)

    def _missing(self, name: str) -> str:
        files = sorted(
            path.name
            for path in self.folder.iterdir()
            if path.suffix in (*SCRIPTS, NOTEBOOK) and path.is_file() and not path.name.startswith(".")
        )
        known = [*self.entry_points, *files]
        near = difflib.get_close_matches(name, known, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        listed = ", ".join(known[:_MOST_LISTED]) + (", …" if len(known) > _MOST_LISTED else "")
        declared = "declares no entry points" if not self.entry_points else "does not declare it"
        return (
            f"Entry point {name!r:.80} does not exist.{hint} The project {declared}, and its folder has no script "
            f"or notebook of that name (*.py, *.sh, *.ipynb)."
            f"{f' Entry points and scripts: {listed}.' if known else ''}"
        )


def file_inside(folder: Path, name: str) -> Path | None:
    """Return the file with the relative path `name` in `folder`, or None if it does not exist or is outside.

    A link that leads out of the folder is outside.
    """
    file = folder / name
    try:
        is_inside = file.resolve().is_relative_to(folder.resolve())
        return file if is_inside and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def has_inline_metadata(file: Path) -> bool:
    """Return whether a Python file has a block of inline script metadata (PEP 723)."""
    return file.suffix == ".py" and bool(inline_metadata_blocks(file))


def inline_metadata_blocks(file: Path) -> list[str]:
    """Return the contents of the blocks `script` of inline metadata in a Python file (PEP 723).

    The specification has a regular expression, which takes quadratic time. This finds the same blocks.
    """
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    blocks = []
    start = 0
    while start < len(lines):
        kind = _BLOCK.fullmatch(lines[start])
        start += 1
        if kind is None:
            continue
        end = start
        while end < len(lines) and (lines[end] == "#" or lines[end].startswith("# ")):
            end += 1
        # A block has at least one line, and ends at the last end mark before a line that is not a comment.
        last = next((number for number in range(end - 1, start, -1) if lines[number] == "# ///"), None)
        if kind[1] == "script" and last is not None:
            blocks.append("".join(f"{line[2:]}\n" for line in lines[start:last]))
        start = end if last is None else last + 1
    return blocks


def notebook_parameters(file: Path) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares itself, with the types of their defaults."""
    return {name: Parameter(name, _type_of(value), str(value)) for name, value in defaults_of(file).items()}


def _type_of(value: code.Literal) -> ParameterType:
    return _TYPES.get(type(value), "literal")
