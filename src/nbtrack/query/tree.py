"""A filter as a tree. A tree is always meaningful: names are resolved, and each value fits what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .vocabulary import Attribute, KeyTable, Kind

Comparator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
Value: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Key:
    """One metric, param or tag."""

    table: KeyTable
    name: str

    @property
    def kind(self) -> Kind:
        return self.table.kind

    def __str__(self) -> str:
        return f"{self.table.entity}.{self.name}"


Operand: TypeAlias = Attribute | Key
"""What stands on the left of a comparison."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operand comparator value`. NaN equals NaN, and is neither above nor below anything."""

    operand: Operand
    comparator: Comparator
    value: Value


@dataclass(frozen=True, slots=True)
class Pattern:
    """`operand [NOT] LIKE pattern`: % is any text, _ any character, a backslash takes the next character as it is."""

    operand: Operand
    pattern: str
    ignores_case: bool
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """`operand [NOT] IN (values)`: at least one value; all are texts, or all are numbers."""

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
    """All parts hold; without parts it holds for everything."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node: TypeAlias = Comparison | Pattern | Membership | Range | Presence | And | Or | Not

EVERYTHING = And(())


@dataclass(frozen=True, slots=True)
class Ordering:
    """One order_by clause."""

    operand: Operand
    descending: bool = False
