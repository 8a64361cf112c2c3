"""A screen without its widget: text for a terminal, and a picture and tables for a saved notebook."""

from __future__ import annotations

import html as markup
from dataclasses import dataclass, field
from datetime import datetime

from . import picture
from .raster import CELL, LINE, Raster
from .snapshot import Series
from .table import Table, printable

MOST_ROWS = 20
LONGEST_ERROR = 500
LONGEST_FILTER = 500
MOST_CHARTS = 4
"""How many charts a PNG shows."""
MOST_CHARACTERS = 160
"""How many characters of a line a PNG shows."""
MARGIN, ROW = 8, 12
"""The left margin of a PNG, and the height of a row of its tables, in px."""
MOST_COLUMNS = 6
"""How many params, and how many metrics, a table shows."""


@dataclass(frozen=True)
class Page:
    """What is left of a screen without its widget: a title, pictures, and tables or paragraphs."""

    title: str
    parts: list[Table | str] = field(default_factory=list)
    pictures: list[picture.Picture | None] = field(default_factory=list)
    """Charts. None stands for one that has nothing to show."""

    def text(self) -> str:
        """Return the page as plain text, without its pictures."""
        return "\n".join([self.title, *(part.text() if isinstance(part, Table) else part for part in self.parts)])

    def html(self) -> str:
        """Return the page as HTML: its title, its pictures, then its tables."""
        style = "display:inline-block;margin:4px 8px 4px 0"
        drawn = "".join(f'<div style="{style}">{each.svg()}</div>' for each in self.pictures if each)
        rest = "".join(
            part.html() if isinstance(part, Table) else f"<p>{markup.escape(part)}</p>" for part in self.parts
        )
        return f"<div><p><b>{markup.escape(self.title)}</b></p>{drawn and f'<div>{drawn}</div>'}{rest}</div>"

    def png(self) -> tuple[bytes, int, int] | None:
        """Return the page as a PNG with its width and height in px, or None for a page without charts.

        Strings do without it, because viewers that show no HTML show the page as text.
        """
        charts = [each for each in self.pictures if each][:MOST_CHARTS]
        if not charts:
            return None
        lines = [
            printable(line, MOST_CHARACTERS)
            for each in self.parts
            for line in (each.text() if isinstance(each, Table) else each).splitlines()
        ]
        columns = min(2, len(charts))
        rows = [charts[start : start + columns] for start in range(0, len(charts), columns)]
        widest = max(map(len, [*lines, printable(self.title, MOST_CHARACTERS)]))
        width = max(columns * picture.WIDTH, widest * CELL + 2 * MARGIN)
        height = 3 * LINE + sum(max(each.height for each in row) for row in rows) + len(lines) * ROW + MARGIN
        raster = Raster(width * picture.DOTS, height * picture.DOTS, picture.PALETTE)
        scale = picture.DOTS
        raster.text(MARGIN * scale, LINE * scale, printable(self.title, MOST_CHARACTERS), picture.INK, scale)
        top = 3 * LINE
        for row in rows:
            for place, chart in enumerate(row):
                chart.draw(raster, place * picture.WIDTH, top)
            top += max(each.height for each in row)
        for line in lines:
            raster.text(MARGIN * scale, top * scale, line, picture.INK, scale)
            top += ROW
        return raster.png(), width, height


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
