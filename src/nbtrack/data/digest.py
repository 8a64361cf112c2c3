"""The digest of a dataset: 16 hex digits of BLAKE2b over all of its content.

The same data has the same digest in every process and on every machine. Another order of columns or rows, another
dtype, another name of a column or one changed cell gives another digest. The following is hashed, after the word
`nbtrack-1` and the kind of the dataset:

- a DataFrame: the number of rows, the index unless it only counts 0, 1, 2 and so on, and then the name, the dtype and
  the cells of each column
- an array: its dtype, its shape, and its elements in the order of rows
- a sparse matrix: its shape, and its elements other than 0 by rows and columns, in whichever format it stores them
- a file: its bytes
- a folder: the path and the bytes of each file in it, sorted by path

Numbers, booleans and times are hashed as their bytes (little-endian, with one form of NaN), strings as their length
and their UTF-8 bytes, and all other cells as type and value. A column of strings has the same hash in each of the ways
in which pandas and polars store strings.
"""

from __future__ import annotations

import hashlib
import re
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter

if TYPE_CHECKING:
    import numpy as np

_BYTES = 8
_ROWS = 65_536
"""Number of cells that are encoded at a time."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)


class Digest:
    """A hash of content that is added part by part.

    Each part starts with its length, so that no two contents are hashed as the same bytes.
    """

    def __init__(self, kind: str) -> None:
        self._hash = hashlib.blake2b(digest_size=_BYTES)
        self.string(f"nbtrack-1 {kind}")

    def hexdigest(self) -> str:
        """Return the digest as 16 hex digits."""
        return self._hash.hexdigest()

    def string(self, value: str) -> None:
        """Add a string."""
        encoded = value.encode("utf-8", "surrogatepass")
        self._hash.update(len(encoded).to_bytes(8, "little") + encoded)

    def file(self, path: Path) -> None:
        """Add the bytes of a file, and their number."""
        size = 0
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                size += len(block)
                self._hash.update(block)
        self._hash.update(size.to_bytes(8, "little"))

    def array(self, values: np.ndarray[Any, Any]) -> None:
        """Add an array of any dtype: elements of a fixed size as their bytes, all others as cells."""
        import numpy as np

        self.string(values.dtype.newbyteorder("<").str if values.dtype.fields is None else str(values.dtype))
        self.string(str(values.shape))
        if values.dtype.fields is not None:
            for field in values.dtype.names or ():
                self.array(values[field])
        elif values.dtype.kind in "biufcmMSUV" and not _is_padded(values.dtype):
            flat = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(-1)
            if flat.dtype.kind in "fc" and np.isnan(flat).any():
                flat = np.where(np.isnan(flat), flat.dtype.type(np.nan), flat)
            if flat.size and flat.dtype.itemsize:
                self._hash.update(flat.view(np.uint8).data)
        else:
            self.cells(values.reshape(-1).tolist() if values.dtype.kind == "O" else [repr(v) for v in values.flat])

    def sparse(self, rows: Any) -> None:
        """Add a sparse matrix of SciPy's in compressed rows: its values other than 0, and their places."""
        import numpy as np

        if not rows.has_canonical_format or not rows.data.all():
            # The same matrix may be stored in another order, in several summands, or with zeros. The caller's matrix
            # must not change.
            rows = rows.copy()
            rows.sum_duplicates()
            rows.eliminate_zeros()
        self.string(f"sparse {[int(length) for length in rows.shape]}")
        # SciPy chooses whether the indices have 32 or 64 bits.
        self.array(rows.indptr.astype(np.int64, copy=False))
        self.array(rows.indices.astype(np.int64, copy=False))
        self.array(rows.data)

    def cells(self, values: Sequence[Any]) -> None:
        """Add Python values: strings, some of which may be missing, or values of any types."""
        if all(type(value) is str or is_missing(value) for value in values):
            self.string("texts")
            for start in range(0, len(values), _ROWS):
                self._strings(values[start : start + _ROWS])
        else:
            self.string("values")
            for value in values:
                self.string(plain(value))

    def _strings(self, values: Iterable[Any]) -> None:
        encoded = [value.encode("utf-8", "surrogatepass") if type(value) is str else None for value in values]
        lengths = array("q", [-1 if text is None else len(text) for text in encoded])
        if sys.byteorder == "big":
            lengths.byteswap()
        self._hash.update(lengths.tobytes())
        self._hash.update(b"".join([text for text in encoded if text]))


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or pandas' NA or NaT."""
    if value is None or (type(value) is float and value != value):
        return True
    return type(value).__name__ in ("NAType", "NaTType")


def plain(value: Any) -> str:
    """Return a string for the type and the content of a cell.

    Raises InvalidParameter if no such string is the same in every process.
    """
    if is_missing(value):
        return "missing"
    kind = type(value).__name__
    if isinstance(value, Mapping):
        return f"{kind}{{{','.join(f'{plain(key)}:{plain(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, (set, frozenset)):
        return f"{kind}({','.join(sorted(map(plain, value)))})"
    if isinstance(value, (list, tuple)):
        return f"{kind}[{','.join(map(plain, value))}]"
    if hasattr(value, "dtype") and callable(getattr(value, "tolist", None)):
        # The repr of a long array is shortened.
        return f"{kind} {value.dtype} {plain(value.tolist())}"
    text = repr(value)
    if _ADDRESS.search(text):
        raise InvalidParameter(
            f"The data contains a value of type {kind} ({text:.60}), whose content cannot be hashed. Pass a digest of "
            "your own: digest='…'."
        )
    return f"{kind} {text}"


def _is_padded(dtype: np.dtype[Any]) -> bool:
    """Return whether the dtype is a long double, whose last bytes are whatever was in memory."""
    return dtype.kind in "fc" and dtype.itemsize > (8 if dtype.kind == "f" else 16)
