"""Parses the arguments of `%track` and `%%track`."""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from IPython.core.error import UsageError

CELL_USAGE = "%%track [NAME] [-e EXPERIMENT] [-p a,b] [-t key=value] [--nested] [--note TEXT] [--no-code] [--autolog]"
SQL_USAGE = "%%track sql [VARIABLE], and the query in the lines below"
LINE_USAGE = (
    "%track [EXPERIMENT | list [FILTER] | compare [FILTER] | registry [MODEL] | run URI [OPTIONS] | sql SELECT … | "
    "autolog [on|off] | -e EXPERIMENT]"
)
RUN_USAGE = "%track run URI [-e ENTRY_POINT] [-v VERSION] [-P name=value …] and the other options of nbtrack run"
COMMANDS = ("list", "compare", "registry", "run", "sql", "autolog")


@dataclass(frozen=True, slots=True)
class CellOptions:
    """The parsed first line of a `%%track` cell."""

    name: str | None
    experiment: str | None
    params: tuple[str, ...]
    tags: dict[str, str]
    nested: bool
    note: str | None
    code: bool
    autolog: bool


@dataclass(frozen=True, slots=True)
class LineCommand:
    """A parsed `%track` line. `command` is "", "experiment" or one of COMMANDS."""

    command: str
    argument: str = ""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        stop = "" if message.endswith("?") else "."
        raise UsageError(f"{self.prog}: {message}{stop}\nUsage: {self.usage}\nSee %track? for help.")


def _cell_parser() -> _Parser:
    parser = _Parser(prog="%%track", usage=CELL_USAGE, add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("-e", "--experiment")
    parser.add_argument("-p", "--params", action="append", default=[])
    parser.add_argument("-t", "--tag", action="append", default=[])
    parser.add_argument("--nested", action="store_true")
    parser.add_argument("--note")
    parser.add_argument("--no-code", action="store_true")
    parser.add_argument("--autolog", action="store_true")
    return parser


def parse_cell(line: str) -> CellOptions:
    """Parse the options of `%%track`. Raises UsageError with a message that says what is allowed."""
    parser = _cell_parser()
    found, rest = parser.parse_known_args(_words(line, parser))
    if rest:
        parser.error(_unexpected(rest, parser))
    for value, what in ((found.name, "run name"), (found.experiment, "experiment name")):
        if value is not None and not value.strip():
            parser.error(f"the {what} must not be empty")
    return CellOptions(
        name=found.name,
        experiment=found.experiment,
        params=tuple(dict.fromkeys(name for text in found.params for name in _variable_names(text, parser))),
        tags=dict(_tag(text, parser) for text in found.tag),
        nested=found.nested,
        note=found.note,
        code=not found.no_code,
        autolog=found.autolog,
    )


def is_sql(line: str) -> bool:
    """Return whether the body of a `%%track` cell is SQL. To name a run sql, put the name in quotes."""
    return line.split()[:1] == ["sql"]


def parse_sql(line: str) -> str | None:
    """Return the variable that a `%%track sql` cell assigns to, or None. Raises UsageError for an invalid name."""
    parser = _Parser(prog="%%track sql", usage=SQL_USAGE, add_help=False, allow_abbrev=False)
    words = line.split()[1:]
    if len(words) > 1:
        parser.error(f"unexpected argument {words[1]!r} after the name of the variable")
    if words and not words[0].isidentifier():
        parser.error(f"{words[0]!r} is not a valid variable name")
    return words[0] if words else None


def parse_line(line: str) -> LineCommand:
    """Parse a `%track` line. Raises UsageError with a message that says what is allowed.

    A command gets the rest of the line unchanged, with its quotes and backticks. `-e NAME` sets an experiment whose
    name is also that of a command.
    """
    line = line.strip()
    if not line:
        return LineCommand("")
    parser = _Parser(prog="%track", usage=LINE_USAGE, add_help=False, allow_abbrev=False)
    command, _, rest = line.partition(" ")
    if command in COMMANDS:
        if command == "sql" and not rest.strip():
            parser.error("sql requires a query, for example %track sql SELECT run_name, status FROM runs")
        if command == "run" and not rest.strip():
            parser.error("run requires a project, for example %track run . -P alpha=0.5")
        if command == "autolog" and rest.strip() not in ("", "on", "off"):
            parser.error(f"autolog takes on or off, not {rest.strip()!r:.80}")
        return LineCommand(command, rest.strip())
    parser.add_argument("name", nargs="?")
    parser.add_argument("-e", "--experiment")
    found, more = parser.parse_known_args(_words(line, parser))
    if more or (found.name is not None and found.experiment is not None):
        near = difflib.get_close_matches(command, COMMANDS, 1)
        hint = f". Did you mean %track {near[0]} …?" if near else ""
        parser.error(_unexpected(more or [found.name], parser) + hint)
    name = found.name if found.experiment is None else found.experiment
    if not name or not name.strip():
        parser.error("the experiment name must not be empty")
    return LineCommand("experiment", name)


def parse_run(line: str, add_arguments: Callable[[argparse.ArgumentParser], None]) -> argparse.Namespace:
    """Parse the options of `%track run`, which `add_arguments` adds. Raises UsageError for those that are not valid."""
    parser = _Parser(prog="%track run", usage=RUN_USAGE, add_help=False, allow_abbrev=False)
    add_arguments(parser)
    found, rest = parser.parse_known_args(_words(line, parser))
    if rest:
        parser.error(_unexpected(rest, parser))
    return found


def _words(line: str, parser: _Parser) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        parser.error(f"{error} in {line.strip()!r}. Put arguments with spaces or apostrophes between double quotes")


def _unexpected(words: list[str], parser: _Parser) -> str:
    word = words[0]
    if word.startswith("-"):
        known = [option for action in parser._actions for option in action.option_strings]
        near = difflib.get_close_matches(word.partition("=")[0], known, 1)
        return f"unknown option {word}" + (f". Did you mean {near[0]}?" if near else "")
    return f"unexpected argument {word!r}. Put a name with spaces in quotes"


def _variable_names(text: str, parser: _Parser) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not name.isidentifier():
            parser.error(f"-p takes variable names separated by commas, such as -p lr,width, not {name!r}")
    return names


def _tag(text: str, parser: _Parser) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not re.search(r"\S", key):
        parser.error(f"-t takes key=value, such as -t owner=ada or -t 'why=a first look', not {text!r}")
    return key.strip(), value
