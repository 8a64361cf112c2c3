"""Curves as a small SVG, for a page without widgets. Text takes the page's color, light or dark."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from .table import printable

WIDTH, HEIGHT = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 24, 24

_SMALLEST_SPAN = 1e-300
"""In a smaller span, positions and logarithms are beyond the precision of floats."""

COLORS = ("#1f86c7", "#d9701f", "#149b75", "#bd62a2", "#b08413", "#5aaede", "#7f7f7f", "#a0522d")
DASHES = ("", "6 4", "2 3", "9 3 2 3")


@dataclass(frozen=True)
class Line:
    """A curve with its label."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def curves(title: str, lines: Sequence[Line]) -> str:
    """Return an `<svg>` with a legend below the curves, or an empty string if no line has a finite point."""
    drawn = [(line, _segments(line)) for line in lines]
    points = [point for _, segments in drawn for segment in segments for point in segment]
    if not points:
        return ""
    x_axis = _Axis.over([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_axis = _Axis.over([y for _, y in points], HEIGHT - BOTTOM, TOP)
    rows = (len(lines) + 2) // 3
    height = HEIGHT + 18 * rows + 4
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'role="img" aria-label="{_escape(title)}" font-family="system-ui, sans-serif" font-size="11" '
            'fill="currentColor" style="max-width:100%">'
        ),
        f'<text x="{LEFT}" y="14" font-size="12" font-weight="600">{_escape(title)}</text>',
    ]
    for value in y_axis.ticks(6):
        at = y_axis.px(value)
        parts.append(
            f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="currentColor" stroke-opacity=".15"/>'
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" opacity=".75">{number(value)}</text>'
        )
    for value in x_axis.ticks(5):
        at = x_axis.px(value)
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 8}" text-anchor="middle" opacity=".75">{number(value)}</text>')
    for index, (line, segments) in enumerate(drawn):
        parts += [_line(index, segments, x_axis, y_axis), _legend(index, line.label)]
    return "".join([*parts, "</svg>"])


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


def _line(index: int, segments: Sequence[Sequence[tuple[float, float]]], x_axis: _Axis, y_axis: _Axis) -> str:
    color = COLORS[index % len(COLORS)]
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
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.75"{_dash(index)}/>{dots}'


def _legend(index: int, label: str) -> str:
    x = LEFT + (index % 3) * ((WIDTH - LEFT) // 3)
    y = HEIGHT + 10 + 18 * (index // 3)
    color = COLORS[index % len(COLORS)]
    short = printable(label, 22)
    return (
        f'<path d="M{x} {y - 4}h18" stroke="{color}" stroke-width="3"{_dash(index)}/>'
        f'<text x="{x + 24}" y="{y}">{_escape(short)}</text>'
    )


def _dash(index: int) -> str:
    dash = DASHES[index // len(COLORS) % len(DASHES)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def _escape(text: str) -> str:
    return html.escape(printable(text))
