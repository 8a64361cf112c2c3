"""The input example that is kept with a model, in MLflow's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InvalidParameter

INPUT_EXAMPLE = "input_example.json"


def save_input_example(folder: Path, example: Any) -> dict[str, Any]:
    """Write the example; the fields of `saved_input_example_info`.

    A DataFrame is written as columns and rows, an array as nested lists, everything else that JSON can hold as it is.
    """
    info: dict[str, Any] = {"artifact_path": INPUT_EXAMPLE}
    if hasattr(example, "to_json") and hasattr(example, "columns"):
        content = example.to_json(orient="split", index=False)
        info |= {"type": "dataframe", "pandas_orient": "split"}
    elif hasattr(example, "dtype") and hasattr(example, "tolist"):
        content = json.dumps(example.tolist())
        info |= {"type": "ndarray"}
    else:
        try:
            content = json.dumps(example)
        except TypeError as error:
            raise InvalidParameter(
                f"The input example must be a DataFrame, an array or something that JSON can hold: {error}"
            ) from error
        info |= {"type": "json_object"}
    (folder / INPUT_EXAMPLE).write_text(content, encoding="utf-8")
    return info
