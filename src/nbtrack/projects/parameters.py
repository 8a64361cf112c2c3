"""Checks the values of an entry point's parameters, and puts them into its command."""

from __future__ import annotations

import ast
import difflib
import json
import os
import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..artifacts import download_artifacts
from ..errors import InvalidParameter, NbtrackError
from ..names import MAX_LENGTH, check_text
from .project import EntryPoint, Parameter
from .quoting import fill

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+", re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/", re.DOTALL)
_UNDECLARED_NAME = re.compile(r"\w[\w.-]*")

Argument = Any
"""A string, a number or a boolean, or what a literal of Python stands for."""
_BOOLEANS = {"true": True, "false": False}
_MAX_LITERAL = 100_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """An entry point with the values of its parameters.

    Attributes:
        command: The shell command to run in the project's folder, or None for a notebook.
        values: The value of each parameter as it was given, and defaults. These are logged as params.
        arguments: What the entry point gets: numbers and booleans as such, and absolute local paths. The defaults of
            variables that a notebook assigns itself are not among them, if they are neither.
    """

    command: str | None
    values: dict[str, str]
    arguments: dict[str, Argument]


def resolve(
    entry_point: EntryPoint, values: Mapping[str, Any], storage_dir: str | os.PathLike[str] | None = None
) -> Resolved:
    """Return the command of an entry point with the values of its parameters.

    Relative paths in `values` begin at the working directory, and those in defaults at the project's folder. Artifacts
    that are passed to a parameter of type `path` are copied to `storage_dir`. Without `storage_dir`, nothing is copied,
    and the command has their URI.

    Raises:
        InvalidParameter: If a value is missing, not allowed or not usable. The message lists all such values.
    """
    resolving = _Resolving(entry_point, values)
    resolving.check()
    resolving.raise_problems()
    if storage_dir is not None:
        resolving.fetch(Path(storage_dir))
        resolving.raise_problems()
    return resolving.result()


