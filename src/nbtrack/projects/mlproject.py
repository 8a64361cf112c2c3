"""Reads the MLproject file of a folder, as MLflow does, and finds the environment of a folder that declares none."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any, get_args

from ..errors import InvalidParameter, NotFound
from ..models.yaml_text import InvalidYaml, read_yaml
from .project import (
    NO_ENVIRONMENT,
    NOTEBOOK,
    EntryPoint,
    EnvironmentKind,
    EnvironmentSpec,
    Parameter,
    ParameterType,
    Project,
    file_inside,
    has_inline_metadata,
    notebook_parameters,
)

FILE_NAME = "MLproject"
"""The name of the file, in upper or lower case."""

ENVIRONMENTS: dict[str, EnvironmentKind] = {
    "python_env": "python_env",
    "conda_env": "conda_env",
    "docker_env": "docker_env",
    "uv_env": "uv_project",
    "script_env": "script",
}
"""The keys that declare an environment. The last two are nbtrack's own."""

_TOP_KEYS = ("name", "entry_points", *ENVIRONMENTS)
_ENTRY_POINT_KEYS = ("command", "notebook", "parameters", *ENVIRONMENTS)
_PARAMETER_KEYS = ("type", "default", "choices", "description")
_DOCKER_KEYS = ("image", "volumes", "environment")
_TYPES: dict[str, ParameterType] = {
    **{name: name for name in get_args(ParameterType) if name != "literal"},
    "str": "string",
}
_PARAMETER_NAME = re.compile(r"[^\W\d][\w-]*")
_CONTAINERS = (dict, list, set, tuple, bytes)
_MAX_SIZE = 1_000_000
"""The largest MLproject file that is read, in bytes."""
_LOCK = "uv.lock"


