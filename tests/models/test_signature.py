"""Signatures compared with the real mlflow: its JSON in both directions, its inference, its conversions."""

from __future__ import annotations

import datetime
import decimal
import json
import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.errors import InvalidParameter
from nbtrack.models import infer_signature
from nbtrack.models.enforcement import enforce
from nbtrack.models.signature import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    ModelSignature,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
)

mlflow_models = pytest.importorskip("mlflow.models")
mlflow_utils = pytest.importorskip("mlflow.models.utils")

pytestmark = pytest.mark.slow

names = st.text(min_size=1, max_size=8)
scalars = st.sampled_from(DataType)
types: st.SearchStrategy[Any] = st.recursive(
    scalars | st.just(AnyType()),
    lambda inner: st.one_of(
        st.builds(Array, inner),
        st.builds(Map, inner),
        st.builds(
            Object,
            st.lists(
                st.builds(Property, names, inner, st.booleans()), min_size=1, max_size=3, unique_by=lambda p: p.name
            ),
        ),
    ),
    max_leaves=6,
)
dtypes = st.sampled_from(["float64", "float32", "int64", "uint8", "bool", "str", "object", "datetime64[ns]"])
shapes = st.lists(st.integers(-1, 9), max_size=4)
# MLflow itself does not read back a vector that is inside of something else.
columns = st.lists(
    st.builds(ColSpec, types | st.just(SparkMLVector()), names, st.booleans()),
    min_size=1,
    max_size=5,
    unique_by=lambda c: c.name,
)
tensors = st.lists(st.builds(TensorSpec, dtypes, shapes, names), min_size=1, max_size=3, unique_by=lambda t: t.name)
unnamed = st.lists(st.builds(ColSpec, types), min_size=1, max_size=3) | st.builds(TensorSpec, dtypes, shapes).map(
    lambda spec: [spec]
)
schemas = (columns | tensors | unnamed).map(Schema)
params = st.lists(
    st.one_of(
        st.builds(ParamSpec, names, st.just("long"), st.integers(-(2**60), 2**60)),
        st.builds(ParamSpec, names, st.just("string"), st.text() | st.none()),
        st.builds(ParamSpec, names, st.just("double"), st.lists(st.floats(allow_nan=False)), st.just((-1,))),
        st.builds(ParamSpec, names, st.just("datetime"), st.datetimes()),
        st.builds(ParamSpec, names, st.just("boolean"), st.booleans()),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda p: p.name,
).map(ParamSchema)


@given(inputs=schemas, outputs=schemas | st.none(), extra=params | st.none())
def test_a_signature_survives_a_round_trip_and_mlflow_reads_it(inputs: Any, outputs: Any, extra: Any) -> None:
    signature = ModelSignature(inputs, outputs, extra)
    texts = signature.to_dict()
    assert ModelSignature.from_dict(texts) == signature
    theirs = mlflow_models.ModelSignature.from_dict(texts).to_dict()
    for name in ("inputs", "outputs", "params"):
        # MLflow's JSON strings and ours are identical, not only equivalent.
        assert theirs[name] == texts[name]


values: st.SearchStrategy[Any] = st.recursive(
    st.integers(-9, 9) | st.floats(width=32) | st.text(max_size=3) | st.booleans() | st.none() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
cells = [
    np.array([1, 2], "int8"),
    np.array([1, 2], "uint32"),
    np.array([1, 2], "int64"),
    np.array([1.5, np.nan]),
    np.array([1.5, 2], "float16"),
    np.array([True, False]),
    np.array(["a", "bb"]),
    np.array([b"a", b"bb"]),
    np.array(["2020-01-01", "2021-01-01"], "datetime64[s]"),
    pd.array([1, None], "Int64"),
    pd.array(["a", None], "string"),
    pd.array([True, None], "boolean"),
    pd.Series([1, None], dtype=object),
    pd.Series(["x", 1], dtype=object),
    pd.Series([[1, 2], [3]]),
    pd.Series([{"a": 1}, {"a": 2, "b": None}]),
    pd.Series([datetime.date(2020, 1, 1)] * 2),
    pd.Series([decimal.Decimal(1)] * 2),
    pd.Series([None, None], dtype=object),
]
batches = st.one_of(
    values,
    st.lists(st.dictionaries(st.sampled_from("abc"), values, min_size=1, max_size=3), min_size=1, max_size=3),
    st.dictionaries(st.sampled_from("abc"), values, min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(cells), min_size=1).map(pd.DataFrame),
    st.sampled_from(cells).map(lambda cell: pd.Series(cell, name="s")),
    st.sampled_from(
        [
            np.zeros((2, 3), "float32"),
            np.array(["a", "bcd"]),
            np.zeros(4),
            np.zeros((0, 2)),
            scipy.sparse.csr_matrix(np.eye(3)),
            {"x": np.zeros((2, 2)), "y": np.zeros(2, "int32")},
            {"x": np.zeros((2, 2)), "y": 1},
            datetime.datetime(2020, 1, 1),
            np.float32(1),
            {1, 2},
        ]
    ),
)


ANYTHING = Schema([ColSpec(AnyType())])


@given(data=batches)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_inferred_schemas_match_those_of_mlflow(data: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if data is None:
            with pytest.raises(InvalidParameter):
                infer_signature(data)
            return
        ours, theirs = infer_signature(data), mlflow_models.infer_signature(data)
        if theirs.inputs.to_json() == ANYTHING.to_json() and isinstance(data, pd.DataFrame | pd.Series):
            # MLflow gives up on the whole table. Only the columns that cannot be described are "any" here.
            return
        if ("[]" in repr(data) or "{}" in repr(data)) and "any" in json.dumps(ours.to_dict()):
            # Our signature accepts its own data: `test_what_is_inferred_accepts_its_own_data`.
            return
        assert ours.to_dict() == theirs.to_dict()


@pytest.mark.parametrize("other", [0.5, 1, "x", True, None, [1.5], ["x"], {"b": 1}, [[]], [{}], {"b": []}], ids=repr)
@pytest.mark.parametrize("empty", [[], {}], ids=repr)
def test_what_is_inferred_accepts_its_own_data(empty: Any, other: Any) -> None:
    """An empty list or dict stays as it is beside other values. MLflow passes NaN to the model, or refuses the data."""
    for values in ([empty, other], [other, empty]):
        for data in ({"a": values}, [{"a": value} for value in values], [{"a": [value]} for value in values]):
            schema = None
            with suppress(InvalidParameter):
                schema = infer_signature(data).inputs
            if schema is None:
                # Some values have no common type, with or without the empty one.
                continue
            rows = enforce(data, schema)["a"].to_list()
            shown = values if isinstance(data, dict) else [row["a"] for row in data]
            found = json.dumps(rows[0] if isinstance(data, dict) else rows, default=lambda value: value.tolist())
            assert found.replace("NaN", "null") == json.dumps(shown)
            mlflow_schema(schema)


@given(
    params=st.dictionaries(
        names,
        st.one_of(
            st.integers(-(2**40), 2**40),
            st.floats(allow_nan=False),
            st.text(),
            st.booleans(),
            st.datetimes(),
            st.lists(st.integers(0, 9), min_size=1),
            st.lists(st.text(max_size=2), min_size=1),
            st.dictionaries(names, st.integers(0, 9), min_size=1),
        ),
        min_size=1,
    )
)
def test_params_are_inferred_as_by_mlflow(params: Any) -> None:
    ours = infer_signature(params=params).to_dict()
    theirs = mlflow_models.infer_signature(params=params).to_dict()
    assert json.loads(ours["params"]) == json.loads(theirs["params"])


SOURCES = [
    *(np.array([2, 3], name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")),
    *(np.array([2.5, 3], name) for name in ("float16", "float32", "float64")),
    np.array([0, 1]),
    np.array([1.0, np.nan]),
    np.array([True, False]),
    pd.Series(["a", "b"]),
    pd.Series(["a", None], dtype=object),
    pd.Series([1, 2], dtype=object),
    pd.Series([True, None], dtype=object),
    pd.Series([decimal.Decimal("1.5")] * 2),
    pd.Series([datetime.date(2020, 1, 1)] * 2),
    pd.Series(pd.to_datetime(["2020-01-01", None])),
    pd.Series([b"a", b"b"]),
    pd.Series(["2020-01-01", "no date"], dtype=object),
    pd.Series([[1], [2]]),
]


@pytest.mark.parametrize("wanted", DataType)
@pytest.mark.parametrize("source", range(len(SOURCES)))
def test_conversions_match_those_of_mlflow(source: int, wanted: DataType) -> None:
    frame = pd.DataFrame({"size of it": SOURCES[source]})
    schema = Schema([ColSpec(wanted, "size of it")])
    theirs: Any
    try:
        theirs = mlflow_utils._enforce_schema(frame, mlflow_schema(schema))
    except Exception as error:
        theirs = error
    if isinstance(theirs, Exception):
        with pytest.raises(InvalidParameter, match="'size of it'"):
            enforce(frame, schema)
    else:
        pd.testing.assert_frame_equal(enforce(frame, schema), theirs)


@given(data=batches, other=batches)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_is_accepted_is_what_mlflow_accepts(data: Any, other: Any) -> None:
    """Check a batch against its own signature, and against that of another batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in (data, other):
            if source is None or data is None:
                continue
            schema = infer_signature(source).inputs
            assert schema is not None
            if schema == ANYTHING:
                # MLflow keeps only the first column.
                continue
            try:
                theirs = mlflow_utils._enforce_schema(data, mlflow_schema(schema))
            except Exception:
                continue
            if isinstance(theirs, pd.DataFrame) and _is_no_answer(theirs, schema):
                continue
            ours = enforce(data, schema)
            assert type(ours) is type(theirs)
            if isinstance(ours, pd.DataFrame):
                assert list(ours.columns) == list(theirs.columns)
                if "None" in repr(ours.values.tolist()):
                    # MLflow turns a missing string in a list into "n", or refuses the list.
                    continue
                assert list(map(repr, ours.values.tolist())) == list(map(repr, theirs.values.tolist()))


def _is_no_answer(frame: pd.DataFrame, schema: Schema) -> bool:
    """Return whether MLflow's result differs: it accepts lists as doubles, and loses the rows without columns."""
    doubles = [name for name, spec in zip(frame.columns, schema, strict=False) if spec.type is DataType.double]
    return not len(frame.columns) or any(frame[name].dtype.kind == "O" for name in doubles)


def mlflow_schema(schema: Schema) -> Any:
    from mlflow.types import Schema as Theirs

    return Theirs.from_json(schema.to_json())
