"""Strings that are not, or almost, queries."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

PIECES = [
    "metrics",
    "params",
    ".",
    "m",
    "`",
    "'",
    '"',
    " ",
    "(",
    ")",
    ",",
    "=",
    "!",
    "<",
    ">",
    "3",
    "-",
    "e",
    "NaN",
    "\\",
]
PIECES += [
    "AND",
    " or ",
    "NOT ",
    " IN ",
    "LIKE",
    " is ",
    "NULL",
    "between",
    ";",
    "%",
    "\n",
    "\0",
    "🚀",
    "\ud800",
    "status",
]
PIECES += [
    "metrics.m",
    "params.p",
    "tags.`t`",
    " = ",
    "'x'",
    " > 1",
    "desc",
    "/",
    "inf",
    "run name",
    "²",
    "\u2028",
    "ß",
]
PIECES += [
    "min(",
    "count (",
    "now()",
    " - 7d",
    "+",
    "2h30m",
    "'2026-11-01'",
    "2026-11-01",
    "start_time > ",
    "duration < ",
]
PIECES += ["children("]
PIECES += ["datasets.name", "parent", "experiment", "cell.source", "max", ")", "avg(", "9" * 400 + "w", "'9999-12-31'"]


def mutated(texts: Sequence[str]) -> st.SearchStrategy[str]:
    """Draw one of the strings with a few characters deleted, doubled or replaced."""

    @st.composite
    def mutate(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(list(texts)))
        for _ in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, len(text)))
            end = draw(st.integers(start, min(len(text), start + 8)))
            text = text[:start] + draw(st.sampled_from([*PIECES, "", text[start:end] * 2])) + text[end:]
        return text

    return mutate()
