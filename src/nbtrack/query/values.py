"""Compiles names such as `params.lr` or `min(metrics.loss)` to SQL for their values in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidParameter
from .parser import parse_name
from .sql import Writer
from .tree import Member, Operand
from .vocabulary import Attribute, Kind, Vocabulary

MAX_NAMES = 100
"""The most names at once, because each is a join."""


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """The SQL of one name.

    Attributes:
        label: The name as results show it.
        text: SQL for its value as a string, NULL if there is none.
        key: SQL for what tells strings apart: the ID of a parent run, whose name is `text`, and otherwise `text`.
        number: SQL for the number that the value is or holds, NULL if there is none.
        shows: Whether its values are numbers ("number"), strings ("text") or both ("either").
    """

    label: str
    text: str
    key: str
    number: str
    shows: str


@dataclass(frozen=True, slots=True)
class CompiledValues:
    """The parts of `SELECT {columns} FROM table r {joins}`, and the values of their parameters."""

    joins: str
    columns: list[ValueColumn]
    parameters: list[Any]


def compile_values(names: Sequence[str], vocabulary: Vocabulary, first_parameter: int = 1) -> CompiledValues:
    """Compile names to SQL over the vocabulary's table with the alias `r`. Raises QueryError if a name is invalid."""
    if len(names) > MAX_NAMES:
        raise InvalidParameter(f"by and metrics can have at most {MAX_NAMES} names together, not {len(names)}.")
    return compile_operands([parse_name(name, vocabulary) for name in names], first_parameter)


def compile_operands(operands: Sequence[Operand], first_parameter: int = 1) -> CompiledValues:
    """Compile the operands of parsed names to SQL over the vocabulary's table with the alias `r`."""
    writer = Writer(first_parameter)
    columns = [_column(operand, writer) for operand in operands]
    return CompiledValues(writer.joins, columns, writer.parameters)


def _column(operand: Operand, writer: Writer) -> ValueColumn:
    # Runs with the same datasets belong together, so all of them count and not only the first.
    value = writer.members(operand) if isinstance(operand, Member) else writer.value(operand)
    if operand.kind is Kind.VALUE:
        number, shows = writer.number(operand, value), "either"
    elif operand.kind.takes_number:
        number, shows = value, "text" if operand.kind is Kind.ID else "number"
    else:
        number, shows = "NULL", "text"
    key = operand.other if isinstance(operand, Attribute) and operand.other else value
    text, key = (f"CAST({each} AS VARCHAR)" for each in (value, key))
    return ValueColumn(str(operand), text, key, f"CAST({number} AS DOUBLE PRECISION)", shows)
