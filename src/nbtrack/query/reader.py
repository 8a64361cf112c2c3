"""lark's tree -> our tree, with the check that each value fits what it is compared with."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import cast

from lark import Token, Tree

from ..errors import QueryError
from .names import shown
from .tree import (
    And,
    Comparator,
    Comparison,
    Membership,
    Node,
    Not,
    Operand,
    Or,
    Ordering,
    Pattern,
    Presence,
    Range,
    Value,
)
from .vocabulary import Kind

_SYNONYMS = {"==": "=", "<>": "!="}
_ENDS_IN_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


class Reader:
    """Reads the trees of one text; `operands` says what the name at each position means."""

    def __init__(self, text: str, operands: dict[int, Operand]) -> None:
        self._text = text
        self._operands = operands

    def node(self, tree: Tree[Token]) -> Node:
        """The meaning of a tree. Raises QueryError where a comparison makes no sense."""
        return cast(Node, getattr(self, f"_{tree.data}")(tree.children))

    def ordering(self, tree: Tree[Token]) -> Ordering:
        """The meaning of an order_by clause."""
        name, *direction = cast("list[Token]", tree.children)
        return Ordering(self._operand(name), any(token.type == "DESC" for token in direction))

    def _disjunction(self, children: Sequence[Tree[Token]]) -> Node:
        return Or(tuple(self.node(child) for child in children))

    def _conjunction(self, children: Sequence[Tree[Token]]) -> Node:
        return And(tuple(self.node(child) for child in children))

    def _negation(self, children: Sequence[Token | Tree[Token]]) -> Node:
        *nots, tree = children
        part = self.node(cast("Tree[Token]", tree))
        return Not(part) if len(nots) % 2 else part

    def _comparison(self, children: Sequence[Token]) -> Node:
        name, sign, value = children
        comparator = cast(Comparator, _SYNONYMS.get(sign, str(sign)))
        operand = self._operand(name)
        orders = comparator not in ("=", "!=")
        if orders:
            self._check_orders(operand, sign, value)
        return Comparison(operand, comparator, self._value(operand, value, orders))

    def _pattern(self, children: Sequence[Token]) -> Node:
        name, *nots, like, pattern = children
        operand = self._operand(name)
        if not operand.kind.takes_text:
            raise self._error(like, f"{like.upper()} compares texts, and {_name(operand)} is a number", _COMPARES)
        text = _unquoted(pattern)
        if _ENDS_IN_ESCAPE.search(text):
            reason = "the pattern ends in a backslash, which takes the next character as it is; write two for one"
            raise QueryError(
                reason, self._text, _start(pattern) + len(pattern) - 2, ["a character after the backslash"]
            )
        return Pattern(operand, text, like.type == "ILIKE", bool(nots))

    def _membership(self, children: Sequence[Token]) -> Node:
        name, *rest = children
        nots = [token for token in rest if token.type == "NOT"]
        listed = rest[len(nots) :]
        operand = self._operand(name)
        for token in listed:
            if token.type != listed[0].type:
                expected = ["a number"] if listed[0].type == "NUMBER" else ["a quoted text"]
                raise self._error(token, "a list holds either texts or numbers", expected)
        values = dict.fromkeys(self._value(operand, token) for token in listed)
        return Membership(operand, tuple(values), bool(nots))

    def _range(self, children: Sequence[Token]) -> Node:
        name, *nots, low, high = children
        operand = self._operand(name)
        ends = []
        for token in (low, high):
            self._check_orders(operand, token, token, "BETWEEN")
            ends.append(cast("int | float", self._value(operand, token, orders=True)))
        return Range(operand, ends[0], ends[1], bool(nots))

    def _presence(self, children: Sequence[Token]) -> Node:
        name, *nots = children
        return Presence(self._operand(name), bool(nots))

    def _operand(self, name: Token) -> Operand:
        return self._operands[_start(name)]

    def _check_orders(self, operand: Operand, at: Token, value: Token, sign: str | None = None) -> None:
        if not operand.kind.takes_number:
            reason = f"{sign or at} compares numbers, and {_name(operand)} is a text"
            raise self._error(at, reason, ["=", "!=", "LIKE", "ILIKE", "IN"])
        if value.type == "TEXT":
            number = _unquoted(value)
            hint = f"; write {shown(number)} without quotes" if _is_number(number) else ""
            raise self._error(value, f"{sign or at} compares numbers, and this is a text{hint}", ["a number"])

    def _value(self, operand: Operand, token: Token, orders: bool = False) -> Value:
        if token.type == "TEXT":
            if not operand.kind.takes_text:
                text = _unquoted(token)
                hint = f"; write {shown(text)} without quotes" if _is_number(text) else ""
                raise self._error(token, f"{_name(operand)} is a number, and this is a text{hint}", ["a number"])
            return _unquoted(token)
        if not operand.kind.takes_number:
            reason = f"{_name(operand)} is a text: write '{shown(token)}' in quotes"
            raise self._error(token, reason, ["a quoted text"])
        number = _number(token, operand.kind)
        if math.isnan(number):
            if operand.kind is not Kind.MEASURE:
                hint = f": write '{token}' in quotes" if operand.kind.takes_text else ""
                raise self._error(token, f"only metrics can be NaN{hint}", ["a number"])
            if orders:
                raise self._error(token, "nothing is above or below NaN; use = or != with it", ["a number"])
        return number

    def _error(self, token: Token, reason: str, expected: Sequence[str]) -> QueryError:
        return QueryError(reason, self._text, _start(token), expected)


_COMPARES = ["a comparison such as > or =", "IN", "BETWEEN", "IS NULL"]


def _name(operand: Operand) -> str:
    return shown(str(operand))


def _start(token: Token) -> int:
    assert token.start_pos is not None
    return token.start_pos


def _unquoted(token: str) -> str:
    mark = token[0]
    return token[1:-1].replace(mark * 2, mark)


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False


def _number(token: str, kind: Kind) -> int | float:
    # A whole number stays exact beside integers; beyond 18 digits it would not fit into the database's.
    if kind in (Kind.INTEGER, Kind.ID) and _INTEGER.fullmatch(token):
        return int(token)
    return float(token)
