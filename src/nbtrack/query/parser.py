"""Parses queries: `parse` for a filter, `parse_ordering` for an order_by clause."""

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

    from .reader import Reader

MAX_LENGTH = 500_000
"""The most characters of a filter."""
MAX_DEPTH = 50
"""The deepest nesting of parentheses."""
MAX_KEYS = 100
"""The most metrics, params and tags in a filter. Each is a join, and DuckDB plans 100 joins in a second."""
MAX_VALUES = 30_000
"""The most numbers and strings in a filter. PostgreSQL takes 65,535 parameters."""

NAMES = frozenset({"PATH", "QUOTED_PATH", "QUOTED_NAME"})
_VALUES = frozenset({"NUMBER", "TEXT", "DURATION", "NOW"})
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def parse(text: str | None, vocabulary: Vocabulary = RUNS) -> Node:
    """Parse a filter.

    Args:
        text: A filter such as `metrics.m > 0.9 AND params.p = 'one'`. None and blank strings match every row.
        vocabulary: The names that the filter can use: RUNS, EXPERIMENTS, MODELS or VERSIONS.

    Returns:
        The filter as a tree, in which names are resolved and each value fits its operand.

    Raises:
        QueryError: If the string is not a valid filter. It carries the position of the first mistake.
        InvalidParameter: If `text` is not a string.

    >>> str(parse("metrics.`val/accuracy` > 0.9").operand)
    'metrics.val/accuracy'
    """
    if text is None:
        return EVERYTHING
    if not isinstance(text, str):
        raise InvalidParameter(f'The filter must be a string such as "metrics.m > 0.9", not {type(text).__name__}.')
    _check_characters(text)
    if not text.strip():
        return EVERYTHING
    tree, operands = _syntax_tree("filter", text, vocabulary)
    return _reader(text, operands).node(tree)


def parse_ordering(text: str, vocabulary: Vocabulary = RUNS) -> Ordering:
    """Parse one order_by clause.

    Args:
        text: A name, optionally followed by ASC or DESC, such as `metrics.loss DESC`.
        vocabulary: The names that the clause can use: RUNS, EXPERIMENTS, MODELS or VERSIONS.

    Returns:
        The operand to order by, and whether the order is descending.

    Raises:
        QueryError: If the string is not a valid clause. It carries the position of the first mistake.
        InvalidParameter: If `text` is not a string.

    >>> parse_ordering("metrics.loss DESC").descending
    True
    """
    if not isinstance(text, str):
        raise InvalidParameter(
            f'An order_by clause must be a string such as "metrics.m DESC", not {type(text).__name__}.'
        )
    _check_characters(text)
    tree, operands = _syntax_tree("ordering", text, vocabulary)
    return _reader(text, operands).ordering(tree)


def parse_name(text: str, vocabulary: Vocabulary = RUNS) -> Operand:
    """Return the operand that a name such as `params.lr` or `min(metrics.loss)` means. Raises QueryError."""
    if not isinstance(text, str):
        raise InvalidParameter(f'A name must be a string such as "metrics.m", not {type(text).__name__}.')
    _check_characters(text)
    tree, operands = _syntax_tree("ordering", text, vocabulary)
    _, *direction = tree.children
    if direction:
        position = getattr(direction[0], "start_pos", None) or 0
        raise QueryError("ASC and DESC are not allowed here", text, position, ["the end"])
    return _reader(text, operands).ordering(tree).operand


def _reader(text: str, operands: dict[int, Operand]) -> Reader:
    # The reader imports lark, which takes 30 ms, and a process without filters never needs it.
    from .reader import Reader

    return Reader(text, operands)


@cache
def grammar() -> Lark:
    """Return the LALR parser. The first query of a process builds it: 40 ms, after 30 ms for importing lark."""
    from lark import Lark

    grammar = files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="basic", start=["filter", "ordering"], maybe_placeholders=False)


def _check_characters(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise QueryError(f"The query is longer than {MAX_LENGTH:,} characters", text, MAX_LENGTH, ["the end"])
    if found := _UNSTORABLE.search(text):
        # The error is sent as JSON, which cannot carry a lone surrogate either.
        readable = _UNSTORABLE.sub("\ufffd", text)
        reason = f"No name or string can contain the character {found[0]!a}"
        raise QueryError(reason, readable, found.start())


def _syntax_tree(start: str, text: str, vocabulary: Vocabulary) -> tuple[Tree[Token], dict[int, Operand]]:
    """Return lark's tree, and the operand that the name at each position means."""
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
    """Yield the tokens of a query, then the one that ends it."""
    from lark import Token

    yield from parser.lexer_thread.lex(parser.parser_state)  # type: ignore[no-untyped-call]
    yield Token(END, "", len(text.rstrip()))


class _Limits:
    """Keeps a filter small enough for Python's stack and the database."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._values = 0
        self._keys: set[tuple[str, str]] = set()

    def count(self, terminal: str, position: int, operand: Operand | None) -> None:
        """Count a token. Raises QueryError if it exceeds a limit."""
        if terminal == "_OPEN":
            self._depth += 1
        elif terminal == "_CLOSE":
            self._depth -= 1
        elif terminal in _VALUES:
            self._values += 1
        elif isinstance(operand, Key):
            self._keys.add((operand.table.entity, operand.name))
        counts: tuple[tuple[int, int, str], ...] = (
            (self._depth, MAX_DEPTH, "nested parentheses"),
            (self._values, MAX_VALUES, "numbers and strings"),
            (len(self._keys), MAX_KEYS, "different metrics, params and tags"),
        )
        for number, limit, what in counts:
            if number > limit:
                raise QueryError(f"The query has more than {limit:,} {what}", self._text, position)
