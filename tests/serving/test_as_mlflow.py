"""The same requests to our server and to mlflow's get the same predictions and the same errors."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from nbtrack.models import ColSpec, ModelSignature, Schema, TensorSpec, infer_signature

from .conftest import log

pytestmark = pytest.mark.slow

MIXED = pd.DataFrame(
    {
        "d": [0.5, 1.5],
        "l": [1, 2],
        "i": np.array([3, 4], "int32"),
        "f": np.array([0.25, 0.75], "float32"),
        "b": [True, False],
        "s": ["007", "ö"],
        "t": pd.to_datetime(["2024-02-29T00:00:00", "2024-03-01T12:00:00"]),
    }
)
RECORDS = json.loads(MIXED.to_json(orient="records", date_format="iso"))
for record in RECORDS:
    record["t"] = record["t"].removesuffix("Z")
SPLIT = {"columns": list(MIXED), "data": [list(record.values()) for record in RECORDS]}
ONE = {"dataframe_records": RECORDS[:1]}


def show(rows: Any) -> list[str]:
    """Return the values and the types that the model got, as strings."""
    import pandas

    if isinstance(rows, pandas.DataFrame):
        return [
            f"{name} {rows[name].dtype.kind}{getattr(rows[name].dtype, 'itemsize', '')} {value!s}"
            for name in rows.columns
            for value in rows[name]
        ]
    parts = rows if isinstance(rows, dict) else {"": rows}
    return [f"{name} {getattr(part, 'dtype', type(part))} {part}" for name, part in sorted(parts.items())]


def lines(rows: Any, params: Any = None) -> list[str]:
    return [str(sorted(params.items())), str(len(rows))]


Both = Callable[[str], tuple[TestClient, TestClient]]


@pytest.fixture
def both(ours: Callable[[str], TestClient], theirs: Callable[[str], TestClient]) -> Both:
    return lambda uri: (ours(uri), theirs(uri))


def ask(clients: tuple[TestClient, TestClient], body: Any, content_type: str = "application/json") -> tuple[Any, Any]:
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    one, other = (
        client.post("/invocations", content=content, headers={"content-type": content_type}) for client in clients
    )
    return one, other


def columnwise(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [record[name] for record in records] for name in records[0]}


@pytest.mark.filterwarnings("ignore")
def test_tables_are_read_as_by_mlflow_in_every_form(both: Both) -> None:
    clients = both(log(show, signature=infer_signature(MIXED)))
    buffer = io.BytesIO()
    MIXED.to_parquet(buffer)
    bodies: list[tuple[Any, str]] = [
        ({"dataframe_split": SPLIT}, "application/json"),
        ({"dataframe_split": {**SPLIT, "index": [7, 9]}}, "application/json; charset=utf-8"),
        ({"dataframe_records": RECORDS}, "application/json"),
        ({"instances": RECORDS}, "application/json"),
        ({"inputs": columnwise(RECORDS)}, "application/json"),
        ({"inputs": RECORDS[:1]}, "application/json"),
        ({"inputs": columnwise(RECORDS), "another": 1}, "application/json"),
        # More columns than needed, and in another order.
        ({"dataframe_records": [{"z": 0, **dict(reversed(record.items()))} for record in RECORDS]}, "application/json"),
        # Forms in which JSON may write numbers.
        ({"dataframe_records": [{**RECORDS[0], "d": 1, "l": 2.0, "f": 2}]}, "application/json"),
        ({"dataframe_records": [{**RECORDS[0], "d": "1.5", "l": "5", "s": 5}]}, "application/json"),
        ({"dataframe_records": [{**RECORDS[0], "d": None}]}, "application/json"),
        (json.dumps(ONE).replace("0.5", "NaN"), "application/json"),
        (buffer.getvalue(), "application/vnd.apache.parquet"),
    ]
    for body, kind in bodies:
        one, other = ask(clients, body, kind)
        assert (one.status_code, other.status_code) == (200, 200), (body, one.text, other.text)
        assert one.json() == other.json(), body
        assert one.headers["content-type"] == other.headers["content-type"]


@pytest.mark.filterwarnings("ignore")
def test_csv_is_read_as_by_mlflow(both: Both) -> None:
    table = MIXED.drop(columns="t")
    clients = both(log(show, signature=infer_signature(table)))
    for body in (table.to_csv(index=False), "\n".join(["d,l,i,f,b,s", "1,2,3,4,True,007", ",2,3,4,False,x"])):
        one, other = ask(clients, body, "text/csv")
        assert (one.status_code, one.json()) == (200, other.json())
    # mlflow does not read times from CSV.
    one, other = ask(both(log(show, signature=infer_signature(MIXED[["t"]]))), "t\n2024-02-29\n", "text/csv")
    assert (one.status_code, other.status_code) == (200, 400)
    assert one.json() == {"predictions": ["t M8 2024-02-29 00:00:00"]}


@pytest.mark.filterwarnings("ignore")
def test_bad_requests_are_refused_as_by_mlflow(both: Both) -> None:
    clients = both(log(show, signature=infer_signature(MIXED)))
    without = {name: value for name, value in RECORDS[0].items() if name != "l"}
    refused: list[tuple[Any, str]] = [
        ("{", "application/json"),
        ("", "application/json"),
        (b"\xff\xfe\x00", "application/json"),
        ([RECORDS], "application/json"),
        ("3", "application/json"),
        ({}, "application/json"),
        ({"data": RECORDS}, "application/json"),
        ({"instances": RECORDS, "inputs": RECORDS}, "application/json"),
        ({"dataframe_split": RECORDS}, "application/json"),
        ({"dataframe_split": {"columns": ["d"]}}, "application/json"),
        ({"dataframe_split": {**SPLIT, "rows": 1}}, "application/json"),
        ({"dataframe_split": {"columns": ["d", "l"], "data": [[1]]}}, "application/json"),
        ({"dataframe_records": RECORDS[0]}, "application/json"),
        ({"dataframe_records": "abc"}, "application/json"),
        ({"dataframe_records": [without]}, "application/json"),
        ({"dataframe_records": [{**RECORDS[0], "l": None}]}, "application/json"),
        ({"dataframe_records": [{**RECORDS[0], "d": "much"}]}, "application/json"),
        ({"dataframe_records": [{**RECORDS[0], "l": "many"}]}, "application/json"),
        ({"dataframe_records": [{**RECORDS[0], "d": {"a": 1}}]}, "application/json"),
        ({"dataframe_records": [{**RECORDS[0], "t": "someday"}]}, "application/json"),
        ({"instances": [without]}, "application/json"),
        ({"instances": [RECORDS[0], without]}, "application/json"),
        ({"inputs": {**columnwise(RECORDS), "l": [1]}}, "application/json"),
        ({"inputs": {**columnwise(RECORDS), "l": ["many", "few"]}}, "application/json"),
        ({"inputs": [without]}, "application/json"),
        ("a,b\n1,2\n", "text/csv"),
        ("d,l,i,f,b,s,t\n1,many,3,4,True,x,2024-01-01\n", "text/csv"),
        ("", "text/csv"),
        (b"\xff\xfe\x00", "text/csv"),
        (b"PAR?", "application/vnd.apache.parquet"),
        (ONE, "application/xml"),
        (ONE, "application/json; charset=latin-1"),
        (ONE, "application/json; version=2"),
    ]
    for body, kind in refused:
        one, other = ask(clients, body, kind)
        assert one.status_code == other.status_code, (body, kind, one.text, other.text)
        assert one.status_code in (400, 415)
        told = one.json()
        assert set(told) >= {"error_code", "message"}
        assert len(told["message"]) < 3_000
        if one.status_code == 400:
            alike = {other.json()["error_code"], "INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
            assert told["error_code"] in alike
    said = ask(clients, {"dataframe_records": [without]})[0].json()["message"]
    assert "'l'" in said


@pytest.mark.filterwarnings("ignore")
def test_values_that_mlflow_would_change_are_refused(both: Both) -> None:
    """mlflow answers these requests with other values than those that were sent."""
    clients = both(log(show, signature=infer_signature(MIXED)))
    for name, value in (("l", 1.5), ("i", 2**40), ("b", 2), ("b", "false")):
        one, other = ask(clients, {"dataframe_records": [{**RECORDS[0], name: value}]})
        assert (one.status_code, other.status_code) == (400, 200), (name, value)
        assert f"'{name}'" in one.json()["message"]
        assert not any(str(value) in line for line in other.json()["predictions"] if line.startswith(f"{name} "))


@pytest.mark.filterwarnings("ignore")
def test_tensors_are_read_as_by_mlflow(both: Both) -> None:
    unnamed = ModelSignature(Schema([TensorSpec("float32", (-1, 2))]))
    named = ModelSignature(Schema([TensorSpec("int64", (-1,), "ids"), TensorSpec("float64", (-1, 2), "x")]))
    single = ModelSignature(Schema([TensorSpec("float64", (-1, 2), "x")]))
    x = [[1.5, 2], [3, 4]]
    for signature, bodies in (
        (unnamed, [{"inputs": x}, {"instances": x}, {"dataframe_split": {"data": x}}]),
        (
            named,
            [
                {"inputs": {"ids": [1, 2], "x": x}},
                {"instances": [{"ids": 1, "x": x[0]}, {"ids": 2, "x": x[1]}]},
                {"dataframe_split": {"columns": ["ids", "x"], "data": [[1, x[0]], [2, x[1]]]}},
            ],
        ),
        (single, [{"inputs": x}, {"instances": x}, {"inputs": {"x": x}}]),
    ):
        clients = both(log(show, signature=signature))
        for body in bodies:
            one, other = ask(clients, body)
            assert (one.status_code, other.status_code) == (200, 200), (body, one.text, other.text)
            assert one.json() == other.json(), body
        for body in (
            {"inputs": [[1.0, 2.0, 3.0]]},
            {"inputs": "abc"},
            {"inputs": {"y": [1]}},
            {"inputs": [[1], [2, 3]]},
        ):
            one, other = ask(clients, body)
            assert (one.status_code, other.status_code) == (400, 400), (body, one.text, other.text)


@pytest.mark.filterwarnings("ignore")
def test_columns_without_names_nested_columns_and_no_signature(both: Both) -> None:
    texts = ModelSignature(Schema([ColSpec("string")]))
    nested = infer_signature([{"tags": ["a", "b"], "at": {"x": 1.5, "y": 2.5}}])
    value = {"tags": ["c"], "at": {"x": 0.5, "y": 0.25}}
    for arguments, bodies in (
        ({"signature": texts}, [{"inputs": ["a", "b"]}, {"inputs": "a"}, {"instances": ["a"]}]),
        ({"signature": nested}, [{"inputs": [value]}, {"dataframe_records": [value]}]),
        ({}, [{"inputs": [[1, 2]]}, {"instances": [{"a": 1}]}, {"inputs": {"a": [1.5]}}, {"dataframe_split": SPLIT}]),
    ):
        clients = both(log(show, **arguments))
        for body in bodies:
            one, other = ask(clients, body)
            assert (one.status_code, other.status_code) == (200, 200), (body, one.text, other.text)
            assert one.json() == other.json(), body
        one, other = ask(clients, "a,b\n1,x\n", "text/csv")
        assert one.status_code == other.status_code


@pytest.mark.filterwarnings("ignore")
def test_params_are_read_as_by_mlflow(both: Both) -> None:
    rows = pd.DataFrame({"x": [1.0]})
    clients = both(log(lines, signature=infer_signature(rows, params={"k": 3, "loud": False, "names": ["a"]})))
    body = {"dataframe_records": [{"x": 1.0}]}
    for params in ({}, {"k": 5}, {"loud": True, "names": ["b", "c"]}, {"unknown": 1}, None):
        one, other = ask(clients, {**body, "params": params})
        assert (one.status_code, other.status_code) == (200, 200), (params, one.text, other.text)
        assert one.json() == other.json(), params
    for params in ({"k": "many"}, {"names": 3}):
        one, other = ask(clients, {**body, "params": params})
        assert (one.status_code, other.status_code) == (400, 400), (params, one.text, other.text)
        assert next(iter(params)) in one.json()["message"]


ANSWERS: list[Any] = [
    np.array([[1.5, 2.5]]),
    np.array([0.1], "float32"),
    pd.Series([1, 2], name="y"),
    pd.Series(["a"]),
    pd.DataFrame({"label": ["a"], "p": np.array([0.1], "float32"), "at": pd.to_datetime(["2024-01-01"])}),
    pd.DataFrame(np.eye(2)),
    [np.float32(0.1), 2, "three", None, True],
    {"a": np.arange(3), "b": [np.int64(5)], "c": datetime.datetime(2024, 1, 2, 3)},
    [{"raw": b"bytes", "when": datetime.date(2024, 1, 2)}],
    "a text",
    2**70,
]


@pytest.mark.filterwarnings("ignore")
def test_answers_are_written_as_by_mlflow(both: Both) -> None:
    for answer in ANSWERS:
        one, other = ask(both(log(lambda rows, answer=answer: answer, signature=None)), {"inputs": [1]})
        assert (one.status_code, other.status_code) == (200, 200), (answer, one.text, other.text)
        assert one.json() == other.json(), answer


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_fails_and_an_answer_of_none(both: Both) -> None:
    def fail(rows: Any) -> Any:
        raise RuntimeError("no such luck")

    one, other = ask(both(log(fail)), {"inputs": [1]})
    assert (one.status_code, other.status_code) == (400, 400)
    assert one.json()["error_code"] == other.json()["error_code"] == "BAD_REQUEST"
    assert "no such luck" in one.json()["message"]
    one, other = ask(both(log(lambda rows: {1, 2})), {"inputs": [1]})
    assert (one.status_code, other.status_code) == (500, 500)
    assert one.json()["error_code"] == "INTERNAL_ERROR"


def test_ping_health_and_version(both: Both) -> None:
    one, other = both(log(lambda rows: rows))
    assert one.get("/ping").content == other.get("/ping").content
    assert one.get("/health").status_code == other.get("/health").status_code == 200
    assert one.get("/version").status_code == other.get("/version").status_code == 200
