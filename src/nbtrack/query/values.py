"""The values that names such as `params.lr` or `min(metrics.loss)` have in a row, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidParameter
from .parser import parse_name
from .sql import Writer
from .tree import Operand
from .vocabulary import Kind, Vocabulary

MAX_NAMES = 100
"""Names at once: each is a join."""


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """SQL for one name: its value as a `text`, and the `number` that it is or holds; each NULL where there is none.

    `label` is the name as answers show it. `shows` says whether values are "number"s, "text"s, or "either".
    """

    label: str
    text: str
    number: str
    shows: str


@dataclass(frozen=True, slots=True)
class CompiledValues:
    """The parts of `SELECT {columns} FROM table r {joins}`; `parameters` are those of both, from the first one on."""

    joins: str
    columns: list[ValueColumn]
    parameters: list[Any]


def compile_values(names: Sequence[str], vocabulary: Vocabulary, first_parameter: int = 1) -> CompiledValues:
    """SQL for these names, over the vocabulary's table aliased `r`. Raises QueryError for what is no name."""
    if len(names) > MAX_NAMES:
        raise InvalidParameter(f"{len(names)} names are too many: ask for at most {MAX_NAMES} at once.")
    writer = Writer(first_parameter)
    columns = [_column(parse_name(name, vocabulary), writer) for name in names]
    return CompiledValues(writer.joins, columns, writer.parameters)


def _column(operand: Operand, writer: Writer) -> ValueColumn:
    value = writer.value(operand)
    if operand.kind is Kind.VALUE:
        number, shows = writer.number(operand, value), "either"
    elif operand.kind.takes_number:
        number, shows = value, "text" if operand.kind is Kind.ID else "number"
    else:
        number, shows = "NULL", "text"
    return ValueColumn(str(operand), f"CAST({value} AS VARCHAR)", f"CAST({number} AS DOUBLE PRECISION)", shows)
