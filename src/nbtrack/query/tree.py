"""The nodes of a parsed filter. Its names are resolved, and each value fits the operand that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .vocabulary import Attribute, Collection, Function, KeyTable, Kind

Comparator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
Value: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Key:
    """A metric, param or tag, or a function of it such as `min(metrics.loss)`."""

    table: KeyTable
    name: str
    function: Function | None = None

    @property
    def kind(self) -> Kind:
        return self.function.kind if self.function else self.table.kind

    def __str__(self) -> str:
        name = f"{self.table.entity}.{self.name}"
        return f"{self.function.name}({name})" if self.function else name


@dataclass(frozen=True, slots=True)
class Member:
    """A column of a collection: `datasets.name` has as many values as the run has datasets.

    A comparison holds if it holds for one of them. It is NULL if there is no value, as with other operands.
    """

    collection: Collection
    column: str

    @property
    def kind(self) -> Kind:
        return Kind.TEXT

    def __str__(self) -> str:
        return f"{self.collection.entity}.{self.column}"


Operand: TypeAlias = Attribute | Key | Member
"""The left side of a comparison."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operand comparator value`. NaN equals NaN, and is neither above nor below anything."""

    operand: Operand
    comparator: Comparator
    value: Value


@dataclass(frozen=True, slots=True)
class Pattern:
    """`operand [NOT] LIKE pattern`: % matches any string, _ any character; a backslash escapes the next character."""

    operand: Operand
    pattern: str
    ignores_case: bool
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """`operand [NOT] IN (values)`: at least one value, and either only strings or only numbers."""

    operand: Operand
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """`operand [NOT] BETWEEN low AND high`, both ends included."""

    operand: Operand
    low: int | float
    high: int | float
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """`operand IS [NOT] NULL`."""

    operand: Operand
    present: bool


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold. Without parts, it holds for every row."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Leaf: TypeAlias = Comparison | Pattern | Membership | Range
"""A node that compares an operand with values."""
Node: TypeAlias = Leaf | Presence | And | Or | Not

EVERYTHING = And(())


@dataclass(frozen=True, slots=True)
class Ordering:
    """One order_by clause."""

    operand: Operand
    descending: bool = False
