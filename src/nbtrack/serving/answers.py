"""Convert a model's answer to JSON, after a check against the signature, in the form of MLflow's server.

NaN and infinity become null, because JSON cannot represent them.
"""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import orjson

from ..models.schema import Schema
from ..tables.cells import is_missing
from .outputs import check_answer
from .refusals import WrongAnswer

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def write_answer(predictions: Any, schema: Schema | None) -> bytes:
    """Return the body of a response. Raises WrongAnswer if the answer does not match the outputs of the signature."""
    check_answer(predictions, schema)
    content = {"predictions": _plain(predictions)}
    try:
        return orjson.dumps(content, _json_value, _OPTIONS)
    except (TypeError, ValueError):
        try:
            # For integers of more than 64 bits.
            return json.dumps(content, default=_json_value).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise WrongAnswer(f"The model's answer cannot be written as JSON: {error}") from error


def _plain(predictions: Any) -> Any:
    import numpy
    import pandas

    if isinstance(predictions, numpy.ndarray):
        return predictions.tolist()
    if isinstance(predictions, pandas.Series):
        predictions = pandas.DataFrame(predictions)
    if isinstance(predictions, pandas.DataFrame):
        return predictions.to_dict(orient="records")
    return predictions


def _json_value(value: Any) -> Any:
    """Return a value that JSON does not know in MLflow's form."""
    if is_missing(value):
        return None
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        if value.dtype.kind == "M":
            import numpy

            return numpy.datetime_as_string(value).tolist()
        return value.tolist()
    if hasattr(value, "model_dump"):
        return value.model_dump()
    raise TypeError(f"Values of type {type(value).__name__} are not JSON serializable.")
