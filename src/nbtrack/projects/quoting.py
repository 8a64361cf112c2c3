"""Puts values into a shell command so that none of them can run another command.

MLflow quotes each value as a word of its own. This is only right in the place of a word: a placeholder that the author
of the command has put into quotes, `--name '{name}'`, ends those quotes there. Here the command is read as the shell
reads it, and a value is quoted for the place where it stands. Where the shell, or another program, reads the value
again as code (backquotes, here-documents, comments, `bash -c "… {name}"`), only values without special characters are
accepted.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

MAX_COMMAND = 100_000
"""The longest command, in bytes. Linux starts no program with an argument of 128 KiB or more."""

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[^{}]|[{}]", re.DOTALL)
_PLACEHOLDER = "\0"
"""What stands for a placeholder where a command is read. No command can contain this character."""
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")
"""Values that mean the same to every shell and language, quoted or not."""
_SIMPLE_EXPANSION = re.compile(r"\$\{[!#]?\w+(?:[:%#/+=?^,@-][\w./:*?@%+=,-]*)?\}", re.ASCII)
_SUBSCRIPT = re.compile(r"[A-Za-z_]\w*\[", re.ASCII)

_INTERPRETERS = (
    r"(?:(?:ba|da|z|k|c|tc|fi|a|pw)?sh|i?python[\d.]*|pypy[\d.]*|perl|ruby|node|php|lua|Rscript|R|julia"
    r"|octave(?:-cli)?|matlab|script)"
)
_INTERPRETER = re.compile(_INTERPRETERS)
_VARIABLE = re.compile(r"\$(?:\w+|\{.*\})")
"""A command that is the value of a variable, such as "$SHELL", can be an interpreter."""
_CODE_OPTION = re.compile(r"-\w*[ceEpr]|-batch|-Command|--(?:eval|exec|command|expression|print)")
_INLINE_CODE = re.compile(r"-[ceEpr]|--(?:eval|exec|command|expression|print)=")
_WITH_VALUE = ("-o", "-O", "+o", "+O", "-W", "-X", "-I", "-r", "--require", "--import", "--rcfile", "--init-file")
_TAKES_CODE = re.compile(r"[gm]?awk|g?sed")
"""Programs whose first argument is code."""
_READS_AGAIN = frozenset(
    (
        *("eval", "ssh", "su", "runuser", "sg", "watch", "parallel", "tmux", "screen", "make", "gmake", "just", "trap"),
        *("[[", "let", "declare", "typeset", "local", "readonly", "unset", "read", "mapfile", "readarray"),
    )
)
"""Programs that give their arguments to a shell, and parts of bash that evaluate subscripts, which can be commands."""
_READS_AGAIN_AFTER = {"test": "-v", "[": "-v", "printf": "-v", "flock": "-c"}
"""Builtins of bash that evaluate subscripts after an option, and programs that take a command after one."""
_TO_INTERPRETER = re.compile(rf"\|&?\s*(?:[^\s|;&]*/)?{_INTERPRETERS}(?:\s+-\S*)*\s*(?:[;|&)\n]|$)")
"""A pipe to an interpreter that gets no script, so that it reads code from its input."""
_DESCRIPTOR = re.compile(r"(?:\d+-?|-)(?![^\s;|&()<>])", re.ASCII)
_CASE = re.compile(r"\bcase\b")


class _Place(Enum):
    """Where in a command a placeholder stands."""

    WORD = "outside quotes"
    SINGLE = "inside single quotes"
    DOUBLE = "inside double quotes"
    CODE = "in code that is read a second time"


@dataclass(frozen=True, slots=True)
class Filled:
    """A command with its values, or what prevents it."""

    command: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    """The name of a placeholder."""

    name: str


def fill(command: str, values: Mapping[str, str], extra: Mapping[str, str] | None = None) -> Filled:
    """Return the command with each `{name}` replaced by its value, followed by `--name value` for each of `extra`.

    `{{` and `}}` are braces, as in `str.format`.
    """
    # YAML ends a block with a newline, after which an appended parameter would be a command of its own.
    tokens, problems = _tokens(command.rstrip(), values)
    scanner = _Scanner(tokens)
    filled: list[str] = []
    for token, place in scanner.places():
        if isinstance(token, str):
            filled.append(token)
            continue
        value = values[token.name]
        if place is _Place.CODE and not _PLAIN.fullmatch(value):
            problems.append(
                f"Parameter {token.name!r} has special characters ({value!r:.80}), and the command uses it in a place "
                "that is read again as code. Pass it to a program as an argument of its own instead."
            )
        filled.append(_quoted(value, place))
    for name, value in (extra or {}).items():
        if scanner.is_open:
            problems.append(
                f"Parameter {name!r} is not declared and cannot be appended to the command, because of how the command "
                "ends. Declare it, and write it into the command."
            )
        filled.append(f" --{shlex.quote(name)} {shlex.quote(value)}")
    result = "".join(filled)
    if len(result.encode("utf-8", "replace")) > MAX_COMMAND:
        problems.append(f"The command with its parameters must have at most {MAX_COMMAND:,} bytes.")
    return Filled(result, tuple(dict.fromkeys(problems)))


def _tokens(command: str, known: Iterable[str]) -> tuple[list[str | _Name], list[str]]:
    """Split a command into characters and placeholders, and note placeholders that have no value."""
    tokens: list[str | _Name] = []
    problems = []
    for match in _TOKEN.finditer(command):
        text, name = match[0], match["name"]
        if text in ("{{", "}}"):
            tokens.append(text[0])
        elif name is not None and name in known:
            tokens.append(_Name(name))
        elif name is not None or text in "{}":
            problems.append(
                f"The command has {text!r:.80}, which is not a declared parameter. Declare it, or double the braces to "
                "keep them, as in ${{HOME}}."
            )
        else:
            tokens.append(text)
    return tokens, problems


def _quoted(value: str, place: _Place) -> str:
    if place is _Place.SINGLE:
        return value.replace("'", "'\\''")
    if place is _Place.DOUBLE:
        return re.sub(r'[\\"$`]', r"\\\g<0>", value)
    return shlex.quote(value) if place is _Place.WORD else value


@dataclass(slots=True)
class _Frame:
    """A command, or a command inside `$( )` or `( )`, as far as it has been read."""

    words: list[str] = field(default_factory=list)
    word: str = ""
    in_word: bool = False
    in_double: bool = False
    is_target: bool = False
    """Whether the current or next word is the file of a redirection, and not an argument."""

    def add(self, text: str) -> None:
        """Add to the current word, or begin one."""
        self.in_word = True
        self.word += text

    def end_word(self) -> None:
        """End the current word."""
        if self.in_word:
            if not self.is_target:
                self.words.append(self.word)
            self.is_target = False
        self.word, self.in_word = "", False

    def begin_target(self) -> None:
        """Begin a redirection. A number before it is a file descriptor."""
        if self.word.isdigit():
            self.word, self.in_word = "", False
        self.end_word()
        self.is_target = True

    def end_command(self) -> None:
        """End the current command."""
        self.words, self.word, self.in_word, self.is_target = [], "", False, False

    def reads_again(self, is_quoted: bool) -> bool:
        """Return whether the program that gets the current word takes a part of it for code."""
        programs = [word.rpartition("/")[2] for word in self.words]
        if not _READS_AGAIN.isdisjoint(programs) or _SUBSCRIPT.match(self.word):
            return True
        if any(_READS_AGAIN_AFTER.get(program) in programs for program in programs):
            return True
        # As a whole word, `bash -c {script}`, the parameter is code because the author of the command says so.
        if not is_quoted and not self.word:
            return False
        for position, program in enumerate(programs):
            if _TAKES_CODE.fullmatch(program):
                return True
            if _INTERPRETER.fullmatch(program) or (
                _VARIABLE.fullmatch(program) and all("=" in word for word in self.words[:position])
            ):
                return bool(_INLINE_CODE.match(self.word)) or _is_code(self.words[position + 1 :])
        return False


def _is_code(words: list[str]) -> bool:
    """Return whether the argument that follows these arguments of an interpreter is code."""
    awaited = False
    before = ""
    for word in words:
        if _CODE_OPTION.fullmatch(word):
            awaited = True
        elif not word.startswith(("-", "+")) and before not in _WITH_VALUE:
            # The first argument that is not an option is the code, or a script. The others are its arguments.
            return False
        before = word
    return awaited


class _Scanner:
    """Reads a command as a POSIX shell does, as far as quotes are concerned.

    It gives up (`is_opaque`) where it would have to guess what the shell does. From there on, every place is code.
    """

    def __init__(self, tokens: list[str | _Name]) -> None:
        self._tokens = tokens
        self._text = "".join(token if isinstance(token, str) else _PLACEHOLDER for token in tokens)
        self._piped_until = max((match.start() for match in _TO_INTERPRETER.finditer(self._text)), default=0)
        self._frames = [_Frame()]
        self._is_opaque = self._in_single = self._in_comment = self._is_escaped = self._opens_frame = False

    @property
    def is_open(self) -> bool:
        """Whether text after the end of the command would not be further arguments, or not for certain."""
        unfinished = self._in_single or self._frames[-1].in_double or len(self._frames) > 1
        return self._is_opaque or self._in_comment or self._is_escaped or unfinished

    def places(self) -> Iterator[tuple[str | _Name, _Place]]:
        """Yield each token with its place."""
        for position, token in enumerate(self._tokens):
            if isinstance(token, _Name):
                yield token, self._place(position)
                self._is_escaped = False
                self._frames[-1].add(_PLACEHOLDER)
            else:
                if not self._is_opaque:
                    self._read(token, position)
                yield token, _Place.WORD

    def _place(self, position: int) -> _Place:
        frame = self._frames[-1]
        if self._is_opaque or self._in_comment or self._is_escaped or position < self._piped_until:
            return _Place.CODE
        if frame.reads_again(self._in_single or frame.in_double):
            return _Place.CODE
        if self._in_single:
            return _Place.SINGLE
        return _Place.DOUBLE if frame.in_double else _Place.WORD

    def _read(self, character: str, position: int) -> None:
        frame = self._frames[-1]
        if self._opens_frame:
            self._opens_frame = False
            self._frames.append(_Frame())
        elif self._in_comment:
            self._in_comment = character != "\n"
            if not self._in_comment:
                frame.end_command()
        elif self._in_single:
            self._in_single = character != "'"
            frame.add(character if self._in_single else "")
        elif self._is_escaped:
            self._is_escaped = False
            if character != "\n":
                frame.add(character)
        elif character == "\\":
            self._is_escaped = True
        elif character == "`":
            self._is_opaque = True
        elif character == "$":
            self._read_dollar(position)
        elif character == '"':
            frame.in_double = not frame.in_double
            frame.add("")
        elif frame.in_double:
            frame.add(character)
        else:
            self._read_bare(character, position)

    def _read_dollar(self, position: int) -> None:
        frame = self._frames[-1]
        frame.add("$")
        following = self._text[position + 1 : position + 2]
        if following == "(" and self._text[position + 2 : position + 3] != "(" and not _CASE.search(self._text):
            # The parenthesis begins a command with quotes of its own, also inside double quotes.
            self._opens_frame = True
        elif following == "{":
            self._is_opaque = not _SIMPLE_EXPANSION.match(self._text, position)
        elif following == "'":
            self._is_opaque = not frame.in_double
        elif following:
            self._is_opaque = following in f"([{_PLACEHOLDER}"

    def _read_bare(self, character: str, position: int) -> None:
        frame = self._frames[-1]
        before, following = self._text[max(position - 1, 0) : position], self._text[position + 1 : position + 2]
        doubled = following == character
        if character == "'":
            self._in_single = True
            frame.add("")
        elif character == "#" and not frame.in_word:
            self._in_comment = True
        elif character in " \t":
            frame.end_word()
        elif (character in "|&" and before in ("<", ">")) or (character == "&" and following == ">"):
            # Part of a redirection: `>&`, `<&`, `>|` or `&>`. After `>&`, bash expands what is not a number twice.
            self._is_opaque = (
                before in ("<", ">") and character == "&" and not _DESCRIPTOR.match(self._text, position + 1)
            )
            frame.end_word()
        elif character in "\n;|&":
            frame.end_command()
        elif character == "(":
            # Two of them are arithmetic, which evaluates subscripts.
            self._is_opaque = doubled
            frame.end_command()
            self._frames.append(_Frame())
        elif character == ")":
            # Outside parentheses, it belongs to `case`.
            self._is_opaque = len(self._frames) == 1
            self._frames[1:] = self._frames[1:-1]
        elif character in "<>":
            # A here-document reads lines of its own later.
            self._is_opaque = doubled and character == "<"
            frame.begin_target()
        else:
            frame.add(character)
