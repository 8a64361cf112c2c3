"""Where a cursor stands in a query that is being written: what was begun there, and what the grammar takes next."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from ..errors import QueryError
from .names import function_named, parent_attribute, resolve
from .parser import MAX_LENGTH, NAMES, grammar
from .tree import Operand
from .vocabulary import Function, Vocabulary

Start = Literal["filter", "ordering"]

_PIECE = re.compile(
    r"""
      (?P<whole>\s+ | '[^']*(?:''[^']*)*' | "[^"]*(?:""[^"]*)*"
        | (?:[^\W\d]\w*\.)?`[^`]*(?:``[^`]*)*` | [^\W\d]\w*\."[^"]*(?:""[^"]*)*" | [(),;])
    | (?P<open>(?:[^\W\d]\w*\.)?['"`].*)
    | (?P<sign>[=<>!]+)
    | (?P<word>[^\s()=<>!,;'"`]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_REST_OF_WORD = re.compile(r"""[\w.]*(?:(?<=\.)`[^`]*`)?""")
_REST_OF_SIGN = re.compile(r"[=<>!]*")


@dataclass(frozen=True, slots=True)
class Cursor:
    """`fragment` is what was begun, from `start` to the cursor; a completion takes the place of all up to `end`.

    `accepted` are the terminals that may stand at `start`, `operand` is what the comparison at hand is about, `sign`
    the comparator or keyword before, and `function` the function whose argument is to come.
    """

    fragment: str
    start: int
    end: int
    accepted: Set[str]
    operand: Operand | None
    sign: str
    function: Function | None
    joined: bool
    """Whether what stands before `start` would run into a word that begins there."""


def cursor_at(text: str, position: int, vocabulary: Vocabulary, start: Start) -> Cursor | None:
    """The cursor's place; None where what stands before it is no query's beginning."""
    if len(text) > MAX_LENGTH:
        return None
    before = text[:position]
    fragment, kind = _begun(before)
    head = before[: len(before) - len(fragment)]
    end = _end(text, position, fragment, kind)
    joined = bool(head) and not head[-1].isspace() and head[-1] not in "(=<>!"
    reading = _Reading(vocabulary)
    accepted = reading.read(head, start)
    if accepted is None:
        return None
    return Cursor(fragment, len(head), end, accepted, reading.operand, reading.sign, reading.function, joined)


def _begun(before: str) -> tuple[str, str]:
    """What stands right before the cursor and may go on there, and what kind of thing that is."""
    fragment, kind, at = "", "whole", 0
    while at < len(before):
        found = _PIECE.match(before, at)
        if found is None:
            return "", "whole"
        fragment, kind, at = found[0], str(found.lastgroup), found.end()
    return ("", kind) if kind == "whole" else (fragment, kind)


def _end(text: str, position: int, fragment: str, kind: str) -> int:
    if kind == "sign":
        return _match_end(_REST_OF_SIGN, text, position)
    if kind == "word":
        return _match_end(_REST_OF_WORD, text, position)
    if kind == "open":
        mark = next(character for character in fragment if character in "'\"`")
        # An odd number of marks follows where the quote is closed already.
        if text.count(mark, position) % 2:
            return text.index(mark, position) + 1
    return position


def _match_end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


class _Reading:
    """Reads what stands before a cursor, and keeps what a completion must know of it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.operand: Operand | None = None
        self.function: Function | None = None
        self.sign = ""

    def read(self, head: str, start: Start) -> Set[str] | None:
        """The terminals that may come next; None where the text has gone wrong before."""
        from lark import UnexpectedInput

        parser = grammar().parse_interactive(head, start=start)
        try:
            for token in parser.lexer_thread.lex(parser.parser_state):  # type: ignore[no-untyped-call]
                parser.feed_token(token)
                self._note(token.type, str(token), head)
        except UnexpectedInput:
            return None
        return parser.accepts()  # type: ignore[no-untyped-call, no-any-return]

    def _note(self, terminal: str, written: str, head: str) -> None:
        try:
            if terminal == "_FUNCTION":
                self.function = function_named(written, head, 0, self._vocabulary)
            elif terminal == "CHILDREN":
                self.operand, self.sign = parent_attribute(written, head, 0, self._vocabulary), "="
            elif terminal in NAMES:
                self.operand = None
                self.operand = resolve(written, head, 0, self._vocabulary, self.function)
                self.function = None
            elif terminal == "COMPARATOR":
                self.sign = written
            elif terminal in ("LIKE", "ILIKE", "_IN", "_BETWEEN"):
                self.sign = written.upper()
        except QueryError:
            # A name that nobody knows: the grammar says what comes next all the same.
            self.function = None
