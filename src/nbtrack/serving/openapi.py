"""Create the OpenAPI document of a served model from its signature."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..models.column_types import AnyType, Array, DataType, Map, Object
from ..models.example import SERVING_EXAMPLE
from ..models.schema import ColSpec, ParamSchema, Schema, TensorSpec
from .bodies import CSV, JSON, PARQUET

if TYPE_CHECKING:
    from ..integrations.pyfunc import PyFuncModel

Json = dict[str, Any]

_SCALARS: dict[DataType, Json] = {
    DataType.boolean: {"type": "boolean"},
    DataType.integer: {"type": "integer", "format": "int32"},
    DataType.long: {"type": "integer", "format": "int64"},
    DataType.float: {"type": "number", "format": "float"},
    DataType.double: {"type": "number", "format": "double"},
    DataType.string: {"type": "string"},
    DataType.binary: {"type": "string", "contentEncoding": "base64"},
    DataType.datetime: {"type": "string", "format": "date-time"},
}
_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "U": "string", "S": "string"}
_ERROR: Json = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
}
_REFUSALS = {
    "400": "The data does not match the model's signature, or the model failed on it",
    "413": "The request body is too large",
    "415": "The media type of the request body is not supported",
    "500": "The model's answer does not match its signature",
}


def describe(model: PyFuncModel, name: str | None, version: int | None) -> Json:
    """Return the OpenAPI document of a model. `name` and `version` are those in the registry, if it is registered."""
    signature = model.signature
    inputs, outputs, params = (getattr(signature, part, None) for part in ("inputs", "outputs", "params"))
    body: Json = {"schema": {"oneOf": [_with_params(form, params) for form in _forms(inputs)]}}
    example = model.folder / SERVING_EXAMPLE
    if example.is_file():
        body["example"] = json.loads(example.read_text(encoding="utf-8"))
    answer = {"type": "object", "required": ["predictions"], "properties": {"predictions": _predictions(outputs)}}
    responses: Json = {"200": _response("The predictions", answer)}
    responses |= {status: _response(text, _ERROR) for status, text in _REFUSALS.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": name or model.metadata.artifact_path or "model", "version": str(version or "unregistered")},
        "paths": {
            "/invocations": {
                "post": {
                    "summary": "Predict a batch of data",
                    "requestBody": {
                        "required": True,
                        "content": {JSON: body, CSV: {"schema": {"type": "string"}}, PARQUET: {}},
                    },
                    "responses": responses,
                }
            },
            "/ping": {
                "get": {"summary": "Check that the server runs", "responses": {"200": {"description": "It runs"}}}
            },
            "/health": {
                "get": {
                    "summary": "Get the model that answers, and the reason if a newer version does not",
                    "responses": {"200": _response("The status, ok or degraded", {"type": "object"})},
                }
            },
            "/version": {
                "get": {"summary": "Get the version of nbtrack", "responses": {"200": {"description": "A string"}}}
            },
        },
    }


def column_schema(dtype: Any, *, required: bool = True) -> Json:
    """Return the JSON schema of a column's values. null is one of them if the column is optional."""
    if isinstance(dtype, DataType):
        made = dict(_SCALARS[dtype])
    elif isinstance(dtype, Array):
        made = {"type": "array", "items": column_schema(dtype.dtype)}
    elif isinstance(dtype, Object):
        made = {
            "type": "object",
            "properties": {each.name: column_schema(each.dtype, required=each.required) for each in dtype.properties},
            "required": [each.name for each in dtype.properties if each.required],
        }
    elif isinstance(dtype, Map):
        made = {"type": "object", "additionalProperties": column_schema(dtype.value_type)}
    else:
        assert isinstance(dtype, AnyType)
        return {}
    return made if required else {**made, "type": [made["type"], "null"]}


def tensor_schema(spec: TensorSpec, *, row: bool = False) -> Json:
    """Return the JSON schema of nested lists, or of one row of them without the first dimension."""
    kind = _KINDS.get(spec.type.kind)
    made: Json = {"type": kind} if kind else {}
    for length in reversed(spec.shape[1:] if row else spec.shape):
        made = {"type": "array", "items": made}
        if length >= 0:
            made |= {"minItems": length, "maxItems": length}
    return made


