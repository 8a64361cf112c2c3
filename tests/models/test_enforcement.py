"""Data that a signature does not allow raises an error that names the cause. Allowed data is put in order."""

from __future__ import annotations

import datetime
import decimal
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nbtrack.errors import InvalidParameter
from nbtrack.models import infer_signature
from nbtrack.models.column_types import AnyType, Array, DataType, Map, Object, Property
from nbtrack.models.enforcement import enforce, enforce_params
from nbtrack.models.signature import ColSpec, ModelSignature, ParamSchema, ParamSpec, Schema, TensorSpec

FRAME = pd.DataFrame({"a": [1.0], "b": [1], "c": ["x"]})
SCHEMA = Schema([ColSpec("double", "a"), ColSpec("long", "b", required=False), ColSpec("string", "c")])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (FRAME.drop(columns="a"), "does not have the column 'a'"),
        (
            FRAME.rename(columns={"a": "A", "c": "C"}),
            "does not have the columns 'a', 'c'.*The data has the columns 'A', 'C'",
        ),
        (FRAME.assign(b=["x"]), "'b' has dtype str"),
        (FRAME.assign(b=[1.5]), "'b' has dtype float64, which cannot be converted to long"),
        (pd.DataFrame({"a": [1.0, 2], "b": [1, None], "c": "x"}), "'b'.*missing values"),
        (np.zeros((2, 3, 4)), r"must be a DataFrame.*\(2, 3, 4\)"),
        ({"a": [1.0], "b": [1, 2, 3], "c": "x"}, r"The data \(dict\)"),
        (object(), "must be a DataFrame"),
    ],
)
def test_wrong_columns_raise_an_error_that_names_them(data: Any, words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        enforce(data, SCHEMA)


LONGS, POINT = Array(DataType.long), Object([Property("x", DataType.long)])


@pytest.mark.parametrize(
    ("wanted", "value", "words"),
    [
        (Array(DataType.string), [["a"], ["b", "c"]], r"not a valid Array\(string\): \['a'\] is not a valid string"),
        (Array(DataType.boolean), [True, "x", None], "'x' is not a valid boolean"),
        (Array(DataType.double), [10**400], "cannot be converted to double"),
        (LONGS, np.ones((2, 2), int), r"not a valid Array\(long\): array\(\[1, 1\]\) is not a valid long"),
        (LONGS, np.array(1), r"array\(1\) is not a list"),
        (LONGS, np.zeros(1, "i4,i4"), "is not a valid long"),
        (POINT, np.array([1, 2]), r"array\(\[1, 2\]\) is not a dict"),
        (POINT, {"x": np.array([1, 2])}, r"Key 'x': array\(\[1, 2\]\) is not a valid long"),
        (Array(POINT), np.ones((2, 2)), r"array\(\[1., 1.\]\) is not a dict"),
        (Map(DataType.long), np.array([1, 2]), r"array\(\[1, 2\]\) is not a dict"),
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_wrong_nested_values_raise_an_error_that_names_them(
    wanted: Any, value: Any, words: str, required: bool
) -> None:
    schema = Schema([ColSpec(wanted, "c", required)])
    for data in ([{"c": value}], pd.DataFrame({"c": [value]})):
        with pytest.raises(InvalidParameter, match=f"Column 'c' is .*{words}"):
            enforce(data, schema)


def test_an_array_of_arrays_of_different_lengths_is_kept() -> None:
    schema = Schema([ColSpec(Array(LONGS), "c")])
    kept = enforce([{"c": np.array([[1], [2, 3]], dtype=object)}], schema)
    assert kept["c"][0].tolist() == [[1], [2, 3]]


def test_columns_with_pandas_extension_dtypes() -> None:
    for name, wanted, values in (("Int64", "long", [1, None]), ("boolean", "boolean", [True, None])):
        schema = Schema([ColSpec(wanted, "c")])
        frame = pd.DataFrame({"c": pd.array(values, dtype=name)})
        with pytest.raises(
            InvalidParameter, match=f"'c' has dtype {name}, which cannot be converted to {wanted}.*missing values"
        ):
            enforce(frame, schema)
        assert enforce(frame[:1], schema)["c"].tolist() == values[:1]
    sparse = pd.DataFrame({"c": pd.arrays.SparseArray([0.0, 1.5])})
    assert enforce(sparse, Schema([ColSpec("double", "c")]))["c"].dtype == np.float64


TIMES = pd.date_range("2026-10-25T00:30", periods=3, freq="h", unit="us")
COLUMNS: dict[str, Any] = {
    **{name: np.array([1, 2, 3], name) for name in ("int8", "uint16", "int64", "float16", "float32", "bool", "S1")},
    **{f"{name} or missing": pd.array([1, None, 3], name) for name in ("Int8", "UInt16", "Int32", "Int64", "Float64")},
    "boolean or missing": pd.array([True, None, False], "boolean"),
    "strings": ["NA", "null", ""],
    "strings or missing": pd.array(["a", None, "b"], "string"),
    "objects": pd.Series(["a", None, "b"], dtype=object),
    "bytes": pd.Series([b"a", None, b"\xff"], dtype=object),
    "categories": pd.Categorical(["a", None, "b"]),
    "categories of integers": pd.Categorical([3, 1, None]),
    "categories of times": pd.Categorical(TIMES),
    "times": TIMES,
    "zoned times": TIMES.tz_localize("Europe/Berlin", ambiguous=[True, True, True]),
    "times or missing": pd.Series([TIMES[0], None, TIMES[2]]),
    "times after 2262": pd.Series([datetime.datetime(2999, 1, 1)] * 3),
    "dates": pd.Series([datetime.date(2026, 1, 1)] * 3),
    "sparse": pd.arrays.SparseArray([0, 0, 1]),
    "sparse or missing": pd.arrays.SparseArray([0.0, np.nan, 1.0]),
    "lists": pd.Series([[1, None], [], [3]]),
    "lists of strings": pd.Series([["a", None], ["NA"], None]),
    "lists of booleans": pd.Series([[True, None], [False], [True]]),
    "lists of times": pd.Series([[TIMES[0]], [TIMES[1]], None]),
    "arrays": pd.Series([np.zeros((2, 2)), np.ones((1, 2)), np.ones((2, 1))]),
    "dicts": pd.Series([{"a": 1}, {"a": None, "b": [{"c": "x"}]}, {}]),
    # What a signature cannot describe.
    "uint64": np.array([1, 2, 2**64 - 1], "uint64"),
    "timedeltas": pd.to_timedelta([1, None, 2], "h"),
    "periods": pd.period_range("2026-01", periods=3, freq="M"),
    "intervals": pd.interval_range(0, 3),
    "decimals": pd.Series([decimal.Decimal("0.1")] * 3),
    "complex": np.array([1j, 2, 3]),
    "mixed": pd.Series([1, "a", {2}], dtype=object),
    "dicts with other keys": pd.Series([{1: 2}] * 3),
    **{
        f"arrow {values.type}": pd.Series(values, dtype=pd.ArrowDtype(values.type))
        for values in (
            pa.array([1, None, 3]),
            pa.array([1.5, None, 3]),
            pa.array([True, None, False]),
            pa.array(["a", None, "b"]),
            pa.array([b"a", None, b"b"]),
            pa.array([decimal.Decimal("0.1"), None, decimal.Decimal("0.2")]),
            pa.array(TIMES),
            pa.array(TIMES.tz_localize("UTC")),
            pa.array([[1, None], None, []]),
            pa.array([{"a": 1}, None, {"a": None}]),
            pa.array([datetime.date(2026, 1, 1)] * 3),
            pa.array(["a", "b", None]).dictionary_encode(),
        )
    },
}
WITH_WARNING = {"uint64", "timedeltas", "periods", "intervals", "decimals", "complex", "dicts with other keys"}
WITH_WARNING |= {"mixed", "arrow decimal128(1, 1)"}


@pytest.mark.parametrize(
    ("wanted", "stored", "values"),
    [
        ("datetime", "datetime64[us]", ["2026-01-02T03:04:05.678901", "NaT"]),
        ("datetime", "datetime64[s]", ["1700-01-01", "2262-01-01"]),
        ("long", "uint8", [0, 255]),
        ("long", "int32", [-(2**31), 2**31 - 1]),
        ("double", "float32", [0.1, float("nan")]),
        ("double", "uint32", [0, 2**32 - 1]),
        ("long", "Int32", [-(2**31), 2**31 - 1]),
        ("long", "Int64", [-(2**63), 2**63 - 1]),
        ("boolean", "boolean", [True, False]),
        ("double", "Float64", [0.1, None]),
        ("long", "int64[pyarrow]", [-(2**63), 2**63 - 1]),
    ],
)
def test_a_table_is_widened_as_each_of_its_columns(wanted: str, stored: str, values: list[Any]) -> None:
    """Columns that all need the same type are converted together, which may not change a value or the caller's data."""
    one = pd.Series(np.array(values, stored) if stored.startswith("datetime") else pd.array(values, stored))
    frame = pd.DataFrame(dict.fromkeys("ab", one))
    before = frame.copy(deep=True)
    for schema in (Schema([ColSpec(wanted, "b"), ColSpec(wanted, "a")]), Schema([ColSpec(wanted), ColSpec(wanted)])):
        found = enforce(frame, schema)
        assert list(found.columns) == (["b", "a"] if schema.has_input_names() else ["a", "b"])
        for name in "ab":
            pd.testing.assert_series_equal(found[name], one.astype(DataType[wanted].to_numpy()), check_names=False)
        found.iloc[0, 0] = found.iloc[1, 1]
        pd.testing.assert_frame_equal(frame, before)
    mixed = enforce(frame.assign(c="x"), Schema([ColSpec(wanted, "a"), ColSpec("string", "c"), ColSpec(wanted, "b")]))
    pd.testing.assert_frame_equal(
        mixed[["b", "a"]], enforce(frame, Schema([ColSpec(wanted, "b"), ColSpec(wanted, "a")]))
    )


def test_a_table_whose_times_nanoseconds_cannot_store_keeps_them_in_that_column() -> None:
    frame = pd.DataFrame({"a": np.array(["9999-12-31"], "M8[us]"), "b": np.array(["2026-01-01"], "M8[us]")})
    found = enforce(frame, infer_signature(frame).inputs)
    assert [str(dtype) for dtype in found.dtypes] == ["datetime64[us]", "datetime64[ns]"]
    assert found.astype(str).equals(frame.astype(str))


@pytest.mark.parametrize(
    ("wanted", "exact", "others"),
    [
        ("long", [2**63 - 1, -(2**63)], [[2**63], [-(2**63) - 1], [1.5], ["1"]]),
        ("double", [0.1, float("inf")], [["x"], [10**400], [[0.1]]]),
        ("boolean", [True, False], [["x"], [2.0]]),
        ("string", ["a", "nul\0"], [[["a"]]]),
        ("binary", [b"a", b"nul\0"], [[[b"a"]]]),
    ],
)
def test_lists_of_exactly_the_type_are_copied_and_others_are_still_checked(
    wanted: str, exact: list[Any], others: list[list[Any]]
) -> None:
    schema = Schema([ColSpec(Array(DataType[wanted]), "c")])
    [found] = enforce(pd.DataFrame({"c": [exact]}), schema)["c"]
    assert found == exact
    assert found is not exact
    assert list(map(type, found)) == list(map(type, exact))
    for other in others:
        with pytest.raises(InvalidParameter, match="Column 'c'"):
            enforce(pd.DataFrame({"c": [exact, other]}), schema)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [3, 1, 0])
def test_data_is_accepted_by_the_signature_inferred_from_it(name: str, rows: int) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5, 3.5], "it": COLUMNS[name], "z": ["x", "y", "z"]}).set_axis([7, 3, 5])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        schema = infer_signature(frame[:rows]).inputs
        assert schema is not None
        kept = enforce(frame[:rows], Schema.from_json(schema.to_json()))
    assert all("does not check these columns: 'it'" in str(each.message) for each in caught)
    if rows == 3:
        assert bool(caught) == (name in WITH_WARNING)
    assert list(kept.columns) == ["a", "it", "z"]
    assert kept.index.tolist() == [7, 3, 5][:rows]
    for before, after in zip(frame["it"][:rows], kept["it"], strict=True):
        assert same(before, after), (before, after)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_are_accepted_with_the_same_values(library: str) -> None:
    columns = {
        "integers": [1, None, 2**60 + 1],
        "booleans": [True, None, False],
        "strings": ["a", None, "NA"],
        "zoned": TIMES.tz_localize("UTC").tz_convert("Europe/Berlin").to_pydatetime().tolist(),
        "lists": [[1], None, [2, 3]],
    }
    make: Any = pytest.importorskip(library)
    table = make.DataFrame(columns) if library == "polars" else make.table(columns)
    schema = infer_signature(table).inputs
    assert schema is not None
    kept = enforce(table, schema)
    assert kept["zoned"].dt.hour.tolist() == [2, 2, 3]
    for name, values in columns.items():
        assert all(map(same, values, kept[name])), name


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same instant, number, string or missing value."""
    if isinstance(one, list | np.ndarray):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        # Parquet stores a missing key as null.
        return all(same(one.get(key), other.get(key)) for key in one | other)
    if pd.isna(one):
        return bool(pd.isna(other))
    if isinstance(one, datetime.date) and isinstance(other, datetime.date):
        return bool(pd.Timestamp(one) == pd.Timestamp(other))
    return bool(float(one) == other if isinstance(one, decimal.Decimal) and isinstance(other, float) else one == other)


@pytest.mark.parametrize(
    "names",
    [
        pd.MultiIndex.from_tuples([("wind", "mean"), ("wind", "max"), ("rain", "")]),
        ["a", "a", "b"],
        ["a", None, 1],
        pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]),
        [0.5, 1.5, 2.5],
    ],
    ids=["levels", "duplicates", "mixed", "times", "floats"],
)
def test_columns_whose_names_cannot_be_stored_are_described_by_position(names: Any) -> None:
    frame = pd.DataFrame([[1.0, 2.0, 3.0], [np.nan, 5.0, 6.0]])
    frame[1] = pd.array([1, None], dtype="Int64")
    frame.columns = names
    with pytest.warns(UserWarning, match="described by their positions"):
        schema = infer_signature(frame).inputs
    assert schema is not None
    assert Schema.from_json(schema.to_json()).input_types() == [DataType.double, DataType.long, DataType.double]
    pd.testing.assert_frame_equal(enforce(frame, schema), frame)
    with pytest.raises(InvalidParameter, match="cannot be converted to long"):
        enforce(frame.astype("float64"), schema)
    with pytest.warns(UserWarning, match="Ignoring the column"):
        assert len(enforce(pd.concat([frame, frame], axis=1), schema).columns) == 3


def test_names_of_several_levels_that_an_earlier_version_stored() -> None:
    schema = Schema.from_json('[{"type": "double", "name": ["wind", "mean"], "required": true}]')
    frame = pd.DataFrame([[1.0]], columns=pd.MultiIndex.from_tuples([("wind", "mean")]))
    pd.testing.assert_frame_equal(enforce(frame, schema), frame)


@pytest.mark.parametrize(
    "data", [[np.ones((2, 2))], [{"c": 1}, 2], np.array(1)], ids=["arrays", "a dict and a number", "no rows"]
)
def test_data_that_cannot_become_a_table(data: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"signature.* columns"):
        enforce(data, Schema([ColSpec("long")]))


def test_columns_are_reordered_and_unknown_ones_dropped() -> None:
    with pytest.warns(UserWarning, match="Ignoring the column 'd'"):
        kept = enforce(FRAME.assign(d=1)[["d", "c", "a"]], SCHEMA)
    assert list(kept.columns) == ["a", "c"]
    with pytest.raises(InvalidParameter, match="2 columns without names, but the data has only 1"):
        enforce([1.0], Schema([ColSpec("double"), ColSpec("double")]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"x": np.zeros((2, 3))}, "does not have the tensor 'y'"),
        ({"x": np.zeros((2, 4)), "y": np.zeros(2)}, r"'x' has shape \(2, 4\).*\(-1, 3\)"),
        ({"x": np.zeros((2, 3), "float32"), "y": np.zeros(2)}, "'x' has dtype float32.*float64"),
        ({"x": [[1, 2, 3]], "y": np.zeros(1)}, "'x' must be a NumPy array"),
        (np.zeros((2, 3)), "must be a dict of arrays"),
    ],
)
def test_wrong_tensors_raise_an_error_that_names_them(data: Any, words: str) -> None:
    schema = Schema([TensorSpec("float64", (-1, 3), "x"), TensorSpec("float64", (-1,), "y")])
    with pytest.raises(InvalidParameter, match=words):
        enforce(data, schema)


def test_a_column_becomes_a_tensor() -> None:
    schema = Schema([TensorSpec("float32", (-1, 2, 2))])
    frame = pd.DataFrame({"image": [[1, 2, 3, 4], [5, 6, 7, 8]]}, index=[7, 8])
    tensor = enforce(frame, schema)
    assert (tensor.shape, tensor.dtype, tensor[1, 1, 1]) == ((2, 2, 2), np.float32, 8)
    with pytest.raises(InvalidParameter, match="'image' cannot be converted"):
        enforce(pd.DataFrame({"image": [[1, 2, 3]]}), schema)


def test_a_column_cannot_become_a_tensor_without_dimensions() -> None:
    number = Schema([TensorSpec("float64", ())])
    for data in (pd.Series([1.0], name="c"), pd.DataFrame({"c": [1.0]})):
        with pytest.raises(InvalidParameter, match="'c' cannot be converted"):
            enforce(data, number)
    twice = pd.DataFrame([[1.0, 2.0]], columns=["c", "c"])
    with pytest.raises(InvalidParameter, match="more than one column named 'c'"):
        enforce(twice, Schema([TensorSpec("float64", (-1,), "c")]))


def test_params_have_defaults_types_and_names() -> None:
    schema = infer_signature(params={"k": 3, "temperature": 0.5, "stop": ["a"]}).params
    assert schema is not None
    assert (enforce_params(None, None), enforce_params({}, None)) == (None, {})
    assert enforce_params(None, schema) == {"k": 3, "temperature": 0.5, "stop": ["a"]}
    assert enforce_params({"temperature": 1, "stop": ("b",)}, schema) == {"k": 3, "temperature": 1.0, "stop": ["b"]}
    for bad in ({"stop": ["a", ["b"]]}, {"stop": np.ones((1, 1))}, {"temperature": 10**400}):
        with pytest.raises(InvalidParameter, match=f"'{next(iter(bad))}'"):
            enforce_params(bad, schema)
    for bad in ({"k": 1.5}, {"k": True}, {"k": "3"}, {"k": [3]}):
        with pytest.raises(InvalidParameter, match="'k'"):
            enforce_params(bad, schema)
    with pytest.warns(UserWarning, match="ignored: kk"):
        assert enforce_params({"kk": 1}, schema)["k"] == 3
    with pytest.warns(UserWarning, match="no params"):
        assert enforce_params({"k": 1}, None) == {}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Schema([]),
        lambda: Schema([3]),
        lambda: Schema("x"),
        lambda: Schema(3),
        lambda: Schema(None),
        lambda: Schema(ColSpec("double")),
        lambda: Schema({"a": ColSpec("double")}),
        lambda: Schema([ColSpec("double"), ParamSpec("a", "long", 1)]),
        lambda: ColSpec(3),
        lambda: ColSpec("double", ["a"]),
        lambda: ColSpec("double", {}),
        lambda: ColSpec.from_dict(3),
        lambda: ColSpec.from_dict({"type": "long", "name": {}}),
        lambda: TensorSpec(3, (-1,)),
        lambda: TensorSpec(None, (-1,)),
        lambda: TensorSpec("float64", 3),
        lambda: TensorSpec("float64", None),
        lambda: TensorSpec("float64", "ab"),
        lambda: TensorSpec("float64", (-1, 2.5)),
        lambda: TensorSpec("float64", (-1, None)),
        lambda: TensorSpec("float64", (-2,)),
        lambda: TensorSpec("float64", (-1,), ["a"]),
        lambda: TensorSpec("i4,i4", (-1,)),
        lambda: TensorSpec.from_dict(3),
        lambda: ParamSpec(3, "long", 1),
        lambda: ParamSpec("a", 3, 1),
        lambda: ParamSpec("a", "long", [1], 3),
        lambda: ParamSpec.from_dict(3),
        lambda: ParamSchema(3),
        lambda: ParamSchema([3]),
        lambda: ParamSchema(ParamSpec("a", "long", 1)),
        lambda: Array(3),
        lambda: Map(None),
        lambda: Object(3),
        lambda: Object("abc"),
        lambda: Object([3]),
        lambda: Property(3, "long"),
        lambda: Property("a", 3),
        lambda: infer_signature(params={"a": [[1], [2, 3]]}),
        lambda: ModelSignature(3),
        lambda: ModelSignature.from_dict(3),
        lambda: Schema([ColSpec("double", "a"), ColSpec("double")]),
        lambda: Schema([ColSpec("double", "a"), ColSpec("double", "a")]),
        lambda: Schema([ColSpec("double", required=False)]),
        lambda: Schema([ColSpec("double", "a"), TensorSpec("float64", (-1,), "b")]),
        lambda: ColSpec("decimal"),
        lambda: TensorSpec("nothing", (-1,)),
        lambda: ParamSpec("a", "binary", b"x"),
        lambda: ParamSpec("a", "long", "x"),
        lambda: ModelSignature(),
        lambda: ModelSignature.from_dict({"inputs": "[{}]"}),
        lambda: ModelSignature.from_dict({"inputs": "["}),
        lambda: ModelSignature.from_dict({"inputs": '[{"type": "tensor"}]'}),
    ],
)
def test_invalid_signatures(make: Any) -> None:
    with pytest.raises(InvalidParameter) as caught:
        make()
    assert str(caught.value).endswith(".")


def test_lists_of_any_kind_describe_the_same() -> None:
    columns = (ColSpec("double", "a"), ColSpec("long", "b"))
    assert Schema(iter(columns)) == Schema(columns) == Schema(list(columns))  # type: ignore[arg-type]
    properties = (Property("y", "long"), Property("x", "long"))  # type: ignore[arg-type]
    assert Object(iter(properties)) == Object(properties)  # type: ignore[arg-type]
    assert TensorSpec("float64", np.array([-1, 2])).shape == (-1, 2)  # type: ignore[arg-type]


def test_a_structured_array_is_not_described() -> None:
    # Its dtype has no name from which the MLmodel file could be read again.
    with pytest.warns(UserWarning, match="structured dtype"):
        schema = infer_signature(np.zeros(2, "i4,f8")).inputs
    assert schema is not None
    assert Schema.from_json(schema.to_json()).input_types() == [AnyType()]
