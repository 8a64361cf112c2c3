"""What `log_artifact`, `log_text`, `log_dict`, `log_figure`, `log_image` and `log_table` write, and how.

Each file is written whole or not at all.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import time
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter
from .base import Files, check_artifact_path, existing

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

IMAGE_FOLDER = "images"

_IMAGE_KEY = re.compile(r"[^\0+~%#\\]+")


def log_artifact(repository: Files, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Copy a file, or a folder with its name, into the folder `artifact_path` (by default the root)."""
    source = existing(local_path)
    repository.put(str(check_artifact_path(artifact_path or "") / source.absolute().name), source)


def log_artifacts(repository: Files, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Copy what is in a folder into the folder `artifact_path` (by default the root)."""
    source = existing(local_dir)
    if not source.is_dir():
        raise InvalidParameter(f"{os.fspath(local_dir)!r:.200} is a file. Log a file with log_artifact.")
    repository.put(artifact_path or "", source)


def log_text(repository: Files, text: str, artifact_file: str) -> None:
    """Write a text in UTF-8."""
    if not isinstance(text, str):
        raise InvalidParameter(f"log_text takes a text, not {type(text).__name__}. For dicts there is log_dict.")
    repository.put(artifact_file, text.encode("utf-8", "surrogateescape"))


def log_dict(repository: Files, dictionary: Mapping[str, Any] | Sequence[Any], artifact_file: str) -> None:
    """Write a dict or a list: YAML for the suffixes .yml and .yaml, JSON for all others. What is neither is text."""
    if check_artifact_path(artifact_file).suffix.lower() in (".yml", ".yaml"):
        import yaml

        # Through JSON first: YAML's safe dumper knows no tuples, dates or NumPy numbers.
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
    """Write a matplotlib figure in the format of the file's suffix, or a plotly figure as .html or as a picture.

    `save_kwargs` go to the figure's own `savefig`, `write_html` or `to_image`.
    """
    suffix = check_artifact_path(artifact_file).suffix.lower().lstrip(".")
    options = dict(save_kwargs or {})
    if hasattr(figure, "savefig"):
        if not suffix:
            raise InvalidParameter(f"The figure's file {artifact_file!r} needs a suffix such as .png or .svg.")
        buffer = io.BytesIO()
        try:
            figure.savefig(buffer, **{"format": suffix, **options})
        except ValueError as error:
            raise InvalidParameter(f"matplotlib cannot write {artifact_file!r}: {error}") from error
        repository.put(artifact_file, buffer.getvalue())
    elif hasattr(figure, "to_html") and hasattr(figure, "to_image"):
        if suffix in ("html", "htm"):
            # Not from a CDN: the picture must be there without a network too.
            html = figure.to_html(**{"include_plotlyjs": True, **options})
            repository.put(artifact_file, html.encode())
        elif suffix in ("png", "jpg", "jpeg", "webp", "svg", "pdf"):
            repository.put(artifact_file, figure.to_image(**{"format": suffix, **options}))
        else:
            raise InvalidParameter(
                f"A plotly figure is written as .html, .png, .jpeg, .webp, .svg or .pdf, not as {artifact_file!r}."
            )
    else:
        raise InvalidParameter(
            f"log_figure takes a matplotlib or a plotly figure, not {type(figure).__name__}. "
            "For an image there is log_image; for matplotlib's current figure pass plt.gcf()."
        )


def log_image(
    repository: Files,
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
) -> None:
    """Write a PIL image or a NumPy array, to `artifact_file` or as the image of `key` at `step`.

    An array is height x width, or with 1 (grey), 3 (RGB) or 4 (RGBA) channels as a third dimension. Its values are
    booleans, integers from 0 to 255, or floats from 0 to 1; floats beyond are rescaled with a warning, integers
    beyond raise InvalidParameter (MLflow's rules). `timestamp` in epoch milliseconds.
    """
    if (artifact_file is None) == (key is None):
        raise InvalidParameter("log_image takes either artifact_file or key (with step): give one of the two.")
    if key is not None:
        artifact_file = _image_file(key, step, timestamp)
    elif step is not None or timestamp is not None:
        raise InvalidParameter("step and timestamp go with key. Leave them out, or give a key instead of a file.")
    assert artifact_file is not None
    picture = _picture(image)
    suffix = check_artifact_path(artifact_file).suffix.lower()
    from PIL import Image

    format_name = Image.registered_extensions().get(suffix)
    if format_name is None or format_name not in Image.SAVE:
        raise InvalidParameter(f"The image's file {artifact_file!r} needs a suffix such as .png, .jpg or .webp.")
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format=format_name)
    except (OSError, ValueError) as error:
        raise InvalidParameter(f"The image cannot be written as {artifact_file!r}: {error}. Try .png.") from error
    repository.put(artifact_file, buffer.getvalue())


def log_table(repository: Files, data: Any, artifact_file: str) -> None:
    """Write a dict of columns or a DataFrame as a JSON table `{"columns": […], "data": [[…], …]}`.

    Where the file is there already, the rows are added to it; a column that one of the two has not is null there.
    """
    if check_artifact_path(artifact_file).suffix.lower() != ".json":
        raise InvalidParameter(f"A table is written as JSON: give a file such as 'table.json', not {artifact_file!r}.")
    columns, rows = _table(data)
    if repository.exists(artifact_file):
        columns, rows = _appended(repository, artifact_file, columns, rows)
    table = {"columns": columns, "data": rows}
    try:
        content = json.dumps(table, default=_plain, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidParameter(f"The table has a value that JSON cannot hold: {error}") from error
    repository.put(artifact_file, content.encode("utf-8", "surrogatepass"))


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's; everything else as its text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _table(data: Any) -> tuple[list[str], list[list[Any]]]:
    if hasattr(data, "to_json") and hasattr(data, "columns"):
        table = json.loads(data.to_json(orient="split", index=False))
        return table["columns"], table["data"]
    if not isinstance(data, Mapping):
        raise InvalidParameter(
            f"log_table takes a dict of columns, such as {{'x': [1, 2]}}, or a DataFrame, not {type(data).__name__}."
        )
    columns = {str(name): _column(values) for name, values in data.items()}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InvalidParameter(f"The columns of a table must be of one length; {listed}.")
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def _column(values: Any) -> list[Any]:
    """The cells of a column; a single value is a column of one row."""
    # A NumPy scalar has __iter__ too, and cannot be iterated over.
    single = isinstance(values, (str, bytes, Mapping)) or getattr(values, "ndim", None) == 0
    return [_cell(v) for v in values] if isinstance(values, Iterable) and not single else [_cell(values)]


def _cell(value: Any) -> Any:
    """NaN and infinities are null, as pandas writes them: JSON has neither."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _appended(
    repository: Files, artifact_file: str, columns: list[str], rows: list[list[Any]]
) -> tuple[list[str], list[list[Any]]]:
    """The table in the file with the rows after its own."""
    try:
        table = json.loads(repository.get(artifact_file))
        old_columns, old_rows = list(table["columns"]), list(table["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidParameter(
            f"{artifact_file!r} is there already and holds no table, so no rows can be added. Choose another file."
        ) from error
    together = old_columns + [column for column in columns if column not in old_columns]
    added = len(together) - len(old_columns)
    position = {column: index for index, column in enumerate(columns)}
    aligned = [[row[position[c]] if c in position else None for c in together] for row in rows]
    return together, [row + [None] * added for row in old_rows] + aligned


def _image_file(key: str, step: int | None, timestamp: int | None) -> str:
    if not isinstance(key, str) or not _IMAGE_KEY.fullmatch(key) or PurePosixPath(key).is_absolute():
        raise InvalidParameter(f"Invalid image key {key!r:.120}: it cannot be empty or contain any of + ~ % # \\.")
    if step is not None and (isinstance(step, bool) or not isinstance(step, int)):
        raise InvalidParameter(f"The step of an image must be a whole number, not {step!r:.80}.")
    now = time.time_ns() // 1_000_000 if timestamp is None else int(timestamp)
    name = f"{key.replace('/', '~')}+step+{step or 0}+timestamp+{now}+{uuid.uuid4()}.png"
    return f"{IMAGE_FOLDER}/{name}"


def _picture(image: Any) -> Image:
    try:
        from PIL import Image
    except ImportError:
        raise InvalidParameter("log_image needs Pillow. Install it with: pip install pillow") from None
    if isinstance(image, Image.Image):
        return image
    if hasattr(image, "__array__"):
        return Image.fromarray(_pixels(image))
    raise InvalidParameter(f"log_image takes a PIL image or a NumPy array, not {type(image).__name__}.")


def _pixels(image: Any) -> numpy.ndarray[Any, Any]:
    """Bytes of height x width, or x 3 or 4 channels."""
    import numpy as np

    array = np.asarray(image)
    shape = " x ".join(map(str, array.shape))
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InvalidParameter(
            f"An image is height x width, or with 1, 3 or 4 channels; this array is {shape or 'a scalar'}."
        )
    if array.dtype.kind == "b":
        return (array * np.uint8(255)).astype(np.uint8)
    if array.dtype.kind in "iu":
        if array.min() < 0 or array.max() > 255:
            raise InvalidParameter(
                f"Whole-number pixels go from 0 to 255; these go from {array.min()} to {array.max()}. "
                "Scale them, or give floats from 0 to 1."
            )
        return array.astype(np.uint8)
    if array.dtype.kind != "f":
        raise InvalidParameter(f"An image's values are booleans, whole numbers or floats, not {array.dtype}.")
    if not np.isfinite(array).all():
        raise InvalidParameter("The image has pixels that are NaN or infinite. Replace them, by numpy.nan_to_num say.")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        warnings.warn(
            f"Float pixels go from 0 to 1; these go from {low:g} to {high:g} and were rescaled to that.", stacklevel=4
        )
        array = (array - low) / (high - low) if high > low else np.ones_like(array)
    return (array * 255).astype(np.uint8)
