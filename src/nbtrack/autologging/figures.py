"""Draw small figures in about a millisecond each, so that a short training need not wait for a plotting library.

Each figure is a PNG with a palette of sixteen shades, from dark over blue to white, so that text is smooth on any of
them. A shade is its index in the palette, and a mix of two shades lies between them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Array = np.ndarray[Any, Any]

WIDTH, HEIGHT = 560, 420

DARK, WHITE = 0, 15
_BLUE = 6
_GREY = 14
_DARK_GREY = 11
_RAMP = ((DARK, (8, 25, 60)), (_BLUE, (31, 119, 180)), (WHITE, (255, 255, 255)))
_MOST_BARS = 20
_MOST_CELLS_WITH_TEXT = 10


def confusion_matrix(labels: Sequence[Any], counts: Sequence[Sequence[float]], title: str) -> bytes:
    """Draw a confusion matrix and return it as a PNG.

    Args:
        labels: The labels, in the order of rows and columns.
        counts: How often each true label (row) was predicted as each label (column). Cells show shares of their row.
        title: Title of the figure.
    """
    canvas = _Canvas(title)
    left, top, size = 130, 50, 300
    cell = size / max(len(labels), 1)
    with_text = len(labels) <= _MOST_CELLS_WITH_TEXT
    for row, numbers in enumerate(counts):
        total = sum(numbers)
        for column, number in enumerate(numbers):
            share = number / total if total else 0.0
            x, y = left + column * cell, top + row * cell
            shade = min(round(WHITE - share * (WHITE - 3)), WHITE - 1 if number else WHITE)
            canvas.rectangle(x, y, x + cell, y + cell, shade)
            if with_text and number:
                ink = WHITE if share > 0.5 else DARK
                canvas.text(x + cell / 2, y + cell / 2, f"{share:.2f}", "mm", size=12, shade=ink)
    canvas.frame(left, top, left + size, top + size)
    every = math.ceil(len(labels) / 20)
    for index in range(0, len(labels), every or 1):
        middle = (index + 0.5) * cell
        canvas.text(left - 8, top + middle, _short(labels[index], 14), "rm")
        canvas.text(left + middle, top + size + 6, _short(labels[index], max(4, int(cell / 8))), "ma")
    canvas.text(left + size / 2, top + size + 28, "predicted", "ma")
    canvas.text(left, top - 6, "true", "rs")
    return canvas.png()


def bars(names: Sequence[Any], values: Sequence[float], title: str) -> bytes:
    """Draw horizontal bars, sorted by size, at most twenty of them, and return a PNG."""
    order = sorted(range(len(values)), key=lambda index: -abs(values[index]))[:_MOST_BARS]
    more = len(values) - len(order)
    canvas = _Canvas(title + (f" (the first {len(order)} of {len(values)})" if more > 0 else ""))
    left, top, bottom, right = 220, 46, HEIGHT - 20, WIDTH - 80
    shown = [float(values[index]) for index in order]
    low, high = min(0.0, *shown, 0.0), max(0.0, *shown, 0.0)
    scale = (right - left) / ((high - low) or 1.0)
    zero = left - low * scale
    height = min((bottom - top) / max(len(order), 1), 34)
    for row, index in enumerate(order):
        y = top + row * height
        end = zero + float(values[index]) * scale
        canvas.rectangle(min(zero, end), y + height * 0.15, max(zero, end), y + height * 0.85, _BLUE)
        canvas.text(left - 8, y + height / 2, _short(names[index], 28), "rm")
        canvas.text(max(zero, end) + 6, y + height / 2, f"{float(values[index]):.4g}", "lm")
    canvas.line([(zero, top), (zero, top + height * len(order))], DARK)
    return canvas.png()


def curve(x: Array, y: Array, title: str, x_label: str, y_label: str, diagonal: bool = False) -> bytes:
    """Draw a line through points and return a PNG.

    The axes cover the finite values, or 0 to 1 if all values lie there. `diagonal` adds a line from corner to corner.
    """
    import numpy as np

    canvas = _Canvas(title)
    left, top, right, bottom = 80, 50, WIDTH - 30, HEIGHT - 60
    across, up = np.asarray(x, float), np.asarray(y, float)
    is_finite = np.isfinite(across) & np.isfinite(up)
    across, up = across[is_finite], up[is_finite]
    x_low, x_high = _limits(across)
    y_low, y_high = _limits(up)
    for part in range(6):
        share = part / 5
        at_x, at_y = left + share * (right - left), bottom - share * (bottom - top)
        canvas.line([(at_x, top), (at_x, bottom)], _GREY)
        canvas.line([(left, at_y), (right, at_y)], _GREY)
        canvas.text(at_x, bottom + 6, f"{x_low + share * (x_high - x_low):.3g}", "ma")
        canvas.text(left - 8, at_y, f"{y_low + share * (y_high - y_low):.3g}", "rm")
    if diagonal:
        canvas.line([(left, bottom), (right, top)], _DARK_GREY)
    across = left + (across - x_low) / (x_high - x_low) * (right - left)
    up = bottom - (up - y_low) / (y_high - y_low) * (bottom - top)
    canvas.line(list(zip(across.tolist(), up.tolist(), strict=True)), _BLUE, width=3)
    canvas.frame(left, top, right, bottom)
    canvas.text((left + right) / 2, bottom + 30, x_label, "ma")
    canvas.text(left - 8, top - 8, y_label, "ls")
    return canvas.png()


def _limits(values: Array) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1 and high - low > 0.2:
        return 0.0, 1.0
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _short(text: Any, longest: int) -> str:
    full = str(text)
    return full if len(full) <= longest else full[: longest - 1] + "…"


class _Canvas:
    def __init__(self, title: str) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("P", (WIDTH, HEIGHT), WHITE)
        self._draw = ImageDraw.Draw(self._image)
        self.text(WIDTH / 2, 12, _short(title, 70), "ma", size=16)

    def text(self, x: float, y: float, text: str, anchor: str, *, size: int = 13, shade: int = DARK) -> None:
        mask, across, down = _rendered(text, size, anchor)
        self._image.paste(shade, (round(x) + across, round(y) + down), mask)

    def rectangle(self, x1: float, y1: float, x2: float, y2: float, shade: int) -> None:
        self._draw.rectangle((x1, y1, x2, y2), fill=shade)

    def frame(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self._draw.rectangle((x1, y1, x2, y2), outline=DARK)

    def line(self, points: Sequence[tuple[float, float]], shade: int, width: int = 1) -> None:
        self._draw.line(list(points), fill=shade, width=width)

    def png(self) -> bytes:
        self._image.putpalette(_palette())
        file = io.BytesIO()
        # Level 1 takes 0.5 ms less than the default, for files that are a fifth larger.
        self._image.save(file, "PNG", compress_level=1)
        return file.getvalue()


@lru_cache(1000)
def _rendered(text: str, size: int, anchor: str) -> tuple[Any, int, int]:
    """Return a string as a mask, and the mask's offset from the anchor.

    They are cached because the next figure often has the same axes and features.
    """
    from PIL import Image

    ascent, descent = _metrics(size)
    glyphs = [_glyph(letter, size) for letter in text]
    width = sum(advance for _, advance in glyphs)
    mask = Image.new("L", (math.ceil(width) + 2, ascent + descent), 0)
    at = 0.0
    for glyph, advance in glyphs:
        mask.paste(255, (round(at), 0), glyph)
        at += advance
    across = {"l": 0.0, "m": -width / 2, "r": -width}[anchor[0]]
    down = {"a": 0.0, "m": -(ascent + descent) / 2, "s": -ascent}[anchor[1]]
    return mask, round(across), round(down)


@cache
def _glyph(letter: str, size: int) -> tuple[Any, float]:
    """Return a letter as a mask with the height of a line, and the distance to the next letter."""
    from PIL import Image, ImageDraw

    font = _font(size)
    advance = font.getlength(letter)
    mask = Image.new("L", (math.ceil(advance) + 2, sum(_metrics(size))), 0)
    ImageDraw.Draw(mask).text((0, 0), letter, fill=255, font=font)
    return mask, advance


@cache
def _metrics(size: int) -> tuple[int, int]:
    font = _font(size)
    return font.getmetrics() if hasattr(font, "getmetrics") else (size, size // 3)


@cache
def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


@cache
def _palette() -> bytes:
    colors = bytearray()
    for value in range(WHITE + 1):
        (low, start), (high, end) = next(pair for pair in pairwise(_RAMP) if value <= pair[1][0])
        share = (value - low) / (high - low)
        colors += bytes(round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return bytes(colors)