def read_project(folder: Path) -> Project:
    """Return the project in a folder.

    A folder without an MLproject file is a project too: its scripts and notebooks are its entry points. Keys that have
    no meaning are ignored with a warning.

    Raises:
        NotFound: If the folder does not exist.
        InvalidParameter: If the MLproject file is not valid. The message lists all problems and their places.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise NotFound(f"Project folder {str(folder)!r} does not exist.")
    file = _find(folder)
    if file is None:
        return Project(folder, environment=_undeclared_environment(folder))
    return _Reader(folder, file).project()


def _find(folder: Path) -> Path | None:
    named = sorted(path.name for path in folder.iterdir() if path.name.lower() == FILE_NAME.lower())
    if not named:
        return None
    # On a file system that tells upper case from lower case there can be several. MLflow's own spelling wins.
    name = FILE_NAME if FILE_NAME in named else named[0]
    file = file_inside(folder, name)
    if file is None:
        raise InvalidParameter(f"{str(folder / name)!r} must be a file in the folder of the project.")
    return file


def _undeclared_environment(folder: Path) -> EnvironmentSpec:
    """Return the environment of a project that declares none, from the files in its folder."""
    names: tuple[tuple[str, EnvironmentKind], ...] = (
        ("python_env.yaml", "python_env"),
        ("conda.yaml", "conda_env"),
        ("pyproject.toml", "uv_project"),
        ("requirements.txt", "python_env"),
    )
    for name, kind in names:
        file = file_inside(folder, name)
        # Most pyproject.toml files only configure tools. One with a lock beside it is an environment.
        if file is not None and (kind != "uv_project" or file_inside(folder, _LOCK) is not None):
            return EnvironmentSpec(kind, file)
    return NO_ENVIRONMENT


class _Reader:
    """Reads one MLproject file, and notes what is wrong with it."""

    def __init__(self, folder: Path, file: Path) -> None:
        self.folder = folder
        self.file = file
        self.problems: list[str] = []
        self.ignored: list[str] = []

    def project(self) -> Project:
        content = self._content()
        self._check_keys(content, "", _TOP_KEYS)
        name = self._value(content.get("name"), "name")
        environment = self._environment(content, "") or _undeclared_environment(self.folder)
        entry_points = {
            str(key): self._entry_point(str(key), value, environment)
            for key, value in self._mapping(content.get("entry_points"), "entry_points").items()
        }
        if self.problems:
            listed = "".join(f"\n- {problem}" for problem in self.problems)
            raise InvalidParameter(f"MLproject file {str(self.file)!r} is not valid:{listed}")
        for line in self.ignored:
            warnings.warn(f"{line} in {str(self.file)!r}.", stacklevel=4)
        return Project(self.folder, name, entry_points, environment, self.file)

    def _content(self) -> Mapping[Any, Any]:
        with self.file.open("rb") as stream:
            data = stream.read(_MAX_SIZE + 1)
        if len(data) > _MAX_SIZE:
            raise InvalidParameter(f"MLproject file {str(self.file)!r} must have at most {_MAX_SIZE:,} bytes.")
        try:
            content = read_yaml(data.decode("utf-8-sig"))
        except (InvalidYaml, UnicodeDecodeError, ValueError, RecursionError) as error:
            # "<unicode string>" is the name that PyYAML gives to the content.
            reason = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
            raise InvalidParameter(f"MLproject file {str(self.file)!r} is not valid YAML: {reason:.500}") from None
        if content is None:
            return {}
        if not isinstance(content, dict):
            raise InvalidParameter(
                f"MLproject file {str(self.file)!r} must contain a mapping with the key entry_points, "
                f"not {_shown(content)}."
            )
        return content

    def _entry_point(self, name: str, content: object, project_environment: EnvironmentSpec) -> EntryPoint:
        place = f"entry_points.{name}"
        if not isinstance(content, dict):
            self._wrong(place, "a mapping with command (or notebook) and possibly parameters", content)
            return EntryPoint(name, self.folder)
        self._check_keys(content, place, _ENTRY_POINT_KEYS)
        command, notebook = content.get("command"), content.get("notebook")
        if (command is None) == (notebook is None):
            self.problems.append(f"{place} must have a command or a notebook{', not both' if command else ''}.")
        for key, value in (("command", command), ("notebook", notebook)):
            if value is not None and (not isinstance(value, str) or not value.strip() or "\0" in value):
                self._wrong(f"{place}.{key}", "a string that is not empty", value)
        file = None
        if isinstance(notebook, str):
            file = self._existing(notebook, f"{place}.notebook")
            if not notebook.endswith(NOTEBOOK):
                self._wrong(f"{place}.notebook", f"the path of a {NOTEBOOK} file", notebook)
        parameters = {
            str(key): self._parameter(key, value, f"{place}.parameters")
            for key, value in self._mapping(content.get("parameters"), f"{place}.parameters").items()
        }
        self.problems += [
            f"{place}.parameters: {name!r:.80} cannot be a variable of a notebook."
            for name in parameters
            if notebook is not None and (not name.isidentifier() or iskeyword(name))
        ]
        return EntryPoint(
            name,
            self.folder,
            command if isinstance(command, str) else None,
            notebook if isinstance(notebook, str) else None,
            parameters or (notebook_parameters(file) if file is not None else {}),
            self._environment(content, place) or project_environment,
        )

    def _parameter(self, name: object, content: object, above: str) -> Parameter:
        place = f"{above}.{name}"
        if not isinstance(name, str) or not _PARAMETER_NAME.fullmatch(name):
            self.problems.append(
                f"{above}: {name!r:.80} is not a valid parameter name. It must be letters, digits, underscores and "
                "dashes, and begin with a letter or an underscore."
            )
        # The short form is `alpha: float`. In the long form, MLflow takes a missing type for a string.
        written = {"type": content} if isinstance(content, str) else self._mapping(content, place)
        self._check_keys(written, place, _PARAMETER_KEYS)
        kind = written.get("type", "string")
        if not isinstance(kind, str):
            self._wrong(f"{place}.type", f"one of {', '.join(_TYPES)}", kind)
        elif kind not in _TYPES:
            # As in MLflow, such a value is passed as it is.
            self.ignored.append(f"Treating the unknown type {kind!r:.80} of {place} as string")
        choices = written.get("choices")
        if choices is not None and (not isinstance(choices, list) or not choices):
            self._wrong(f"{place}.choices", "a list that is not empty", choices)
            choices = None
        description = written.get("description")
        return Parameter(
            str(name),
            _TYPES.get(str(kind), "string"),
            self._value(written.get("default"), f"{place}.default"),
            tuple(str(self._value(choice, f"{place}.choices")) for choice in choices or ()),
            None if description is None else str(description),
        )

    def _value(self, value: object, place: str) -> str | None:
        if value is None:
            return None
        if isinstance(value, _CONTAINERS):
            self._wrong(place, "a string or a number (write a list or a mapping in quotes)", value)
            return None
        try:
            return str(value)
        except ValueError:
            # Python converts no integer of that many digits.
            self.problems.append(f"{place} must have fewer digits. Write it in quotes.")
            return None

    def _environment(self, content: Mapping[Any, Any], place: str) -> EnvironmentSpec | None:
        """Return the environment that a project or an entry point declares itself, or None."""
        keys = [key for key in ENVIRONMENTS if content.get(key) is not None]
        where = place or "The project"
        if len(keys) > 1:
            self.problems.append(f"{where} must declare at most one environment, not {_listed(keys)}.")
        if not keys:
            return None
        key = keys[0]
        inner = f"{place}.{key}" if place else key
        if key == "docker_env":
            return EnvironmentSpec("docker_env", docker=self._docker(content[key], inner))
        value = content[key]
        if not isinstance(value, str) or not value:
            self._wrong(inner, "the path of a file", value)
            return None
        if key == "uv_env" and (self.folder / value).is_dir():
            value = str(Path(value) / "pyproject.toml")
        file = self._existing(value, inner)
        if file is None:
            return None
        if key == "uv_env" and file_inside(self.folder, str(Path(value).with_name(_LOCK))) is None:
            self.problems.append(f"{inner}: {value!r} has no {_LOCK} beside it. Create it with `uv lock`.")
        if key == "script_env" and not has_inline_metadata(file):
            self.problems.append(f"{inner}: {value!r} has no block of inline script metadata (# /// script, PEP 723).")
        return EnvironmentSpec(ENVIRONMENTS[key], file)

    def _docker(self, content: object, place: str) -> Mapping[str, Any]:
        if not isinstance(content, dict):
            self._wrong(place, "a mapping with the key image", content)
            return {}
        self._check_keys(content, place, _DOCKER_KEYS)
        image, volumes, variables = (content.get(key) for key in _DOCKER_KEYS)
        if not isinstance(image, str) or not image:
            self._wrong(f"{place}.image", "the name of a Docker image", image)
        if volumes and not (isinstance(volumes, list) and all(isinstance(volume, str) for volume in volumes)):
            self._wrong(f"{place}.volumes", 'a list of strings, such as ["/data:/data"]', volumes)
        if variables and not (isinstance(variables, list) and all(map(_is_variable, variables))):
            self._wrong(
                f"{place}.environment",
                'a list of names to copy and of pairs to set, such as ["TOKEN", ["SEED", "1"]]',
                variables,
            )
        return {str(key): value for key, value in content.items() if key in _DOCKER_KEYS and value}

    def _existing(self, name: str, place: str) -> Path | None:
        """Return the file with a relative path, which must exist in the project's folder."""
        file = file_inside(self.folder, name)
        if file is None:
            reason = "is outside the project's folder" if (self.folder / name).exists() else "does not exist"
            self.problems.append(f"{place}: the file {name!r:.200} {reason}.")
        return file

    def _mapping(self, content: object, place: str) -> Mapping[Any, Any]:
        if content is None:
            return {}
        if not isinstance(content, dict):
            self._wrong(place, "a mapping", content)
            return {}
        return content

    def _check_keys(self, content: Mapping[Any, Any], place: str, known: Iterable[str]) -> None:
        for key in content:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                where = f" of {place}" if place else ""
                self.ignored.append(f"Ignoring the unknown key {key!r:.80}{where}{hint}")

    def _wrong(self, place: str, expected: str, value: object) -> None:
        self.problems.append(f"{place} must be {expected}, not {_shown(value)}.")


def _is_variable(value: object) -> bool:
    if isinstance(value, list):
        return len(value) == 2 and isinstance(value[0], str) and not isinstance(value[1], dict | list)
    return isinstance(value, str)


def _shown(value: object) -> str:
    if value is None or isinstance(value, str | float | bool):
        return f"{value!r:.80}"
    if isinstance(value, int) and abs(value) < 1 << 64:
        return str(value)
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
