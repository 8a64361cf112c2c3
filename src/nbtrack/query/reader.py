"""lark's tree -> our tree, with the check that each value fits what it is compared with."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeAlias, cast

from lark import Token, Tree

from ..errors import QueryError
from . import times
from .mistakes import DURATIONS, TIMES, values_of
from .names import shown, unquoted
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
_IS_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ms|[smhdw]))+")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")

_Leaf: TypeAlias = Token | Tree[Token]
"""A name, a sign or a value. A value such as `now() - 7d` is a tree."""


class Reader:
    """Turns lark's trees of one query into nodes.

    Args:
        text: The query.
        operands: The operand that the name at each position means.
    """

    def __init__(self, text: str, operands: dict[int, Operand]) -> None:
        self._query = text
        self._operands = operands

    def node(self, tree: Tree[Token]) -> Node:
        """Return the node that a tree means. Raises QueryError if a value does not fit its operand."""
        return cast(Node, getattr(self, f"_{tree.data}")(tree.children))

    def ordering(self, tree: Tree[Token]) -> Ordering:
        """Return the ordering that the tree of an order_by clause means."""
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

    def _comparison(self, children: Sequence[_Leaf]) -> Node:
        name, sign, value = cast("tuple[Token, Token, _Leaf]", children)
        comparator = cast(Comparator, _SYNONYMS.get(sign, str(sign)))
        operand = self._operand(name)
        orders = comparator not in ("=", "!=")
        if orders:
            self._check_orders(operand, sign, value)
        elif within := _day(operand, value):
            return Not(within) if comparator == "!=" else within
        return Comparison(operand, comparator, self._value(operand, value, orders))

    def _pattern(self, children: Sequence[Token]) -> Node:
        name, *nots, like, pattern = children
        operand = self._operand(name)
        if not operand.kind.takes_text:
            reason = f"{like.upper()} compares strings, but {_name(operand)} holds {operand.kind.nouns}"
            raise self._error(like, reason, _COMPARES)
        text = unquoted(pattern)
        if _ENDS_IN_ESCAPE.search(text):
            reason = "The pattern ends in a backslash, which escapes the next character. Write \\\\ for a backslash"
            raise QueryError(
                reason, self._query, _start(pattern) + len(pattern) - 2, ["a character after the backslash"]
            )
        return Pattern(operand, text, like.type == "ILIKE", bool(nots))

    def _membership(self, children: Sequence[_Leaf]) -> Node:
        name, *rest = children
        listed = [leaf for leaf in rest if not (isinstance(leaf, Token) and leaf.type == "NOT")]
        negated = len(listed) < len(rest)
        operand = self._operand(cast(Token, name))
        for leaf in listed:
            if operand.kind is not Kind.TIME and (_type(leaf) == "TEXT") != (_type(listed[0]) == "TEXT"):
                expected = ["a quoted string"] if _type(listed[0]) == "TEXT" else ["a number"]
                raise self._error(leaf, "A list must hold either strings or numbers, not both", expected)
        days = [within for leaf in listed if (within := _day(operand, leaf))]
        others = dict.fromkeys(self._value(operand, leaf) for leaf in listed if not _day(operand, leaf))
        if not days:
            return Membership(operand, tuple(others), negated)
        parts = (*days, Membership(operand, tuple(others))) if others else tuple(days)
        return Not(Or(parts)) if negated else Or(parts)

    def _range(self, children: Sequence[_Leaf]) -> Node:
        name, *nots, low, high = children
        operand = self._operand(cast(Token, name))
        ends = []
        for leaf in (low, high):
            self._check_orders(operand, leaf, leaf, "BETWEEN")
            ends.append(cast("int | float", self._value(operand, leaf, orders=True)))
        return Range(operand, ends[0], ends[1], bool(nots))

    def _presence(self, children: Sequence[Token]) -> Node:
        name, *nots = children
        return Presence(self._operand(name), bool(nots))

    def _children(self, children: Sequence[Token]) -> Node:
        function, parent = children
        return Comparison(self._operand(function), "=", unquoted(parent))

    def _operand(self, name: Token) -> Operand:
        return self._operands[_start(name)]

    def _check_orders(self, operand: Operand, at: _Leaf, value: _Leaf, sign: str | None = None) -> None:
        if not operand.kind.takes_number:
            reason = f"{sign or at} compares numbers, but {_name(operand)} is a string"
            raise self._error(at, reason, ["=", "!=", "LIKE", "ILIKE", "IN"])
        if _type(value) == "TEXT" and operand.kind not in (Kind.TIME, Kind.DURATION):
            number = unquoted(cast(Token, value))
            hint = f". Write {shown(number)} without quotes" if _is_number(number) else ""
            raise self._error(value, f"{sign or at} compares numbers, but this is a string{hint}", ["a number"])

    def _value(self, operand: Operand, leaf: _Leaf, orders: bool = False) -> Value:
        if isinstance(leaf, Tree):
            return self._moment(operand, leaf)
        if leaf.type == "TEXT":
            return self._string(operand, leaf)
        if leaf.type == "DURATION":
            return self._duration(operand, leaf)
        return self._number(operand, leaf, orders)

    def _string(self, operand: Operand, token: Token) -> Value:
        text = unquoted(token)
        if operand.kind.takes_text:
            return text
        hint = f". Write {shown(text)} without quotes" if _is_number(text) else ""
        if operand.kind is Kind.TIME:
            try:
                return times.moment(text)
            except ValueError:
                hint = hint or ". Write a date such as '2026-11-01' or '2026-11-01 18:30'"
                raise self._error(token, f"This is not a valid time{hint}", TIMES) from None
        if operand.kind is Kind.DURATION:
            if _IS_DURATION.fullmatch(text):
                hint = f". Write {shown(text)} without quotes"
            raise self._error(token, f"{_must_be(operand)}, not a string{hint}", DURATIONS)
        raise self._error(token, f"{_must_be(operand)}, not a string{hint}", ["a number"])

    def _number(self, operand: Operand, token: Token, orders: bool) -> Value:
        if not operand.kind.takes_number:
            reason = f"{_must_be(operand)}. Write '{shown(token)}' in quotes"
            raise self._error(token, reason, ["a quoted string"])
        number = _number(token, operand.kind)
        if math.isnan(number):
            if operand.kind is not Kind.MEASURE:
                hint = f". Write '{token}' in quotes" if operand.kind.takes_text else ""
                raise self._error(token, f"Only metrics can be NaN{hint}", ["a number"])
            if orders:
                raise self._error(token, "No number is above or below NaN. Use = or != instead", ["a number"])
        return number

    def _duration(self, operand: Operand, token: Token) -> Value:
        if operand.kind is Kind.DURATION:
            return times.duration(token)
        if operand.kind is Kind.TIME:
            ago = f"For {shown(token)} ago, write now() - {shown(token)}"
            raise self._error(token, f"{_must_be(operand)}, not a duration. {ago}", TIMES)
        if operand.kind.takes_text:
            raise self._error(token, f"A string must be in quotes: '{shown(token)}'", ["a quoted string"])
        raise self._error(token, f"{_must_be(operand)}, not a duration", ["a number"])

    def _moment(self, operand: Operand, tree: Tree[Token]) -> Value:
        now, *steps = cast("list[Token]", tree.children)
        if operand.kind is not Kind.TIME:
            raise self._error(now, f"{_must_be(operand)}, not a time", values_of(operand.kind))
        at: int | float = times.now()
        for sign, length in zip(steps[::2], steps[1::2], strict=True):
            at += times.duration(length) if sign == "+" else -times.duration(length)
            if abs(at) > times.LARGEST:
                raise self._error(length, "This time is out of range", ["a shorter duration"])
        return times.exact(at)

    def _error(self, at: _Leaf, reason: str, expected: Sequence[str]) -> QueryError:
        token = at if isinstance(at, Token) else cast(Token, at.children[0])
        return QueryError(reason, self._query, _start(token), expected)


_COMPARES = ["a comparison such as > or =", "IN", "BETWEEN", "IS NULL"]


def _name(operand: Operand) -> str:
    return shown(str(operand))


def _must_be(operand: Operand) -> str:
    kind = operand.kind
    either = "a number or a string" if kind.takes_number and kind.takes_text else kind.noun
    return f"{_name(operand)} must be compared with {either}"


def _start(token: Token) -> int:
    assert token.start_pos is not None
    return token.start_pos


def _type(leaf: _Leaf) -> str:
    return leaf.type if isinstance(leaf, Token) else "NOW"


def _day(operand: Operand, leaf: _Leaf) -> Node | None:
    """Return the condition that a time lies within a day, or None if the value is not a date without a time."""
    if operand.kind is not Kind.TIME or _type(leaf) != "TEXT":
        return None
    ends = times.day(unquoted(cast(Token, leaf)))
    return And((Comparison(operand, ">=", ends[0]), Comparison(operand, "<", ends[1]))) if ends else None


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False


def _number(token: str, kind: Kind) -> int | float:
    # An integer stays exact. Beyond 18 digits it would not fit into the database's integers.
    if kind not in (Kind.MEASURE, Kind.VALUE) and _INTEGER.fullmatch(token):
        return int(token)
    return float(token)
