"""Text -> tree: `parse` for a filter, `parse_ordering` for an order_by clause."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ..errors import InvalidParameter, QueryError
from .mistakes import END, Mistake
from .names import function_named, parent_attribute, resolve
from .tree import EVERYTHING, Key, Node, Operand, Ordering
from .vocabulary import RUNS, Function, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lark import Lark, Token, Tree
    from lark.parsers.lalr_interactive_parser import InteractiveParser

MAX_LENGTH = 500_000
"""Characters of a filter."""
MAX_DEPTH = 50
"""Parentheses within each other."""
MAX_KEYS = 100
"""Different metrics, params and tags in a filter: each is a join, and DuckDB plans 100 of them in a second."""
MAX_VALUES = 30_000
"""Numbers and texts in a filter: PostgreSQL takes 65,535 parameters."""

NAMES = frozenset({"PATH", "QUOTED_PATH", "QUOTED_NAME"})
_VALUES = frozenset({"NUMBER", "TEXT", "DURATION", "NOW"})
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def parse(text: str | None, vocabulary: Vocabulary = RUNS) -> Node:
    """The tree of a filter; nothing or blank text means everything.

    Raises QueryError, with the position of the first thing that is wrong, for a text that is no filter.
    """
    if text is None:
        return EVERYTHING
    if not isinstance(text, str):
        raise InvalidParameter(f'A filter is a text such as "metrics.m > 0.9", not {type(text).__name__}.')
    _check_characters(text)
    if not text.strip():
        return EVERYTHING
    from .reader import Reader

    tree, operands = _syntax_tree("filter", text, vocabulary)
    return Reader(text, operands).node(tree)


def parse_ordering(text: str, vocabulary: Vocabulary = RUNS) -> Ordering:
    """One order_by clause: a name, then perhaps ASC or DESC. Raises QueryError."""
    if not isinstance(text, str):
        raise InvalidParameter(f'An order_by clause is a text such as "metrics.m DESC", not {type(text).__name__}.')
    _check_characters(text)
    from .reader import Reader

    tree, operands = _syntax_tree("ordering", text, vocabulary)
    return Reader(text, operands).ordering(tree)


def parse_name(text: str, vocabulary: Vocabulary = RUNS) -> Operand:
    """What a name alone means, such as `params.lr` or `min(metrics.loss)`. Raises QueryError."""
    if not isinstance(text, str):
        raise InvalidParameter(f'A name is a text such as "metrics.m", not {type(text).__name__}.')
    _check_characters(text)
    from .reader import Reader

    tree, operands = _syntax_tree("ordering", text, vocabulary)
    _, *direction = tree.children
    if direction:
        position = getattr(direction[0], "start_pos", None) or 0
        raise QueryError("a name alone has no direction", text, position, ["the end"])
    return Reader(text, operands).ordering(tree).operand


@cache
def grammar() -> Lark:
    """The LALR tables, built at the first query of a process: 40 ms, after 30 ms for importing lark."""
    from lark import Lark

    grammar = files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="basic", start=["filter", "ordering"], maybe_placeholders=False)


def _check_characters(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query is longer than {MAX_LENGTH:,} characters", text, MAX_LENGTH, ["the end"])
    if found := _UNSTORABLE.search(text):
        # The error travels as JSON, which carries no lone surrogate either.
        readable = _UNSTORABLE.sub("\ufffd", text)
        reason = f"the character {found[0]!a} can be in no name and no text"
        raise QueryError(reason, readable, found.start())


def _syntax_tree(start: str, text: str, vocabulary: Vocabulary) -> tuple[Tree[Token], dict[int, Operand]]:
    """lark's tree, and what the name at each position means."""
    from lark import UnexpectedCharacters, UnexpectedToken

    parser = grammar().parse_interactive(text, start=start)
    operands: dict[int, Operand] = {}
    limits = _Limits(text)
    operand: Operand | None = None
    function: Function | None = None
    terminal: str | None = None
    previous, position = "", 0
    try:
        for token in _tokens(parser, text):
            position, terminal = token.start_pos or 0, token.type
            tree = parser.feed_token(token)
            if terminal == "_FUNCTION":
                function = function_named(str(token), text, position, vocabulary)
            elif terminal == "CHILDREN":
                operand = operands[position] = parent_attribute(str(token), text, position, vocabulary)
            elif terminal in NAMES:
                operand = operands[position] = resolve(str(token), text, position, vocabulary, function)
                function = None
            limits.count(terminal, position, operand)
            previous = "PATH" if terminal in NAMES else terminal
    except UnexpectedCharacters as error:
        position, terminal = error.pos_in_stream or 0, None
    except UnexpectedToken:
        pass
    else:
        return tree, operands
    accepted: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
    raise Mistake(text, position, terminal, previous, accepted, operand, vocabulary).error()


def _tokens(parser: InteractiveParser, text: str) -> Iterator[Token]:
    """The tokens of a text, then the one that ends it."""
    from lark import Token

    yield from parser.lexer_thread.lex(parser.parser_state)  # type: ignore[no-untyped-call]
    yield Token(END, "", len(text.rstrip()))


class _Limits:
    """Keeps a filter small enough for Python's stack and for the database."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._values = 0
        self._keys: set[tuple[str, str]] = set()

    def count(self, terminal: str, position: int, operand: Operand | None) -> None:
        """Count a token in. Raises QueryError at the one that is too much."""
        if terminal == "_OPEN":
            self._depth += 1
        elif terminal == "_CLOSE":
            self._depth -= 1
        elif terminal in _VALUES:
            self._values += 1
        elif isinstance(operand, Key):
            self._keys.add((operand.table.entity, operand.name))
        counts: tuple[tuple[int, int, str], ...] = (
            (self._depth, MAX_DEPTH, "parentheses within each other"),
            (self._values, MAX_VALUES, "numbers and texts"),
            (len(self._keys), MAX_KEYS, "different metrics, params and tags"),
        )
        for number, limit, what in counts:
            if number > limit:
                raise QueryError(f"the query has more than {limit:,} {what}", self._text, position)
