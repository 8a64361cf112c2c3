"""What a screen shows of an artifact, without loading it: nothing is unpickled, imported or rendered here.

Files come from runs, which may be imported from anywhere. A preview reads a bounded part of them, and screens show it
as text, as an image, or in a frame without scripts.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Literal

from ..artifact_store.base import ArtifactRepository, Stat
from ..errors import InvalidParameter, NbtrackError
from ..models.flavors import flavor_names
from ..models.model import MLMODEL
from ..models.signature import ModelSignature, as_signature
from ..models.yaml_text import read_yaml
from ..tables.reading import parquet_file
from .contract import (
    MOST_LINES,
    MOST_PREVIEW_BYTES,
    MOST_PREVIEW_COLUMNS,
    MOST_PREVIEW_ROWS,
    MOST_WHOLE_BYTES,
    ModelPreview,
    TablePreview,
)

_LONGEST_CELL = 1_000
_LONGEST_NAME = 200
_MOST_LEVELS = 30
"""How deeply JSON may be nested to be indented."""
_PAGES = (".html", ".htm", ".svg")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_IMAGES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL), "image/bmp"),
)
"""How files of images begin. SVG is not one of them, because it is a document that can contain scripts."""


@dataclass(frozen=True)
class Preview:
    """What is shown of an artifact, as in `ArtifactReply`."""

    kind: Literal["folder", "model", "image", "table", "text", "html", "binary"]
    text: str | None = None
    is_cut: bool = False
    data: str | None = None
    table: TablePreview | None = None
    model: ModelPreview | None = None


def preview_of(repository: ArtifactRepository, stat: Stat, model_uri: str) -> Preview:
    """Return what is shown of a file or a folder. `model_uri` is the URI of a model, if the folder is one."""
    if stat.is_dir:
        model = _model(repository, stat.path, model_uri)
        return Preview("folder") if model is None else Preview("model", model=model)
    size = stat.size or 0
    begin = read_part(repository, stat.path, MOST_PREVIEW_BYTES)
    image = next((mime for pattern, mime in _IMAGES if pattern.match(begin)), None)
    if image is not None:
        content = begin if size <= len(begin) else read_whole(repository, stat)
        return Preview("image", data=None if content is None else data_url(content, image))
    suffix = PurePosixPath(stat.path).suffix.lower()
    table = _table(repository, stat, begin, suffix)
    if table is not None:
        return Preview("table", table=table)
    is_cut = size > len(begin)
    text = _text(begin, is_cut)
    if text is None:
        return Preview("binary")
    if suffix in _PAGES:
        content = begin if not is_cut else read_whole(repository, stat)
        return Preview("html", text=None if content is None else content.decode("utf-8", "replace"), is_cut=is_cut)
    return Preview("text", text=text if is_cut else _formatted(text, suffix), is_cut=is_cut)


def read_part(repository: ArtifactRepository, path: str, most: int) -> bytes:
    """Return at most so many bytes of the beginning of a file."""
    with repository.open(path) as file:
        return file.read(most)


def read_whole(repository: ArtifactRepository, stat: Stat) -> bytes | None:
    """Return the content of a file, or None if it is larger than what is sent to a screen."""
    if (stat.size or 0) > MOST_WHOLE_BYTES:
        return None
    # A file that is still being written may have grown since.
    content = read_part(repository, stat.path, MOST_WHOLE_BYTES + 1)
    return None if len(content) > MOST_WHOLE_BYTES else content


def data_url(content: bytes, mime: str = "application/octet-stream") -> str:
    """Return a data URL."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _text(content: bytes, is_cut: bool) -> str | None:
    """Decode the beginning of a file, or return None if it is not text in UTF-8."""
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The last character may be cut.
        if is_cut and error.start >= len(content) - 3:
            return content[: error.start].decode("utf-8-sig")
        return None


