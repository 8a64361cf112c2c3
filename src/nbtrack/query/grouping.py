"""Compiles the name that runs are grouped by, and the keys of the groups.

A key identifies a group as long as the store exists: `n:0.1` is the group of a number, however its runs write it,
`s:adam` that of a string, and `none` that of the runs without a value. A long string is identified by its MD5 hash,
`h:…`, because keys are kept in views and sent with every request.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidParameter
from .parser import parse_name
from .sql import Writer
from .tree import Member, Operand
from .vocabulary import RUNS, Attribute, Kind, Vocabulary

ATTRIBUTES = ("parent", "experiment", "experiment_id", "status", "user_id", "run_name")
"""The attributes that runs can share."""
MISSING = "none"
"""The key of the group of runs without a value."""
LONGEST = 200
"""The number of characters of a string above which its key is a hash."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The parts of `SELECT {number}, {text}, {label} FROM table r {joins}`.

    Attributes:
        joins: The JOIN clauses, or "".
        number: The SQL of the number that a row's value is or holds, NULL if it is not a number.
        text: The SQL of the value as a string, NULL if the row does not have one. Rows with the same number, or without
            a number and with the same string, are one group.
        label: The SQL of what people read: the name of the parent run, whose ID is `text`.
        parameters: The values of all parameters, in order.
    """

    joins: str
    number: str
    text: str
    label: str
    parameters: list[Any]


def check_groupable(name: str, vocabulary: Vocabulary = RUNS) -> Operand:
    """Return the operand that runs can be grouped by. Raises InvalidParameter if they cannot be grouped by it."""
    operand = parse_name(name, vocabulary)
    if operand.kind is Kind.VALUE or isinstance(operand, Member):
        return operand
    if isinstance(operand, Attribute) and operand.name in ATTRIBUTES:
        return operand
    raise InvalidParameter(
        f"Runs cannot be grouped by {name!r:.80}. Group them by a param, a tag, datasets.name, datasets.digest, "
        f"{', '.join(ATTRIBUTES[:-1])} or {ATTRIBUTES[-1]}."
    )


def compile_grouping(name: str, vocabulary: Vocabulary = RUNS, first_parameter: int = 1) -> Grouping:
    """Compile a name to group by to SQL over the vocabulary's table with the alias `r`.

    Args:
        name: A name such as `params.lr`, `tags.team`, `datasets.name` or `parent`.
        vocabulary: The names that can be used.
        first_parameter: The number of the first parameter in the SQL.

    Raises:
        QueryError: If the name is not valid.
        InvalidParameter: If runs cannot be grouped by it.
    """
    operand = check_groupable(name, vocabulary)
    writer = Writer(first_parameter)
    number = "NULL"
    if isinstance(operand, Member):
        # The digest identifies data, and the name tells people which it is.
        text = label = writer.members(operand, named=operand.column == "digest")
    else:
        value = writer.value(operand)
        # Two runs of the same name are different parents.
        text = operand.other if isinstance(operand, Attribute) and operand.other else value
        label = value
        if operand.kind is Kind.VALUE:
            number = writer.number(operand, value)
        elif operand.kind.takes_number:
            number = value
    return Grouping(
        writer.joins,
        f"CAST({number} AS DOUBLE PRECISION)",
        f"CAST({text} AS VARCHAR)",
        f"CAST({label} AS VARCHAR)",
        writer.parameters,
    )


def group_key(number: float | None, text: str | None) -> str:
    """Return the key of the group of a number, or of a string if `number` is None, or of missing values."""
    if number is not None:
        return f"n:{number_text(number)}"
    if text is None:
        return MISSING
    return f"s:{text}" if len(text) <= LONGEST else f"h:{_hash(text)}"


def number_text(number: float) -> str:
    """Return a number as people write it: 64 rather than 64.0. A double can be read from it without loss."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)


def check_key(key: str) -> str:
    """Return the key of a group. Raises InvalidParameter if it is not valid."""
    has_keys([key], "", "")
    return key


def has_keys(keys: Sequence[str], number: str, text: str, first_parameter: int = 1) -> tuple[str, list[Any]]:
    """Return the condition that a row is in one of the groups with these keys, and its parameters.

    Args:
        keys: The keys.
        number: The SQL of the row's number.
        text: The SQL of the row's string.
        first_parameter: The number of the first parameter in the SQL.

    Raises:
        InvalidParameter: If one of the keys is not valid.
    """
    numbers: list[Any] = []
    strings: list[Any] = []
    hashes: list[Any] = []
    for key in keys:
        kind, _, value = key.partition(":")
        if kind == "n":
            numbers.append(_number(key, value))
        elif kind == "s":
            strings.append(value)
        elif kind == "h":
            hashes.append(value)
        elif key != MISSING:
            raise _not_a_key(key)
    parameters: list[Any] = []

    def among(side: str, values: list[Any]) -> str:
        start = first_parameter + len(parameters)
        parameters.extend(values)
        return f"{side} IN ({', '.join(f'${start + i}' for i in range(len(values)))})"

    parts = []
    if numbers:
        parts.append(among(number, numbers))
    if strings:
        parts.append(f"({number} IS NULL AND {among(text, strings)})")
    if hashes:
        parts.append(f"({number} IS NULL AND LENGTH({text}) > {LONGEST} AND {among(f'MD5({text})', hashes)})")
    if MISSING in keys:
        parts.append(f"({number} IS NULL AND {text} IS NULL)")
    return f"({' OR '.join(parts)})" if parts else "FALSE", parameters


def _number(key: str, written: str) -> float:
    with suppress(ValueError):
        number = float(written)
        if not math.isnan(number):
            return number
    raise _not_a_key(key)


def _not_a_key(key: str) -> InvalidParameter:
    return InvalidParameter(
        f"{key!r:.80} is not the key of a group. Keys are {MISSING!r}, or begin with 'n:', 's:' or 'h:', as the view "
        "of the groups returns them."
    )


def _hash(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
