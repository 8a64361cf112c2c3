"""What of a filter a row does not satisfy, and which values it has instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .parser import parse
from .sql import Writer
from .tree import And, Node, Not, Operand, Or
from .vocabulary import Kind, Vocabulary


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """The parts of `SELECT {columns} FROM table r {joins}`, for one row: what `failing` reads."""

    joins: str
    columns: str
    parameters: list[Any]
    _parts: list[list[str]]
    """The names that each part of the filter speaks of."""

    def failing(self, row: Sequence[Any]) -> dict[str, Any]:
        """The names in those parts of the filter that do not hold, with their values; None for what is not there."""
        values = iter(row)
        found: dict[str, Any] = {}
        for names in self._parts:
            holds = next(values)
            named = {name: next(values) for name in names}
            if not holds:
                found |= named
        return found


def compile_parts(filter_string: str, vocabulary: Vocabulary, first_parameter: int = 1) -> CompiledParts:
    """SQL that asks of a row, over the vocabulary's table aliased `r`, which parts of a filter hold. Raises QueryError.

    The parts are what AND joins at the top.
    """
    tree = parse(filter_string, vocabulary)
    writer = Writer(first_parameter)
    columns: list[str] = []
    parts: list[list[str]] = []
    for node in tree.parts if isinstance(tree, And) else (tree,):
        operands = {str(operand): operand for operand in _operands(node)}
        columns += [writer.condition(node), *(_value(operand, writer) for operand in operands.values())]
        parts.append(list(operands))
    return CompiledParts(writer.joins, ", ".join(columns), writer.parameters, parts)


def _value(operand: Operand, writer: Writer) -> str:
    value = writer.value(operand)
    # A metric's NaN is a value too; as a number it would come out of the database as it is.
    return value if operand.kind is Kind.MEASURE else f"CAST({value} AS VARCHAR)"


def _operands(node: Node) -> Iterator[Operand]:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _operands(part)
        case Not(part):
            yield from _operands(part)
        case _:
            yield node.operand
