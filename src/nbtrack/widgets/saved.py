"""A screen without its widget: text for a terminal, and a picture and tables for a saved notebook."""

from __future__ import annotations

import html as markup
from dataclasses import dataclass, field
from datetime import datetime

from . import picture
from .snapshot import Series
from .table import Table

MOST_ROWS = 20
LONGEST_ERROR = 500
LONGEST_FILTER = 500
MOST_COLUMNS = 6
"""How many params, and how many metrics, a table shows."""


@dataclass(frozen=True)
class Page:
    """What is left of a screen without its widget: a title, pictures, and tables or paragraphs."""

    title: str
    parts: list[Table | str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    """Each an `<svg>`, or empty."""

    def text(self) -> str:
        """Return the page as plain text, without its pictures."""
        return "\n".join([self.title, *(part.text() if isinstance(part, Table) else part for part in self.parts)])

    def html(self) -> str:
        """Return the page as HTML: its title, its pictures, then its tables."""
        style = "display:inline-block;margin:4px 8px 4px 0"
        drawn = "".join(f'<div style="{style}">{svg}</div>' for svg in self.pictures if svg)
        rest = "".join(
            part.html() if isinstance(part, Table) else f"<p>{markup.escape(part)}</p>" for part in self.parts
        )
        return f"<div><p><b>{markup.escape(self.title)}</b></p>{drawn and f'<div>{drawn}</div>'}{rest}</div>"


def part(count: int, share: float, least: int = 1) -> int:
    """Return a share of a count, and at least `least`."""
    return max(least, int(count * share))


def line(label: str, series: Series) -> picture.Line:
    """Return a series as a line of a picture."""
    return picture.Line(label, series.x, series.y)


def number(value: float | str | None) -> str:
    """Format a number of a reply with four significant digits, or as an empty string if there is none."""
    return "" if value is None else picture.number(float(value))


def time(milliseconds: int) -> str:
    """Format milliseconds since the epoch as a local date and time."""
    return datetime.fromtimestamp(milliseconds / 1000).strftime("%Y-%m-%d %H:%M")
