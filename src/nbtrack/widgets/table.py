"""Tables for a terminal and for a saved notebook. Values from a run are shown as text, never as markup."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDEST = 32
"""How many characters of a cell are shown. Names and params can be of any length."""


@dataclass(frozen=True)
class Table:
    """Rows under column titles. The columns in `numeric` are aligned to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[str] = field(default_factory=frozenset)

    def text(self) -> str:
        """Return the table with one line for each row."""
        cells = [[printable(cell) for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        align = [str.rjust if column in self.numeric else str.ljust for column in self.columns]
        lines = [
            "  ".join(pad(cell, width) for cell, width, pad in zip(row, widths, align, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join(lines)

    def html(self) -> str:
        """Return the table as a `<table>`."""
        head = "".join(f"<th{self._style(column)}>{html.escape(printable(column))}</th>" for column in self.columns)
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{self._style(column)}>{html.escape(printable(cell))}</td>"
                for column, cell in zip(self.columns, row, strict=True)
            )
            + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _style(self, column: str) -> str:
        # The spaces before the name of a nested run must stay.
        return f' style="text-align:{"right" if column in self.numeric else "left"};white-space:pre"'


def printable(text: str, widest: int = WIDEST) -> str:
    """Return a string as one short line, with spaces for control characters and line ends.

    It is cut in its middle, because names of one project often differ only at their ends.
    """
    if len(text) > widest:
        tail = (widest - 1) // 2
        text = f"{text[: widest - 1 - tail]}…{text[-tail:]}"
    return "".join(character if character.isprintable() else " " for character in text)
