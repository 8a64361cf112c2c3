"""Finds the parts of a filter that a row does not satisfy, and the values that it has instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .parser import parse
from .sql import Writer
from .tree import And, Node, Not, Operand, Or
from .vocabulary import Kind, Vocabulary


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """The parts of a query `SELECT {columns} FROM table r {joins}` whose rows `failing` reads.

    Attributes:
        joins: The JOIN clauses, or "".
        columns: The columns: for each part of the filter whether it holds, then the values of its names.
        parameters: The values of all parameters, in order.
    """

    joins: str
    columns: str
    parameters: list[Any]
    _parts: list[list[str]]
    """The names in each part of the filter."""

    def failing(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return the names in those parts of the filter that do not hold.

        Args:
            row: A row that the query has returned.

        Returns:
            The names with their values in this row; a missing value is None.
        """
        return _merged(named for holds, named in self._read(row) if not holds)

    def values(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return all names in the filter.

        Args:
            row: A row that the query has returned.

        Returns:
            The names with their values in this row; a missing value is None.
        """
        return _merged(named for _, named in self._read(row))

    def _read(self, row: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield for each part of the filter whether it holds (or None), and the values of its names."""
        values = iter(row)
        for names in self._parts:
            holds = next(values)
            yield holds, {name: next(values) for name in names}


def compile_parts(filter_string: str, vocabulary: Vocabulary, first_parameter: int = 1) -> CompiledParts:
    """Compile a filter to SQL that tells which of its parts a row satisfies.

    The parts are the operands of the outermost AND.

    Args:
        filter_string: The filter.
        vocabulary: The names that the filter can use: RUNS, EXPERIMENTS, MODELS or VERSIONS. Its table has the alias
            `r` in the SQL.
        first_parameter: The number of the first parameter in the SQL.

    Returns:
        The SQL, its parameters, and a method that reads a row of the result.

    Raises:
        QueryError: If the filter is not valid.
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


def _merged(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def _value(operand: Operand, writer: Writer) -> str:
    value = writer.value(operand)
    # Metrics stay numbers, so that NaN comes out of the database as the value that it is.
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