def _value(spec: Any, *, row: bool = True) -> Json:
    """Return the JSON schema of one value of a column or one row of a tensor, or of all of them."""
    if isinstance(spec, TensorSpec):
        return tensor_schema(spec, row=row)
    one = column_schema(spec.type, required=spec.required)
    return one if row else {"anyOf": [{"type": "array", "items": one}, one]}


def _forms(inputs: Schema | None) -> list[Json]:
    """Return the JSON schemas of the four forms of a body."""
    if inputs is None:
        anything: Json = {"type": "array"}
        split: Json = _split(None, {})
        return [*_tables(split, {"type": "object"}), _form("instances", anything), _form("inputs", {})]
    if not inputs.has_input_names():
        spec = inputs.inputs[0]
        cell = {} if len(inputs) > 1 or isinstance(spec, TensorSpec) else _value(spec)
        whole = {"type": "array", "items": {} if len(inputs) > 1 else _value(spec)}
        columns = {"anyOf": [whole, _value(spec, row=False)]}
        return [*_tables(_split(None, cell), {"type": "object"}), _form("instances", whole), _form("inputs", columns)]
    names = [str(name) for name in inputs.input_names()]
    required = [str(name) for name in inputs.required_input_names()]
    row = {"type": "object", "properties": {str(s.name): _value(s) for s in inputs}, "required": required}
    by_name: Json = {
        "type": "object",
        "properties": {str(spec.name): _value(spec, row=False) for spec in inputs},
        "required": required,
    }
    rows: Json = {"type": "array", "items": row}
    both = [by_name] if inputs.is_tensor_spec() else [by_name, rows]
    if len(inputs) == 1:
        rows = {"anyOf": [rows, {"type": "array", "items": _value(inputs.inputs[0])}]}
        both.append({"type": "array", "items": _value(inputs.inputs[0])})
    return [*_tables(_split(names, {}), row), _form("instances", rows), _form("inputs", {"anyOf": both})]


def _tables(split: Json, row: Json) -> list[Json]:
    return [_form("dataframe_split", split), _form("dataframe_records", {"type": "array", "items": row})]


def _split(names: list[str] | None, cell: Json) -> Json:
    columns: Json = {"type": "array"} if names is None else {"type": "array", "items": {"type": "string"}}
    if names is not None:
        columns["examples"] = [names]
    return {
        "type": "object",
        "required": ["data"] if names is None else ["columns", "data"],
        "properties": {
            "columns": columns,
            "index": {"type": "array"},
            "data": {"type": "array", "items": {"type": "array", "items": cell}},
        },
    }


def _form(name: str, schema: Json) -> Json:
    return {"type": "object", "required": [name], "properties": {name: schema}}


def _with_params(form: Json, params: ParamSchema | None) -> Json:
    if not params:
        return form
    known = {}
    for spec in params:
        one = column_schema(spec.dtype, required=False)
        made = {"type": ["array", "null"], "items": one} if spec.shape is not None else one
        default = spec.to_dict()["default"]
        known[spec.name] = {**made, "default": default}
    return {**form, "properties": {**form["properties"], "params": {"type": "object", "properties": known}}}


def _predictions(outputs: Schema | None) -> Json:
    if outputs is None:
        return {}
    spec = outputs.inputs[0]
    if not outputs.has_input_names():
        whole = _value(spec, row=False)
        return whole if isinstance(spec, TensorSpec) or len(outputs) == 1 else {"type": "array", "items": {}}
    if isinstance(spec, TensorSpec):
        return {"type": "object", "properties": {str(each.name): _value(each, row=False) for each in outputs}}
    properties = {str(each.name): _value(each) for each in outputs if isinstance(each, ColSpec)}
    return {"type": "array", "items": {"type": "object", "properties": properties}}


def _response(description: str, schema: Json) -> Json:
    return {"description": description, "content": {JSON: {"schema": schema}}}
