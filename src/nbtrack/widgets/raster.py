"""Lines and short strings as a PNG with a few colors, for viewers that show neither scripts nor SVG.

No drawing library is needed.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELL, LINE = 6, 8
"""Width and height of a character in dots: 5 x 7 dots and the space to the next one."""

_GLYPHS = (
    "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0000070000 001c224100 0041221c00 "
    "14083e0814 08083e0808 0050300000 0808080808 0060600000 2010080402 3e5149453e 00427f4000 4261514946 2141454b31 "
    "1814127f10 2745454539 3c4a494930 0171090503 3649494936 064949291e 0036360000 0056360000 0814224100 1414141414 "
    "0041221408 0201510906 324979413e 7e1111117e 7f49494936 3e41414122 7f4141221c 7f49494941 7f09090901 3e4149497a "
    "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f020c027f 7f0408107f 3e4141413e 7f09090906 3e4151215e "
    "7f09192946 4649494931 01017f0101 3f4040403f 1f2040201f 3f4038403f 6314081463 0708700807 6151494543 007f414100 "
    "0204081020 0041417f00 0402010204 4040404040 0001020400 2054545478 7f48444438 3844444420 384444487f 3854545418 "
    "087e090102 0c5252523e 7f08040478 00447d4000 2040443d00 7f10284400 00417f4000 7c04180478 7c08040478 3844444438 "
    "7c14141408 081414187c 7c08040408 4854545420 043f444020 3c4040207c 1c2040201c 3c4030403c 4428102844 0c5050503c "
    "4464544c44 0008364100 00007f0000 0041360800 0804080408"
)
"""The characters from space to tilde, each with a space: a byte for each of five columns, its lowest bit on top."""

_OTHERS = {
    "…": "4000400040",
    "✓": "1020100804",
    "└": "00000f0808",
    "−": "0808080808",
    "–": "0808080808",
    "·": "0000080000",
    "×": "2214081422",
    "★": "24180e1824",
}
_UNKNOWN = "7f4141417f"


class Raster:
    """A picture of dots, each with one of at most 16 colors. The first color fills it at the beginning.

    Args:
        width: Width in dots.
        height: Height in dots.
        colors: Colors such as "#1f86c7".
    """

    def __init__(self, width: int, height: int, colors: Sequence[str]) -> None:
        import numpy as np

        self.width, self.height = width, height
        self._colors = list(colors)
        self._dots: NDArray[np.uint8] = np.zeros((height, width), np.uint8)

    def rectangle(self, x: float, y: float, width: float, height: float, color: int) -> None:
        """Fill a rectangle. Its parts outside of the picture are left out."""
        left, top = round(x), round(y)
        self._dots[max(0, top) : max(0, top + round(height)), max(0, left) : max(0, left + round(width))] = color

    def text(
        self,
        x: float,
        y: float,
        text: str,
        color: int,
        scale: int = 2,
        align: Literal["left", "right", "center"] = "left",
    ) -> None:
        """Write a string on one line. `y` is its top."""
        width = len(text) * CELL * scale
        left = round(x - (width if align == "right" else width / 2 if align == "center" else 0))
        top = round(y)
        for character in text:
            glyph = _glyph(character, scale)
            right, bottom = left + glyph.shape[1], top + glyph.shape[0]
            if left >= 0 and top >= 0 and right <= self.width and bottom <= self.height:
                self._dots[top:bottom, left:right][glyph] = color
            left += CELL * scale

    def line(
        self, points: Sequence[tuple[float, float]], color: int, thickness: int = 3, dash: Sequence[float] = ()
    ) -> None:
        """Draw a line through points, perhaps with dashes: the lengths of strokes and of the gaps between them."""
        import numpy as np

        ends = np.asarray(points, np.float64)
        if len(ends) > 1:
            steps = np.diff(ends, axis=0)
            lengths = np.hypot(steps[:, 0], steps[:, 1])
            along = np.concatenate([[0.0], np.cumsum(lengths)])
            at = np.arange(0.0, along[-1], 0.5) if along[-1] > 0 else along[:1]
            x, y = np.interp(at, along, ends[:, 0]), np.interp(at, along, ends[:, 1])
        else:
            at, x, y = np.zeros(len(ends)), ends[:, 0], ends[:, 1]
        if len(dash):
            edges = np.cumsum(dash)
            drawn = np.searchsorted(edges, at % edges[-1], side="right") % 2 == 0
            x, y = x[drawn], y[drawn]
        left, top = np.rint(x - thickness / 2).astype(int), np.rint(y - thickness / 2).astype(int)
        # Points that follow each other are often in the same dot.
        is_new = np.ones(len(left), bool)
        is_new[1:] = (np.diff(left) != 0) | (np.diff(top) != 0)
        left, top = left[is_new], top[is_new]
        for across in range(thickness):
            for down in range(thickness):
                columns, rows = left + across, top + down
                inside = (columns >= 0) & (columns < self.width) & (rows >= 0) & (rows < self.height)
                self._dots[rows[inside], columns[inside]] = color

    def png(self) -> bytes:
        """Return the picture as a PNG with a palette and four bits for each dot."""
        import numpy as np

        # Each row begins with its filter: none.
        rows = np.zeros((self.height, 1 + (self.width + 1) // 2), np.uint8)
        rows[:, 1:] = self._dots[:, 0::2] << 4
        rows[:, 1 : 1 + self.width // 2] |= self._dots[:, 1::2]
        palette = bytes.fromhex("".join(color.removeprefix("#") for color in self._colors))
        header = struct.pack(">IIBBBBB", self.width, self.height, 4, 3, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _glyph(character: str, scale: int) -> NDArray[np.bool_]:
    """Return the dots of a character, enlarged. One without a glyph has those of its base letter, or is a box."""
    import numpy as np

    columns = _OTHERS.get(character)
    if columns is None:
        base = unicodedata.normalize("NFKD", character)[:1]
        columns = _GLYPHS[11 * (ord(base) - 32) :][:10] if " " <= base <= "~" else _UNKNOWN
    bits = np.frombuffer(bytes.fromhex(columns), np.uint8)
    dots = np.unpackbits(bits[:, None], axis=1, bitorder="little")[:, :7].T.astype(bool)
    return np.repeat(np.repeat(dots, scale, 0), scale, 1)