class _Resolving:
    """One call of `resolve`, and the problems found so far."""

    def __init__(self, entry_point: EntryPoint, values: Mapping[str, Any]) -> None:
        self.entry_point = entry_point
        self.given = values
        self.values: dict[str, str] = {}
        self.arguments: dict[str, Argument] = {}
        self.problems: list[str] = []
        self.remote: dict[str, str] = {}

    def check(self) -> None:
        """Check all values, and that they can be put into the command."""
        declared = self.entry_point.parameters
        for parameter in declared.values():
            self._check_declared(parameter)
        for name, value in self.given.items():
            if name not in declared:
                self._check_undeclared(name, value)
        if not self.problems:
            self._command()

    def raise_problems(self) -> None:
        if self.problems:
            listed = "".join(f"\n- {problem}" for problem in self.problems)
            raise InvalidParameter(f"Entry point {self.entry_point.name!r:.80} cannot be started:{listed}")

    def fetch(self, storage_dir: Path) -> None:
        """Copy the artifacts that are passed as paths, each to a folder of its own."""
        for position, (name, uri) in enumerate(self.remote.items()):
            target = storage_dir / f"param_{position}"
            try:
                target.mkdir(parents=True, exist_ok=True)
                self.arguments[name] = str(Path(download_artifacts(uri, dst_path=target)).absolute())
            except (NbtrackError, OSError) as error:
                self.problems.append(f"Parameter {name!r}: {uri!r:.200} cannot be copied. {error}")

    def result(self) -> Resolved:
        command = self._command()
        self.raise_problems()
        return Resolved(command, self.values, self.arguments)

    def _command(self) -> str | None:
        if self.entry_point.command is None:
            return None
        texts = {name: str(value) for name, value in self.arguments.items()}
        # A number goes into the command as it was written, not as Python would write it.
        texts |= {name: self.values[name] for name, value in self.arguments.items() if not isinstance(value, str)}
        declared = {name: text for name, text in texts.items() if name in self.entry_point.parameters}
        extra = {name: text for name, text in texts.items() if name not in declared}
        filled = fill(self.entry_point.command, declared, extra)
        self.problems += filled.problems
        return filled.command

    def _check_declared(self, parameter: Parameter) -> None:
        name = parameter.name
        is_given = name in self.given
        value = self._text(name, self.given[name]) if is_given else parameter.default
        if value is None:
            if not is_given:
                self.problems.append(
                    f"Parameter {name!r} ({parameter.type}) is required. Pass it, as in -P {name}=VALUE."
                )
            return
        self.values[name] = value
        if not is_given and parameter.type == "literal":
            return
        what = f"Parameter {name!r}" if is_given else f"The default of parameter {name!r}"
        try:
            argument = self._argument(parameter, value, Path.cwd() if is_given else self.entry_point.folder)
        except ValueError as error:
            self.problems.append(f"{what} {error}")
            return
        self.arguments[name] = argument
        if parameter.choices and not any(_is_choice(argument, value, choice) for choice in parameter.choices):
            near = difflib.get_close_matches(value, parameter.choices, 1) if isinstance(argument, str) else []
            hint = f" Did you mean {near[0]!r}?" if near else ""
            self.problems.append(f"{what} must be one of {', '.join(parameter.choices)}, not {value!r:.80}.{hint}")

    def _argument(self, parameter: Parameter, value: str, base: Path) -> Argument:
        """Return the value in the parameter's type. Raises ValueError with the end of a sentence."""
        kind = parameter.type
        if kind in ("float", "int"):
            try:
                return float(value) if kind == "float" else int(value)
            except ValueError:
                article = "a number" if kind == "float" else "an integer"
                raise ValueError(f"must be {article}, not {value!r:.80}.") from None
        if kind == "bool":
            if value.lower() not in _BOOLEANS:
                raise ValueError(f"must be true or false, not {value!r:.80}.")
            return _BOOLEANS[value.lower()]
        if kind == "literal":
            return _literal(value)
        if kind == "uri" and not _URI.fullmatch(value):
            raise ValueError(f"must be a URI such as s3://bucket/key, not {value!r:.80}.")
        return self._path(parameter.name, value, base) if kind == "path" else value

    def _path(self, name: str, value: str, base: Path) -> str:
        if not value:
            raise ValueError("must be a path, not an empty string.")
        path = base / value
        scheme = _SCHEME.match(value)
        if scheme and not _exists(path):
            if scheme[1].lower() != "file":
                self.remote[name] = value
                return value
            # A ValueError, as for an invalid host, has no sentence of ours.
            with suppress(ValueError):
                path = Path(unquote(urlsplit(value).path))
        if not _exists(path):
            raise ValueError(f"must be the path of a file or folder, and {value!r:.200} does not exist.")
        return str(path.absolute())

    def _check_undeclared(self, name: object, value: object) -> None:
        declared = self.entry_point.parameters
        near = difflib.get_close_matches(str(name), declared, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        if not isinstance(name, str) or not _UNDECLARED_NAME.fullmatch(name) or len(name) > MAX_LENGTH:
            self.problems.append(
                f"{name!r:.80} is not a valid parameter name. It must be letters, digits, underscores, dots and "
                "dashes, and not begin with a dot or a dash."
            )
            return
        if self.entry_point.command is None and (declared or not name.isidentifier()):
            known = f" The notebook has {', '.join(declared)}." if declared else ""
            self.problems.append(f"Parameter {name!r} is not a parameter of the notebook.{hint}{known}")
            return
        text = self._text(name, value)
        if text is None:
            return
        if hint:
            warnings.warn(
                f"Parameter {name!r} is not declared by entry point {self.entry_point.name!r}, and is appended to its "
                f"command as --{name}.{hint}",
                # One place, so that checking the same values a second time does not repeat the warning.
                stacklevel=1,
            )
        self.values[name] = text
        self.arguments[name] = text if self.entry_point.command is not None else _literal(text)

    def _text(self, name: str, value: object) -> str | None:
        if value is None:
            self.problems.append(f"Parameter {name!r} must have a value, not None.")
            return None
        try:
            return check_text(os.fspath(value) if isinstance(value, os.PathLike) else str(value), f"Parameter {name!r}")
        except InvalidParameter as error:
            self.problems.append(error.message)
            return None


def _literal(value: str) -> Argument:
    """Return what a literal of Python stands for, or the string if it is none or if JSON has no such value."""
    try:
        found = ast.literal_eval(value.strip()) if len(value) <= _MAX_LITERAL else value
        # The values of a notebook are passed on as JSON, which has no sets and no keys that are numbers.
        return found if json.loads(json.dumps(found)) == found else value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return value


def _is_choice(argument: Argument, value: str, choice: str) -> bool:
    """Return whether a value is one of the choices. Numbers and booleans are compared as such."""
    if isinstance(argument, bool):
        return str(argument) == choice.capitalize()
    if not isinstance(argument, int | float):
        return value == choice
    try:
        return argument == float(choice)
    except ValueError:
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # A name that is too long, for example.
        return False
