"""The cursor in a query that is being typed: the fragment before it, and what the grammar accepts there."""

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
    """A place in a query that is being typed.

    Attributes:
        fragment: The unfinished word before the cursor, which begins at `start`.
        start: The offset at which a completion begins, in characters.
        end: The offset at which it ends. A completion replaces everything from `start` to `end`.
        accepted: The terminals that the grammar accepts at `start`.
        operand: The left side of the comparison at the cursor, if there is one.
        sign: The comparator or keyword before the cursor.
        function: The function whose argument comes next, if there is one.
        joined: Whether a word that begins at `start` would run into what comes before it.
    """

    fragment: str
    start: int
    end: int
    accepted: Set[str]
    operand: Operand | None
    sign: str
    function: Function | None
    joined: bool


def cursor_at(text: str, position: int, vocabulary: Vocabulary, start: Start) -> Cursor | None:
    """Return the cursor at a position, or None if what comes before it cannot begin a query."""
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
    """Return the unfinished piece right before the cursor, and its kind (a group of _PIECE)."""
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
        # An odd number of marks follows if the quote is already closed.
        if text.count(mark, position) % 2:
            return text.index(mark, position) + 1
    return position


def _match_end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


class _Reading:
    """Parses what comes before a cursor and remembers what a completion needs."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.operand: Operand | None = None
        self.function: Function | None = None
        self.sign = ""

    def read(self, head: str, start: Start) -> Set[str] | None:
        """Return the terminals that can come next, or None if there is a mistake before."""
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
            # The name is unknown, but the grammar still tells what can come next.
            self.function = None
