"""Writes the files of `log_artifact`, `log_text`, `log_dict`, `log_figure`, `log_image` and `log_table`.

Each file is written completely or not at all.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from ..names import check_dict, check_string
from ..tables.cells import column_cells, json_cell
from ..tables.reading import read_parquet
from ..tables.writing import TableWriter
from .base import Files, check_artifact_path, existing

if TYPE_CHECKING:
    import numpy
    import pandas
    from PIL.Image import Image

IMAGE_FOLDER = "images"

_IMAGE_KEY = re.compile(r"[^\0+~%#\\]+")


def log_artifact(repository: Files, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Copy a file or a folder, under its own name, into the folder `artifact_path` (by default the root)."""
    source = existing(local_path)
    repository.put(str(check_artifact_path(artifact_path or "") / source.absolute().name), source)


def log_artifacts(repository: Files, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Copy the content of a folder into the folder `artifact_path` (by default the root)."""
    source = existing(local_dir, "local_dir")
    if not source.is_dir():
        raise InvalidParameter(
            f"local_dir must be a folder, not the file {os.fspath(local_dir)!r:.200}. Log a file with log_artifact."
        )
    repository.put(artifact_path or "", source)


def log_text(repository: Files, text: str, artifact_file: str) -> None:
    """Write a string in UTF-8."""
    if not isinstance(text, str):
        raise InvalidParameter(f"text must be a string, not {type(text).__name__}. Log a dict with log_dict.")
    repository.put(artifact_file, text.encode("utf-8", "surrogateescape"))


def log_dict(repository: Files, dictionary: Mapping[str, Any] | Sequence[Any], artifact_file: str) -> None:
    """Write a dict or a list as YAML (suffixes .yml and .yaml) or JSON (all others).

    Values that JSON does not have are written as strings.
    """
    if check_artifact_path(artifact_file).suffix.lower() in (".yml", ".yaml"):
        import yaml

        # Through JSON first, because YAML's safe dumper does not support tuples, dates and NumPy numbers.
        plain = json.loads(json.dumps(dictionary, default=_plain))
        content = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    else:
        content = json.dumps(dictionary, indent=2, default=_plain, ensure_ascii=False)
    repository.put(artifact_file, content.encode("utf-8", "surrogatepass"))


def log_figure(
    repository: Files,
    figure: Any,
    artifact_file: str,
    *,
    save_kwargs: Mapping[str, Any] | None = None,
) -> None:
    """Write a matplotlib figure in the format of the file's suffix, or a plotly figure as HTML or as an image.

    `save_kwargs` are passed to `savefig`, `to_html` or `to_image` of the figure.
    """
    suffix = check_artifact_path(artifact_file).suffix.lower().lstrip(".")
    check_dict(save_kwargs or {}, "save_kwargs")
    options = {check_string(key, "A name in save_kwargs"): value for key, value in (save_kwargs or {}).items()}
    if hasattr(figure, "savefig"):
        if not suffix:
            raise InvalidParameter(
                f"artifact_file must have a suffix such as .png or .svg, not {artifact_file!r:.200}."
            )
        buffer = io.BytesIO()
        try:
            figure.savefig(buffer, **{"format": suffix, **options})
        except (TypeError, ValueError) as error:
            raise InvalidParameter(
                f"matplotlib cannot write {artifact_file!r:.200}: {str(error).rstrip('.')}."
            ) from error
        repository.put(artifact_file, buffer.getvalue())
    elif hasattr(figure, "to_html") and hasattr(figure, "to_image"):
        if suffix in ("html", "htm"):
            # With plotly.js in the file and not from a CDN, so that the figure works without a network.
            html = figure.to_html(**{"include_plotlyjs": True, **options})
            repository.put(artifact_file, html.encode())
        elif suffix in ("png", "jpg", "jpeg", "webp", "svg", "pdf"):
            repository.put(artifact_file, figure.to_image(**{"format": suffix, **options}))
        else:
            raise InvalidParameter(
                "The suffix of a plotly figure must be one of .html, .png, .jpg, .jpeg, .webp, .svg and .pdf, not "
                f"{artifact_file!r:.200}."
            )
    else:
        raise InvalidParameter(
            f"figure must be a matplotlib or plotly figure, not {type(figure).__name__}. "
            "Log an image with log_image. For matplotlib's current figure, pass plt.gcf()."
        )


def log_image(
    repository: Files,
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
) -> None:
    """Write a PIL image or a NumPy array to `artifact_file`, or as the image of `key` at `step`.

    The rules are MLflow's. An array has the shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), and its values are
    booleans, integers from 0 to 255, or floats from 0 to 1. Floats out of range are rescaled with a warning, and
    integers out of range raise InvalidParameter. `timestamp` is in milliseconds since the epoch.
    """
    if (artifact_file is None) == (key is None):
        raise InvalidParameter("log_image requires either artifact_file or key (with step), and not both.")
    if key is not None:
        artifact_file = _image_file(key, step, timestamp)
    elif step is not None or timestamp is not None:
        raise InvalidParameter("step and timestamp can only be used with key, not with artifact_file.")
    assert artifact_file is not None
    picture = _picture(image)
    suffix = check_artifact_path(artifact_file).suffix.lower()
    from PIL import Image

    format_name = Image.registered_extensions().get(suffix)
    if format_name is None or format_name not in Image.SAVE:
        raise InvalidParameter(
            f"artifact_file must have the suffix of an image format, such as .png, .jpg or .webp, not "
            f"{artifact_file!r:.200}."
        )
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format=format_name)
    except (OSError, ValueError) as error:
        raise InvalidParameter(f"The image cannot be written as {artifact_file!r:.200}: {error}. Try .png.") from error
    repository.put(artifact_file, buffer.getvalue())


def log_table(repository: Files, data: Any, artifact_file: str) -> None:
    """Write a dict of columns or a DataFrame as Parquet, or as a JSON table `{"columns": […], "data": [[…], …]}`.

    If the file exists, the rows are appended to it, and a column that one of the two lacks is null in its rows. Values
    that JSON does not have are written as `tables.cells` describes. Images become files of their own.
    """
    suffix = check_artifact_path(artifact_file).suffix.lower()
    if suffix not in (".json", ".parquet"):
        raise InvalidParameter(
            f"artifact_file must have the suffix .json or .parquet, such as 'table.json', not {artifact_file!r:.200}."
        )
    data = _with_files_of_images(repository, data, artifact_file)
    if suffix == ".parquet":
        _write_parquet(repository, data, artifact_file)
        return
    columns, rows = _table(data)
    if repository.exists(artifact_file):
        columns, rows = _appended(repository, artifact_file, columns, rows)
    content = json.dumps({"columns": columns, "data": rows}, ensure_ascii=False, separators=(",", ":"))
    repository.put(artifact_file, content.encode("utf-8", "surrogatepass"))


def _plain(value: Any) -> Any:
    """Convert a value for JSON: NumPy numbers and arrays to Python's, everything unknown to its string."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def load_table(repository: Files, artifact_file: str) -> pandas.DataFrame:
    """Return a table that `log_table` wrote. Raises InvalidParameter if the file is not a table."""
    import pandas

    if PurePosixPath(artifact_file).suffix.lower() == ".parquet":
        return _read_parquet(repository, artifact_file)
    columns, rows = _read(repository, artifact_file)
    return pandas.DataFrame(rows, columns=_index(columns))


def _index(names: list[Any]) -> Any:
    import pandas

    return pandas.MultiIndex.from_tuples(names) if names and all(isinstance(name, tuple) for name in names) else names


def _read(repository: Files, artifact_file: str) -> tuple[list[Any], list[list[Any]]]:
    """Return the names of the columns and the rows. Names of several levels are tuples."""
    try:
        table = json.loads(repository.get(artifact_file))
        columns = [tuple(name) if isinstance(name, list) else name for name in table["columns"]]
        return columns, list(table["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidParameter(f"{artifact_file!r:.200} is not a table that log_table wrote.") from error


def _table(data: Any) -> tuple[list[Any], list[list[Any]]]:
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        cells = [column_cells(data.iloc[:, place]) for place in range(len(data.columns))]
        # Names of several levels are lists in JSON, as pandas writes them.
        names = [tuple(map(json_cell, name)) if isinstance(name, tuple) else json_cell(name) for name in data.columns]
        return names, [list(row) for row in zip(*cells, strict=True)]
    if not isinstance(data, Mapping):
        raise InvalidParameter(
            f"data must be a DataFrame or a dict of columns such as {{'x': [1, 2]}}, not {type(data).__name__}."
        )
    columns = {str(name): _column(values) for name, values in _of_one_length(data).items()}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InvalidParameter(f"All columns of a table must have the same length, but {listed}.")
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def _of_one_length(data: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return a dict of columns in which a single value is repeated as often as the others have rows."""
    lengths = {len(values) for values in data.values() if not _is_single(values) and hasattr(values, "__len__")}
    if len(lengths) != 1:
        return data
    (rows,) = lengths
    return {name: [values] * rows if _is_single(values) else values for name, values in data.items()}


def _column(values: Any) -> list[Any]:
    """Return the cells of a column. A single value is a column of one row."""
    return [json_cell(values)] if _is_single(values) else [json_cell(value) for value in values]


def _appended(
    repository: Files, artifact_file: str, columns: list[Any], rows: list[list[Any]]
) -> tuple[list[Any], list[list[Any]]]:
    """Return the table of the file with the rows appended."""
    try:
        old_columns, old_rows = _read(repository, artifact_file)
    except InvalidParameter as error:
        raise InvalidParameter(
            f"{artifact_file!r:.200} already exists and is not a table, so rows cannot be appended. "
            "Choose another file name."
        ) from error
    together = old_columns + [column for column in columns if column not in old_columns]
    added = len(together) - len(old_columns)
    position = {column: index for index, column in enumerate(columns)}
    aligned = [[row[position[c]] if c in position else None for c in together] for row in rows]
    return together, [row + [None] * added for row in old_rows] + aligned


def _write_parquet(repository: Files, data: Any, artifact_file: str) -> None:
    import pandas

    if hasattr(data, "iloc") and hasattr(data, "columns"):
        frame = data.set_axis([str(name) for name in data.columns], axis=1)
    else:
        # Checks the lengths of the columns.
        _table(data)
        frame = pandas.DataFrame({str(name): _values(values) for name, values in _of_one_length(data).items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.parquet")
        with TableWriter(path, ".parquet", "The values", "Log the table as .json.") as out:
            if repository.exists(artifact_file):
                out.write(_read_parquet(repository, artifact_file))
            out.write(frame)
        repository.put(artifact_file, path)


def _values(values: Any) -> Any:
    """Return the values of a column with their types. A single value is a column of one row."""
    if _is_single(values):
        return [values]
    return values if hasattr(values, "dtype") else list(values)


def _is_single(values: Any) -> bool:
    # A NumPy scalar has __iter__ too, but cannot be iterated over.
    return (
        not isinstance(values, Iterable)
        or isinstance(values, (str, bytes, Mapping))
        or getattr(values, "ndim", None) == 0
    )


def _read_parquet(repository: Files, artifact_file: str) -> pandas.DataFrame:
    try:
        (frame,) = read_parquet(io.BytesIO(repository.get(artifact_file)))
    except InvalidParameter as error:
        raise InvalidParameter(f"{artifact_file!r:.200} is not a table that log_table wrote: {error}") from error
    return frame


def _is_image(value: Any) -> bool:
    """Return whether this is an image of Pillow, or one that behaves alike, by MLflow's rule."""
    return all(callable(getattr(value, name, None)) for name in ("save", "resize")) and hasattr(value, "size")


def _with_files_of_images(repository: Files, data: Any, artifact_file: str) -> Any:
    """Write the images of a table to files, and return the table with the paths in their place, as in MLflow.

    Raises:
        InvalidParameter: If a column has images and other values.
    """
    is_frame = hasattr(data, "iloc") and hasattr(data, "columns")
    if not is_frame and not isinstance(data, Mapping):
        return data
    changed = {}
    for place, name in enumerate(data.columns if is_frame else data):
        values = data.iloc[:, place] if is_frame else data[name]
        if is_frame and values.dtype.kind != "O":
            continue
        cells = [values] if _is_image(values) else values if is_frame or isinstance(values, list | tuple) else []
        images = [_is_image(value) for value in cells]
        if not any(images):
            continue
        if not all(images):
            raise InvalidParameter(
                f"Column {name!r:.80} must hold only images, or none. Log the images in a column of their own."
            )
        changed[place if is_frame else name] = [_image_entry(repository, image, artifact_file) for image in cells]
    if not changed:
        return data
    if not is_frame:
        return {**data, **changed}
    data = data.copy()
    for place, entries in changed.items():
        data.isetitem(place, entries)
    return data


def _image_entry(repository: Files, image: Any, artifact_file: str) -> dict[str, str]:
    """Write an image as PNG, and small as WebP, and return the cell that names both."""
    folder = f"table_images/{PurePosixPath(artifact_file).with_suffix('')}/{uuid.uuid4()}"
    longest = max(image.size)
    small = image.resize([max(1, round(length * 256 / longest)) for length in image.size])
    entry = {"type": "image"}
    for name, each, kind in (("filepath", image, "png"), ("compressed_filepath", small, "webp")):
        buffer = io.BytesIO()
        try:
            each.save(buffer, format=kind)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidParameter(f"An image of the table cannot be written as .{kind}: {error}.") from error
        repository.put(f"{folder}.{kind}", buffer.getvalue())
        entry[name] = f"{folder}.{kind}"
    return entry


def _image_file(key: str, step: int | None, timestamp: int | None) -> str:
    if not isinstance(key, str) or not _IMAGE_KEY.fullmatch(key) or PurePosixPath(key).is_absolute():
        raise InvalidParameter(
            f"key {key!r:.120} is not a valid image key: it must be a string that is not empty, does not start with / "
            "and contains none of + ~ % # \\."
        )
    if step is not None and (isinstance(step, bool) or not isinstance(step, int)):
        raise InvalidParameter(f"step must be an integer, not {step!r:.80}.")
    now = time.time_ns() // 1_000_000 if timestamp is None else int(timestamp)
    name = f"{key.replace('/', '~')}+step+{step or 0}+timestamp+{now}+{uuid.uuid4()}.png"
    return f"{IMAGE_FOLDER}/{name}"


def _picture(image: Any) -> Image:
    try:
        from PIL import Image
    except ImportError:
        raise InvalidParameter("log_image requires Pillow. Install it with `pip install pillow`.") from None
    if isinstance(image, Image.Image):
        return image
    if hasattr(image, "__array__"):
        return Image.fromarray(_pixels(image))
    raise InvalidParameter(f"image must be a PIL image or a NumPy array, not {type(image).__name__}.")


def _pixels(image: Any) -> numpy.ndarray[Any, Any]:
    """Return an array as uint8, of the shape (H, W), (H, W, 3) or (H, W, 4)."""
    import numpy as np

    array = np.asarray(image)
    shape = array.shape
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InvalidParameter(
            "An image array must have the shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and must not be empty, but "
            f"this one has the shape {shape}."
        )
    if array.dtype.kind == "b":
        return (array * np.uint8(255)).astype(np.uint8)
    if array.dtype.kind in "iu":
        if array.min() < 0 or array.max() > 255:
            raise InvalidParameter(
                f"Integer pixels must be between 0 and 255, but these range from {array.min()} to {array.max()}. "
                "Scale them, or use floats between 0 and 1."
            )
        return array.astype(np.uint8)
    if array.dtype.kind != "f":
        raise InvalidParameter(f"An image array must hold booleans, integers or floats, not {array.dtype}.")
    if not np.isfinite(array).all():
        raise InvalidParameter(
            "The image contains NaN or infinite pixels. Replace them, for example with numpy.nan_to_num."
        )
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        warnings.warn(
            f"Float pixels should be between 0 and 1, but these range from {low:g} to {high:g}. They were rescaled.",
            stacklevel=4,
        )
        array = (array - low) / (high - low) if high > low else np.ones_like(array)
    return (array * 255).astype(np.uint8)
