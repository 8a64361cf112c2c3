"""What stands after `%track` and `%%track`."""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from dataclasses import dataclass
from typing import NoReturn

from IPython.core.error import UsageError

CELL_USAGE = "%%track [NAME] [-e EXPERIMENT] [-p a,b] [-t key=value] [--nested] [--note TEXT] [--no-code] [--autolog]"
SQL_USAGE = "%%track sql [VARIABLE], and the query in the lines below"
LINE_USAGE = (
    "%track [EXPERIMENT | list [FILTER] | compare [FILTER] | registry [MODEL] | sql SELECT … | autolog [on|off] | "
    "-e EXPERIMENT]"
)
COMMANDS = ("list", "compare", "registry", "sql", "autolog")


@dataclass(frozen=True, slots=True)
class CellOptions:
    """The line of a `%%track` cell, understood."""

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
    """The line of a `%track`, understood. `command` is "", "experiment" or one of COMMANDS."""

    command: str
    argument: str = ""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        stop = "" if message.endswith("?") else "."
        raise UsageError(f"{self.prog}: {message}{stop}\nUsage: {self.usage}\n%track? explains it.")


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
    """The options of `%%track`. Raises UsageError, which says what is allowed."""
    parser = _cell_parser()
    found, rest = parser.parse_known_args(_words(line, parser))
    if rest:
        parser.error(_superfluous(rest, parser))
    for value, what in ((found.name, "the run's name"), (found.experiment, "the experiment's name")):
        if value is not None and not value.strip():
            parser.error(f"{what} is empty")
    return CellOptions(
        name=found.name,
        experiment=found.experiment,
        params=tuple(dict.fromkeys(name for text in found.params for name in _names(text, parser))),
        tags=dict(_tag(text, parser) for text in found.tag),
        nested=found.nested,
        note=found.note,
        code=not found.no_code,
        autolog=found.autolog,
    )


def is_sql(line: str) -> bool:
    """Whether the body of a `%%track` cell is SQL. A run that is to be named sql has its name in quotes."""
    return line.split()[:1] == ["sql"]


def parse_sql(line: str) -> str | None:
    """The variable that a `%%track sql` cell names. Raises UsageError for what is no name."""
    parser = _Parser(prog="%%track sql", usage=SQL_USAGE, add_help=False, allow_abbrev=False)
    words = line.split()[1:]
    if len(words) > 1:
        parser.error(f"there is one word too many: {words[1]!r}")
    if words and not words[0].isidentifier():
        parser.error(f"{words[0]!r} cannot be the name of a variable")
    return words[0] if words else None


def parse_line(line: str) -> LineCommand:
    """What `%track` is to do. Raises UsageError, which says what is allowed.

    A command takes the rest of the line as it stands, quotes and backticks included. `-e NAME` sets an experiment
    that has a command's name.
    """
    line = line.strip()
    if not line:
        return LineCommand("")
    parser = _Parser(prog="%track", usage=LINE_USAGE, add_help=False, allow_abbrev=False)
    command, _, rest = line.partition(" ")
    if command in COMMANDS:
        if command == "sql" and not rest.strip():
            parser.error("sql needs a query, such as %track sql SELECT run_name, status FROM runs")
        if command == "autolog" and rest.strip() not in ("", "on", "off"):
            parser.error(f"autolog takes on or off, not {rest.strip()!r:.80}")
        return LineCommand(command, rest.strip())
    parser.add_argument("name", nargs="?")
    parser.add_argument("-e", "--experiment")
    found, more = parser.parse_known_args(_words(line, parser))
    if more or (found.name is not None and found.experiment is not None):
        near = difflib.get_close_matches(command, COMMANDS, 1)
        hint = f"; did you mean %track {near[0]} …?" if near else ""
        parser.error(_superfluous(more or [found.name], parser) + hint)
    name = found.name if found.experiment is None else found.experiment
    if not name or not name.strip():
        parser.error("the experiment's name is empty")
    return LineCommand("experiment", name)


def _words(line: str, parser: _Parser) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        parser.error(f"{error} in {line.strip()!r}; put a text with spaces or apostrophes between double quotes")


def _superfluous(words: list[str], parser: _Parser) -> str:
    word = words[0]
    if word.startswith("-"):
        known = [option for action in parser._actions for option in action.option_strings]
        near = difflib.get_close_matches(word.partition("=")[0], known, 1)
        return f"there is no option {word}" + (f"; did you mean {near[0]}?" if near else "")
    return f"there is one name too many: {word!r}. A name with spaces stands between quotes"


def _names(text: str, parser: _Parser) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not name.isidentifier():
            parser.error(f"-p takes names of variables with commas between them, such as -p lr,width; {name!r} is none")
    return names


def _tag(text: str, parser: _Parser) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not re.search(r"\S", key):
        parser.error(f"-t takes key=value, such as -t owner=ada or -t 'why=a first look'; it was given {text!r}")
    return key.strip(), value
