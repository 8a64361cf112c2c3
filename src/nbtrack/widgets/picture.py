"""Curves as a small SVG, whose strings have the page's color, light or dark, and as dots for a PNG."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from .raster import Raster
from .table import printable

WIDTH, HEIGHT = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 24, 24

_SMALLEST_SPAN = 1e-300
"""In a smaller span, positions and logarithms are beyond the precision of floats."""

COLORS = ("#1f86c7", "#d9701f", "#149b75", "#bd62a2", "#b08413", "#5aaede", "#7f7f7f", "#a0522d")
DOTS = 2
"""How many dots of a PNG make up a px, so that it is sharp on paper too."""
PALETTE = ("#ffffff", "#1f2328", "#5c6470", "#dfe2e6", *COLORS)
INK, MUTED, GRID, FIRST_LINE = 1, 2, 3, 4
"""The places of colors in the palette, after the background."""
DASHES = ("", "6 4", "2 3", "9 3 2 3")


@dataclass(frozen=True)
class Line:
    """A curve with its label."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    is_reference: bool = False
    """Whether it is what the others are compared with, which is dashed and has the color of the text."""


@dataclass(frozen=True)
class Picture:
    """Curves on their axes, with a title and a legend."""

    title: str
    lines: list[tuple[str, list[list[tuple[float, float]]]]]
    """The label of each line, and its finite stretches."""
    x_axis: _Axis
    y_axis: _Axis
    references: frozenset[int] = frozenset()
    """The places of the lines that the others are compared with."""

    @property
    def height(self) -> int:
        """The height with the legend."""
        return HEIGHT + 18 * ((len(self.lines) + 2) // 3) + 4

    def svg(self) -> str:
        """Return the picture as an `<svg>`."""
        height = self.height
        parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                f'height="{height}" role="img" aria-label="{_escape(self.title)}" font-family="system-ui, sans-serif" '
                'font-size="11" fill="currentColor" style="max-width:100%">'
            ),
            f'<text x="{LEFT}" y="14" font-size="12" font-weight="600">{_escape(self.title)}</text>',
        ]
        for value in self.y_axis.ticks(6):
            at = self.y_axis.px(value)
            parts.append(
                f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="currentColor" stroke-opacity=".15"/>'
                f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" opacity=".75">{number(value)}</text>'
            )
        for value in self.x_axis.ticks(5):
            at = self.x_axis.px(value)
            parts.append(
                f'<text x="{at:.1f}" y="{HEIGHT - 8}" text-anchor="middle" opacity=".75">{number(value)}</text>'
            )
        for index, (label, segments) in enumerate(self.lines):
            style = self._style(index)
            parts += [_line(style, segments, self.x_axis, self.y_axis), _legend(index, style, label)]
        return "".join([*parts, "</svg>"])

    def _style(self, index: int) -> tuple[str, str]:
        """Return the color and the dash of a line."""
        if index in self.references:
            return "currentColor", DASHES[1]
        return COLORS[index % len(COLORS)], DASHES[index // len(COLORS) % len(DASHES)]

    def draw(self, raster: Raster, left: int, top: int) -> None:
        """Draw the picture with its upper left corner at a place, which is given in px like all sizes here."""

        def at(x: float, y: float) -> tuple[float, float]:
            return (left + x) * DOTS, (top + y) * DOTS

        raster.text(*at(LEFT, 4), printable(self.title, 70), INK)
        for value in self.y_axis.ticks(6):
            y = self.y_axis.px(value)
            raster.rectangle(*at(LEFT, y), (WIDTH - LEFT - RIGHT) * DOTS, 1, GRID)
            raster.text(*at(LEFT - 6, y - 3), number(value), MUTED, align="right")
        for value in self.x_axis.ticks(5):
            raster.text(*at(self.x_axis.px(value), HEIGHT - 15), number(value), MUTED, align="center")
        for index, (label, segments) in enumerate(self.lines):
            color = INK if index in self.references else FIRST_LINE + index % len(COLORS)
            dash = [float(length) * DOTS for length in self._style(index)[1].split()]
            for segment in segments:
                points = [at(self.x_axis.px(x), self.y_axis.px(y)) for x, y in segment]
                raster.line(points, color, 3 if len(points) > 1 else 8, dash)
            x, y = _legend_place(index)
            raster.line([at(x, y - 4), at(x + 18, y - 4)], color, 6, dash)
            raster.text(*at(x + 24, y - 8), printable(label, 22), INK)


def curves(title: str, lines: Sequence[Line]) -> Picture | None:
    """Return a picture with a legend below the curves, or None if no line has a finite point."""
    drawn = [(line.label, _segments(line)) for line in lines]
    points = [point for _, segments in drawn for segment in segments for point in segment]
    if not points:
        return None
    x_axis = _Axis.over([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_axis = _Axis.over([y for _, y in points], HEIGHT - BOTTOM, TOP)
    references = frozenset(index for index, line in enumerate(lines) if line.is_reference)
    return Picture(title, drawn, x_axis, y_axis, references)


def number(value: float) -> str:
    """Format a number with four significant digits."""
    return f"{value:.4g}"


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        low, high = min(values), max(values)
        if high / 2 - low / 2 < _SMALLEST_SPAN:
            margin = abs(low) / 2 or 0.5
            low, high = low - margin, high + margin
        return cls(low, high, start, end)

    def px(self, value: float) -> float:
        # Both are halved, so that a span beyond the largest float stays finite.
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int) -> list[float]:
        span = self.high / 2 - self.low / 2
        magnitude = 10.0 ** math.floor(math.log10(span * 2 / count)) if 0 < span * 2 < math.inf else 0.0
        if magnitude == 0.0:
            return [self.low, self.high]
        step = next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor * count >= span * 2)
        first = math.ceil(self.low / step)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _segments(line: Line) -> list[list[tuple[float, float]]]:
    """Return the finite stretches of a line. A NaN is a gap."""
    segments: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(line.x, line.y, strict=True):
        if math.isfinite(x) and math.isfinite(y):
            segments[-1].append((x, y))
        elif segments[-1]:
            segments.append([])
    return [segment for segment in segments if segment]


def _line(
    style: tuple[str, str], segments: Sequence[Sequence[tuple[float, float]]], x_axis: _Axis, y_axis: _Axis
) -> str:
    color, dash = style
    path = "".join(
        "M" + "L".join(f"{x_axis.px(x):.1f} {y_axis.px(y):.1f}" for x, y in segment)
        for segment in segments
        if len(segment) > 1
    )
    dots = "".join(
        f'<circle cx="{x_axis.px(segment[0][0]):.1f}" cy="{y_axis.px(segment[0][1]):.1f}" r="2.5" fill="{color}"/>'
        for segment in segments
        if len(segment) == 1
    )
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.75"{_dash(dash)}/>{dots}'


def _legend(index: int, style: tuple[str, str], label: str) -> str:
    x, y = _legend_place(index)
    color, dash = style
    short = printable(label, 22)
    return (
        f'<path d="M{x} {y - 4}h18" stroke="{color}" stroke-width="3"{_dash(dash)}/>'
        f'<text x="{x + 24}" y="{y}">{_escape(short)}</text>'
    )


def _legend_place(index: int) -> tuple[int, int]:
    """Return the left end of an entry of the legend, and the baseline of its label."""
    return LEFT + (index % 3) * ((WIDTH - LEFT) // 3), HEIGHT + 10 + 18 * (index // 3)


def _dash(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""


def _escape(text: str) -> str:
    return html.escape(printable(text))