def _formatted(text: str, suffix: str) -> str:
    """Return JSON with one value on each line, and other text as it is."""
    if suffix != ".json":
        return text
    try:
        content = json.loads(text)
        # Deeply nested lists grow by their indentation: 200 kB can become 200 MB.
        if not _is_flat(content):
            return text
        formatted = valid(json.dumps(content, indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return text
    return formatted if len(formatted) <= 2 * MOST_PREVIEW_BYTES else text


def _is_flat(content: Any) -> bool:
    """Return whether JSON has few levels."""
    level = [content]
    for _ in range(_MOST_LEVELS):
        parts = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [value for part in parts for value in part]
    return not level


# -- tables -------------------------------------------------------------------------------------------------------


def _table(repository: ArtifactRepository, stat: Stat, begin: bytes, suffix: str) -> TablePreview | None:
    """Return the beginning of a table that `log_table` or pandas wrote, or None if the file is not one."""
    try:
        if suffix == ".parquet" and begin.startswith(b"PAR1"):
            return _parquet_table(read_whole(repository, stat))
        if suffix == ".json" and begin.lstrip()[:1] == b"{" and b'"columns"' in begin:
            return _json_table(read_whole(repository, stat))
        if suffix in _DELIMITERS:
            return _csv_table(begin, is_cut=(stat.size or 0) > len(begin), delimiter=_DELIMITERS[suffix])
    except (InvalidParameter, ValueError, RecursionError, csv.Error):
        return None
    return None


def _json_table(content: bytes | None) -> TablePreview | None:
    """Read a file of `log_table`."""
    table = None if content is None else json.loads(content)
    if not isinstance(table, dict) or table.keys() != {"columns", "data"}:
        return None
    columns, rows = table["columns"], table["data"]
    if not isinstance(columns, list) or not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return None
    return _preview(columns, rows, len(rows))


def _csv_table(content: bytes, *, is_cut: bool, delimiter: str) -> TablePreview | None:
    text = _text(content, is_cut)
    if text is None:
        return None
    lines = io.StringIO(text, newline="")
    rows = [row for row in islice(csv.reader(lines, delimiter=delimiter), 1 + MOST_PREVIEW_ROWS + 1) if row]
    is_all = not is_cut and len(rows) <= 1 + MOST_PREVIEW_ROWS
    if is_cut and len(rows) <= 1 + MOST_PREVIEW_ROWS:
        # The last row is not complete.
        rows = rows[:-1]
    if not rows:
        return None
    return _preview(rows[0], rows[1:], len(rows) - 1 if is_all else None)


def _parquet_table(content: bytes | None) -> TablePreview | None:
    if content is None:
        return None
    try:
        file = parquet_file(io.BytesIO(content))
        names = file.schema_arrow.names
        shown = file.iter_batches(MOST_PREVIEW_ROWS, columns=list(dict.fromkeys(names[:MOST_PREVIEW_COLUMNS])))
        batch = next(iter(shown), None)
        columns = [] if batch is None else [column.to_pylist() for column in batch.columns]
        count = int(file.metadata.num_rows)
    except (ImportError, OSError, NotImplementedError, KeyError, OverflowError, TypeError):
        # The last ones are raised for values that Python's types cannot have, such as the year 12000.
        return None
    return _preview(names, list(zip(*columns, strict=True)), count)


def _preview(columns: Sequence[Any], rows: Sequence[Sequence[Any]], count: int | None) -> TablePreview:
    width = min(len(columns), MOST_PREVIEW_COLUMNS)
    return {
        "columns": [_cell(name) or "" for name in columns[:width]],
        "rows": [[_cell(value) for value in row[:width]] for row in rows[:MOST_PREVIEW_ROWS]],
        "row_count": count,
        "column_count": len(columns),
    }


def _cell(value: Any) -> str | None:
    """Return a value as a table shows it, cut if it is long."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, dict | list | tuple | bool | int | float):
        try:
            value = json.dumps(value, ensure_ascii=False, default=str)
        except (ValueError, TypeError, RecursionError):
            value = str(value)
    elif not isinstance(value, str):
        # A date, for example, or a decimal number.
        value = str(value)
    return valid(value if len(value) <= _LONGEST_CELL else f"{value[: _LONGEST_CELL - 1]}…")


def valid(text: str) -> str:
    """Return a string without halves of surrogate pairs, which JSON can contain and a message cannot."""
    return text.encode("utf-8", "replace").decode()


# -- models -------------------------------------------------------------------------------------------------------


def _model(repository: ArtifactRepository, folder: str, uri: str) -> ModelPreview | None:
    """Return what the MLmodel file of a folder says, or None if the folder is not that of a model."""
    path = str(PurePosixPath(folder, MLMODEL))
    with suppress(NbtrackError, OSError):
        if (repository.stat(path).size or 0) > MOST_PREVIEW_BYTES:
            return None
        content = read_part(repository, path, MOST_PREVIEW_BYTES)
        try:
            fields = read_yaml(content.decode())
        except (ValueError, RecursionError):
            return None
        if not isinstance(fields, dict) or not isinstance(fields.get("flavors"), dict):
            return None
        flavors = [
            valid(name[:_LONGEST_NAME]) for name in islice(fields["flavors"], MOST_LINES) if isinstance(name, str)
        ]
        created = fields.get("utc_time_created")
        signature = _signature(fields.get("signature"))
        return {
            "flavors": flavors,
            "created": valid(str(created)[:_LONGEST_NAME]) if isinstance(created, str | datetime) else "",
            "inputs": _lines(signature.inputs if signature else None),
            "outputs": _lines(signature.outputs if signature else None),
            "params": _lines(signature.params if signature else None),
            "code": _loading(flavors, uri),
        }
    return None


def _signature(value: object) -> ModelSignature | None:
    # A signature that a newer MLflow wrote may be of a kind that is not known here.
    with suppress(InvalidParameter, ValueError, TypeError, KeyError, RecursionError):
        return as_signature(value)
    return None


def _lines(schema: Iterable[object] | None) -> list[str]:
    return [] if schema is None else [valid(repr(item)[:_LONGEST_NAME]) for item in islice(schema, MOST_LINES)]


def _loading(flavors: Sequence[str], uri: str) -> list[str]:
    """Return a line that loads the model, for each flavor that is installed."""
    modules = ["pyfunc" if name == "python_function" else name for name in flavors]
    known = set(flavor_names())
    return [f"nbtrack.{module}.load_model({uri!r})" for module in modules if module in known]
