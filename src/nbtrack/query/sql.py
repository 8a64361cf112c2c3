"""Tree -> SQL that runs unchanged on DuckDB and PostgreSQL.

Each key of a metric, param or tag is one LEFT JOIN, so a missing key is NULL and SQL's three-valued logic gives
MLflow's meaning: it matches nothing but IS NULL, under NOT too. What somebody typed goes into the parameters, never
into the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidParameter, QueryError
from .parser import parse, parse_ordering
from .tree import (
    And,
    Comparison,
    Key,
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
from .vocabulary import Kind, Vocabulary

MAX_ORDERINGS = 50
"""Clauses in an order_by."""

_NAN = "CAST('NaN' AS DOUBLE PRECISION)"

# PostgreSQL's CAST fails on a number that no double holds. So: 100 characters and a two-digit exponent, or one digit
# before the point, as Python's repr writes floats, and an exponent up to 307.
_NUMBER = (
    r"^[+-]?(([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?0*[0-9]{1,2})?"
    r"|[0-9]([.][0-9]{0,17})?[eE][+-]?0*([12][0-9]{2}|30[0-7])"
    r"|[iI]nf(inity)?)$"
)


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    """The parts of `SELECT … FROM table r {joins} WHERE {where} ORDER BY {order_by}`; none is empty but `joins`.

    `parameters` are those of all parts, for `$first_parameter` and on.
    """

    joins: str
    where: str
    order_by: str
    parameters: list[Any]


def compile_search(
    filter_string: str | None, order_by: Sequence[str], vocabulary: Vocabulary, first_parameter: int = 1
) -> CompiledSearch:
    """SQL for a filter and an order, over the vocabulary's table aliased `r`.

    Missing values come last and NaN just before them in both directions; a param or tag comes in the order of its
    number, and after the numbers in that of its text. Ties are broken by the vocabulary's default order. Raises
    QueryError.
    """
    if isinstance(order_by, str):
        raise InvalidParameter(f"order_by is a list of clauses: write [{order_by!r}].")
    if len(order_by) > MAX_ORDERINGS:
        reason = f"order_by has more than {MAX_ORDERINGS} clauses"
        raise QueryError(reason, order_by[MAX_ORDERINGS], 0)
    writer = _Writer(first_parameter)
    where = writer.condition(parse(filter_string, vocabulary))
    orderings = [parse_ordering(clause, vocabulary) for clause in order_by]
    terms = [term for ordering in _complete(orderings, vocabulary) for term in writer.ordering(ordering)]
    return CompiledSearch(" ".join(writer.joins), where, ", ".join(terms), writer.parameters)


def _complete(orderings: Sequence[Ordering], vocabulary: Vocabulary) -> list[Ordering]:
    """The clauses that decide something, and those of the default order."""
    complete: dict[Operand, Ordering] = {}
    for ordering in orderings:
        complete.setdefault(ordering.operand, ordering)
    for name, descending in vocabulary.default_order:
        attribute = vocabulary.attribute(name)
        assert attribute is not None
        complete.setdefault(attribute, Ordering(attribute, descending))
    return list(complete.values())


@dataclass(slots=True)
class _Writer:
    """Writes the SQL of one search, and gathers its joins and parameters."""

    first_parameter: int
    joins: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)
    _columns: dict[Key, str] = field(default_factory=dict)

    def condition(self, node: Node) -> str:
        match node:
            case And(parts):
                return f"({' AND '.join(map(self.condition, parts))})" if parts else "TRUE"
            case Or(parts):
                return f"({' OR '.join(map(self.condition, parts))})"
            case Not(part):
                return f"(NOT {self.condition(part)})"
            case Comparison(operand, comparator, value):
                return self._comparison(operand, comparator, value)
            case Membership(operand, values, negated):
                left, of = self._side(operand, values[0])
                listed = ", ".join(self._parameter(of(value)) for value in values)
                return f"({left} {'NOT IN' if negated else 'IN'} ({listed}))"
            case Pattern(operand, pattern, ignores_case, negated):
                left, of = self._side(operand, pattern)
                like = "ILIKE" if ignores_case else "LIKE"
                return f"({left} {'NOT ' if negated else ''}{like} {self._parameter(of(pattern))} ESCAPE '\\')"
            case Range(operand, low, high, negated):
                left, of = self._side(operand, low)
                ends = f"{self._parameter(of(low))} AND {self._parameter(of(high))}"
                return f"({left} {'NOT ' if negated else ''}BETWEEN {ends})"
            case Presence(operand, present):
                return f"({self._column(operand)} IS {'NOT ' if present else ''}NULL)"

    def ordering(self, ordering: Ordering) -> list[str]:
        column = self._column(ordering.operand)
        direction = "DESC NULLS LAST" if ordering.descending else "ASC NULLS LAST"
        match ordering.operand.kind:
            case Kind.MEASURE:
                missing = f"CASE WHEN {column} IS NULL THEN 2 WHEN {column} = {_NAN} THEN 1 ELSE 0 END"
                return [missing, f"{column} {direction}"]
            case Kind.VALUE:
                number = number_in(column)
                rank = f"CASE WHEN {column} IS NULL THEN 2 WHEN {number} IS NULL THEN 1 ELSE 0 END"
                text = f"CASE WHEN {number} IS NULL THEN {column} END"
                return [rank, f"{number} {direction}", f'{text} COLLATE "C" {direction}']
            case Kind.TEXT | Kind.WORD:
                return [f'{column} COLLATE "C" {direction}']
            case Kind.INTEGER | Kind.ID:
                return [f"{column} {direction}"]

    def _comparison(self, operand: Operand, comparator: str, value: Value) -> str:
        left, of = self._side(operand, value)
        sign = "<>" if comparator == "!=" else comparator
        compared = f"{left} {sign} {self._parameter(of(value))}"
        # Both databases take NaN for the largest number.
        if operand.kind is Kind.MEASURE and comparator in (">", ">="):
            return f"({compared} AND {left} <> {_NAN})"
        return f"({compared})"

    def _side(self, operand: Operand, value: Value) -> tuple[str, Callable[[Value], Value]]:
        """What to compare with a value like this one, and how the value is written for it."""
        column = self._column(operand)
        if not isinstance(value, str):
            return (number_in(column), float) if operand.kind is Kind.VALUE else (column, _same)
        if operand.kind is Kind.WORD:
            return f"LOWER({column})", lambda text: str(text).lower()
        return (f"CAST({column} AS VARCHAR)" if operand.kind is Kind.ID else column), _same

    def _column(self, operand: Operand) -> str:
        if not isinstance(operand, Key):
            return operand.sql
        if operand not in self._columns:
            alias = f"k{len(self._columns) + 1}"
            self._columns[operand] = f"{alias}.value"
            links = " AND ".join(f"{alias}.{column} = r.{column}" for column in operand.table.link)
            key = self._parameter(operand.name)
            self.joins.append(f"LEFT JOIN {operand.table.table} {alias} ON {links} AND {alias}.key = {key}")
        return self._columns[operand]

    def _parameter(self, value: Any) -> str:
        self.parameters.append(value)
        return f"${self.first_parameter + len(self.parameters) - 1}"


def _same(value: Value) -> Value:
    return value


def number_in(column: str) -> str:
    """The number that a text holds, or NULL."""
    return f"CASE WHEN LENGTH({column}) <= 100 AND {column} ~ '{_NUMBER}' THEN CAST({column} AS DOUBLE PRECISION) END"
