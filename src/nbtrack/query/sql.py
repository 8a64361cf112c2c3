"""Writes a tree as SQL that runs unchanged on DuckDB and PostgreSQL.

Each key of a metric, param or tag is one LEFT JOIN, so a missing key is NULL and SQL's three-valued logic gives
MLflow's meaning: it matches nothing but IS NULL, also under NOT. All questions about a run's datasets share one LEFT
JOIN. User input goes into the parameters, never into the SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidParameter, QueryError
from ..names import check_list
from .parser import parse, parse_ordering
from .tree import (
    And,
    Comparison,
    Key,
    Leaf,
    Member,
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
from .vocabulary import Collection, Kind, Vocabulary

MAX_ORDERINGS = 50
"""The most clauses in an order_by."""

_NAN = "CAST('NaN' AS DOUBLE PRECISION)"

# PostgreSQL's CAST fails on a number that a double cannot hold. So this accepts up to 100 characters with a two-digit
# exponent, or one digit before the point (as Python's repr writes floats) with an exponent up to 307.
NUMBER = (
    r"^[+-]?(([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?0*[0-9]{1,2})?"
    r"|[0-9]([.][0-9]{0,17})?[eE][+-]?0*([12][0-9]{2}|30[0-7])"
    r"|[iI]nf(inity)?)$"
)


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    """The parts of `SELECT … FROM table r {joins} WHERE {where} ORDER BY {order_by}`.

    Attributes:
        joins: The JOIN clauses; may be "".
        where: The condition, `TRUE` for an empty filter.
        order_by: The terms of ORDER BY, never empty.
        parameters: The values of all parameters, beginning with `$first_parameter`.
    """

    joins: str
    where: str
    order_by: str
    parameters: list[Any]


def compile_search(
    filter_string: str | None, order_by: Sequence[str], vocabulary: Vocabulary, first_parameter: int = 1
) -> CompiledSearch:
    """Compile a filter and an order to SQL.

    Missing values come last and NaN just before them, in both directions. Params and tags that hold numbers are
    ordered as numbers and come before those that do not, which are ordered as strings. Ties are broken by the
    vocabulary's default order.

    Args:
        filter_string: The filter. None and blank strings match every row.
        order_by: Clauses such as `metrics.loss DESC`, at most 50.
        vocabulary: The names that the query can use: RUNS, EXPERIMENTS, MODELS or VERSIONS. Its table has the alias
            `r` in the SQL.
        first_parameter: The number of the first parameter in the SQL.

    Returns:
        The parts of a SELECT statement and its parameters.

    Raises:
        QueryError: If the filter or a clause is not valid, or if there are too many clauses.
        InvalidParameter: If the filter or a clause is not a string, or if `order_by` is a single string.

    >>> from nbtrack.query import RUNS
    >>> compile_search("run_name = 'a'", ["start_time"], RUNS).where
    '(r.name = $1)'
    """
    order_by = check_orderings(order_by)
    writer = Writer(first_parameter)
    where = writer.condition(parse(filter_string, vocabulary))
    orderings = [parse_ordering(clause, vocabulary) for clause in order_by]
    terms = [term for ordering in _complete(orderings, vocabulary) for term in writer.ordering(ordering)]
    return CompiledSearch(writer.joins, where, ", ".join(terms), writer.parameters)


def check_orderings(order_by: Sequence[str]) -> list[str]:
    """Return the clauses of an order as a list. Raises InvalidParameter or QueryError if it is not one, or too long."""
    if isinstance(order_by, str):
        raise InvalidParameter(f"order_by must be a list of clauses, not a string. Write [{order_by!r}].")
    order_by = check_list(order_by, "order_by")
    if len(order_by) > MAX_ORDERINGS:
        reason = f"order_by has more than {MAX_ORDERINGS} clauses"
        raise QueryError(reason, order_by[MAX_ORDERINGS], 0)
    return order_by


def _complete(orderings: Sequence[Ordering], vocabulary: Vocabulary) -> list[Ordering]:
    """Return the clauses without repeated operands, followed by those of the default order."""
    complete: dict[Operand, Ordering] = {}
    for ordering in orderings:
        complete.setdefault(ordering.operand, ordering)
    for name, descending in vocabulary.default_order:
        attribute = vocabulary.attribute(name)
        assert attribute is not None
        complete.setdefault(attribute, Ordering(attribute, descending))
    return list(complete.values())


@dataclass(frozen=True, slots=True)
class _Side:
    """The left side of a comparison: the SQL of its value, and of the number that a string holds."""

    value: str
    number: str
    kind: Kind


@dataclass(slots=True)
class Writer:
    """Writes the SQL of one search and collects its joins and parameters."""

    first_parameter: int
    parameters: list[Any] = field(default_factory=list)
    _joins: dict[str, None] = field(default_factory=dict)
    _aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    _asked: dict[Collection, dict[str, str]] = field(default_factory=dict)
    """For each collection, the SQL of each question about a row's members, with the name of its column."""

    @property
    def joins(self) -> str:
        collected = [
            f"LEFT JOIN (SELECT {_columns('m', collection)}, "
            f"{', '.join(f'{question} AS {name}' for question, name in questions.items())} "
            f"FROM {collection.table} m GROUP BY {_columns('m', collection)}) {collection.entity} "
            f"ON {' AND '.join(f'{collection.entity}.{column} = r.{column}' for column in collection.link)}"
            for collection, questions in self._asked.items()
        ]
        return " ".join([*self._joins, *collected])

    def condition(self, node: Node) -> str:
        match node:
            case And(parts):
                return f"({' AND '.join(map(self.condition, parts))})" if parts else "TRUE"
            case Or(parts):
                return f"({' OR '.join(map(self.condition, parts))})"
            case Not(part):
                return f"(NOT {self.condition(part)})"
            case Presence(operand, present):
                return f"({self.value(operand)} IS {'NOT ' if present else ''}NULL)"
        return self._leaf(node)

    def ordering(self, ordering: Ordering) -> list[str]:
        operand = ordering.operand
        column = self.value(operand)
        direction = "DESC NULLS LAST" if ordering.descending else "ASC NULLS LAST"
        match operand.kind:
            case Kind.MEASURE:
                missing = f"CASE WHEN {column} IS NULL THEN 2 WHEN {column} = {_NAN} THEN 1 ELSE 0 END"
                return [missing, f"{column} {direction}"]
            case Kind.VALUE:
                number = self.number(operand, column)
                rank = f"CASE WHEN {column} IS NULL THEN 2 WHEN {number} IS NULL THEN 1 ELSE 0 END"
                text = f"CASE WHEN {number} IS NULL THEN {column} END"
                return [rank, f"{number} {direction}", f'{text} COLLATE "C" {direction}']
            case Kind.TEXT | Kind.WORD:
                return [f'{column} COLLATE "C" {direction}']
            case Kind.INTEGER | Kind.ID | Kind.TIME | Kind.DURATION:
                return [f"{column} {direction}"]

    def _leaf(self, node: Leaf) -> str:
        operand = node.operand
        if isinstance(operand, Member):
            one = self._tested(node, _Side(f"m.{operand.column}", "", operand.kind))
            return self._question(operand.collection, f"BOOL_OR{one}")
        value = self.value(operand)
        answer = self._tested(node, _Side(value, self.number(operand, value), operand.kind))
        if isinstance(operand, Key) or not operand.other:
            return answer
        other = self._tested(node, _Side(operand.other, "", operand.kind))
        return f"({answer} {'AND' if _is_negated(node) else 'OR'} {other})"

    def _tested(self, node: Leaf, side: _Side) -> str:
        """Return a comparison as SQL in parentheses."""
        match node:
            case Comparison(_, comparator, value):
                return self._compared(side, comparator, value)
            case Membership(_, values, negated):
                left, of = _left(side, values[0])
                listed = ", ".join(self._parameter(of(value)) for value in values)
                return f"({left} {'NOT IN' if negated else 'IN'} ({listed}))"
            case Pattern(_, pattern, ignores_case, negated):
                left, of = _left(side, pattern)
                like = "ILIKE" if ignores_case else "LIKE"
                return f"({left} {'NOT ' if negated else ''}{like} {self._parameter(of(pattern))} ESCAPE '\\')"
            case Range(_, low, high, negated):
                left, of = _left(side, low)
                ends = f"{self._parameter(of(low))} AND {self._parameter(of(high))}"
                return f"({left} {'NOT ' if negated else ''}BETWEEN {ends})"

    def _compared(self, side: _Side, comparator: str, value: Value) -> str:
        left, of = _left(side, value)
        sign = "<>" if comparator == "!=" else comparator
        compared = f"{left} {sign} {self._parameter(of(value))}"
        # Both databases treat NaN as the largest number.
        if side.kind is Kind.MEASURE and comparator in (">", ">="):
            return f"({compared} AND {left} <> {_NAN})"
        return f"({compared})"

    def value(self, operand: Operand) -> str:
        """Return the SQL of an operand's value; for a collection, of its first value in alphabetical order."""
        if isinstance(operand, Member):
            return self._question(operand.collection, f'MIN(m.{operand.column} COLLATE "C")')
        if isinstance(operand, Key):
            alias = self._alias(operand)
            return f"{alias}.value" if operand.function is None else operand.function.sql.replace("k.", f"{alias}.")
        if operand.join:
            self._joins[operand.join] = None
        return operand.sql

    def members(self, operand: Member, *, named: bool = False) -> str:
        """Return the SQL of all different values in a collection, in alphabetical order and separated by commas.

        With `named`, each value follows the member's name, in parentheses.
        """
        # PostgreSQL orders distinct values only by the very expression that is distinct, which must be TEXT.
        one = f"m.{operand.column}"
        if named:
            one = f"m.name || ' (' || {one} || ')'"
        one = f'CAST({one} AS TEXT) COLLATE "C"'
        return self._question(operand.collection, f"STRING_AGG(DISTINCT {one}, ', ' ORDER BY {one})")

    def number(self, operand: Operand, value: str) -> str:
        if operand.kind is not Kind.VALUE:
            return ""
        if isinstance(operand, Key) and operand.table.has_numbers:
            return f"{self._alias(operand)}.number"
        return number_in(value)

    def _alias(self, key: Key) -> str:
        """Return the alias of a key's join, which everything about this key shares."""
        table = key.table
        known = (table.table, key.name)
        if known not in self._aliases:
            alias = self._aliases[known] = f"k{len(self._aliases) + 1}"
            if table.join:
                self._joins[table.join] = None
            links = " AND ".join(f"{alias}.{column} = {table.row}.{column}" for column in table.link)
            name = self._parameter(key.name)
            self._joins[f"LEFT JOIN {table.table} {alias} ON {links} AND {alias}.key = {name}"] = None
        return self._aliases[known]

    def _question(self, collection: Collection, question: str) -> str:
        asked = self._asked.setdefault(collection, {})
        return f"{collection.entity}.{asked.setdefault(question, f'q{len(asked) + 1}')}"

    def _parameter(self, value: Any) -> str:
        self.parameters.append(value)
        return f"${self.first_parameter + len(self.parameters) - 1}"


def _left(side: _Side, value: Value) -> tuple[str, Callable[[Value], Value]]:
    """Return the SQL to compare with a value like this one, and a function that converts the value for it."""
    if not isinstance(value, str):
        return (side.number, float) if side.kind is Kind.VALUE else (side.value, _same)
    if side.kind is Kind.WORD:
        return f"LOWER({side.value})", lambda text: str(text).lower()
    return (f"CAST({side.value} AS VARCHAR)" if side.kind is Kind.ID else side.value), _same


def _same(value: Value) -> Value:
    return value


def _is_negated(node: Leaf) -> bool:
    return node.comparator == "!=" if isinstance(node, Comparison) else node.negated


def number_in(column: str) -> str:
    """Return SQL for the number that a string column holds, or NULL if it does not hold one."""
    return f"CASE WHEN LENGTH({column}) <= 100 AND {column} ~ '{NUMBER}' THEN CAST({column} AS DOUBLE PRECISION) END"


def _columns(alias: str, collection: Collection) -> str:
    return ", ".join(f"{alias}.{column}" for column in collection.link)
