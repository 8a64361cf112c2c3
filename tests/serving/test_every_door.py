"""Any data that a signature was inferred from reaches the model with the same values through every door.

The doors are predict, the files of `nbtrack models predict` and the requests to a server, a process of its own.
"""

from __future__ import annotations

import datetime
import http.client
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import nbtrack
from nbtrack.cli import main
from nbtrack.models import infer_signature
from nbtrack.serving.bodies import CSV, JSON, PARQUET
from nbtrack.tables.writing import TableWriter
from tests.depth import examples
from tests.serving.echo import echo, told
from tests.serving.test_values import records, split

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parents[2]
NOON = datetime.datetime(2026, 10, 25, 12)
moments = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))
floats = st.floats(allow_nan=False, allow_infinity=False)
strings = st.text(max_size=5) | st.sampled_from(
    ["NA", "null", "007", "1.0", "true", "2026-01-01", "[1]", "a\r\nb", '"']
)
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "int8": ("int8", st.integers(-128, 127)),
    "int32": ("int32", st.integers(-(2**31), 2**31 - 1)),
    "int64": ("int64", st.integers(-(2**63), 2**63 - 1)),
    "uint8": ("uint8", st.integers(0, 255)),
    "uint32": ("uint32", st.integers(0, 2**32 - 1)),
    "float16": ("float16", st.floats(width=16, allow_nan=False, allow_infinity=False)),
    "float32": ("float32", st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "float64": ("float64", floats),
    "bool": ("bool", st.booleans()),
    "strings": ("str", strings),
    "times in ns": ("datetime64[ns]", moments),
    "times in s": ("datetime64[s]", moments.map(lambda time: time.replace(microsecond=0))),
    # Offsets had seconds before 1893, which ISO 8601 does not have.
    "zoned": (
        "datetime64[us, Europe/Berlin]",
        st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)).map(
            lambda time: time.replace(tzinfo=datetime.UTC)
        ),
    ),
    "dates": ("object", moments.map(lambda time: time.date())),
    "bytes": ("object", st.binary(max_size=4)),
    "categories": ("category", st.sampled_from(["a", "NA", "b"])),
    "integers or missing": ("Int64", st.integers(-(2**63), 2**63 - 1) | st.none()),
    "small integers or missing": ("Int8", st.integers(-128, 127) | st.none()),
    "floats or missing": ("float64", floats | st.none()),
    "booleans or missing": ("boolean", st.booleans() | st.none()),
    "strings or missing": ("string", strings | st.none()),
    "objects or missing": ("object", strings | st.none()),
    "times or missing": ("datetime64[us]", moments | st.none()),
    "Arrow integers": ("int64[pyarrow]", st.integers(-(2**63), 2**63 - 1) | st.none()),
    "Arrow strings": ("string[pyarrow]", strings | st.none()),
    "lists of integers": ("object", st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=3) | st.none()),
    "lists of strings": ("object", st.lists(strings, max_size=3)),
    "lists of floats": ("object", st.lists(floats, max_size=3)),
    "lists of lists": ("object", st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2)),
    "objects": ("object", st.fixed_dictionaries({"a": floats}, optional={"b": strings, "c": st.lists(st.booleans())})),
}
CASES: dict[str, list[Any]] = {
    "int8": [1],
    "int32": [1],
    "int64": [1],
    "uint8": [1],
    "uint32": [1],
    "float16": [0.5],
    "float32": [0.5],
    "float64": [0.5],
    "bool": [True],
    "strings": ["a"],
    "times in ns": [NOON],
    "times in s": [NOON],
    "zoned": [NOON.replace(tzinfo=datetime.UTC)],
    "dates": [NOON.date()],
    "bytes": [b"a"],
    "categories": ["a"],
    "floats or missing": [0.5, None],
    "booleans or missing": [True, None],
    "times or missing": [NOON, None],
    "lists of integers": [[1, None], None],
    "lists of strings": [["a"]],
    "lists of floats": [[0.5]],
    "lists of lists": [[[1]]],
    "objects": [{"a": 0.5}, {"a": 0.5, "b": "x"}, {"a": 0.5, "c": [True]}],
}
"""What the signature is inferred from: values that show which are optional."""


def column(name: str, values: list[Any]) -> pd.Series[Any]:
    dtype = VALUES[name][0]
    return pd.Series(values, dtype=object if dtype == "object" else dtype)


def filled(values: list[Any], rows: int) -> list[Any]:
    return [values[place % len(values)] for place in range(rows)]


EXAMPLE = pd.DataFrame(
    {
        name: column(name, filled(CASES.get(name, ["a" if "strings" in name or name[0] == "o" else 1, None]), 6))
        for name in VALUES
    }
)
SIGNATURE = infer_signature(EXAMPLE)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Return one to four rows, with any index, and a value of each kind in each."""
    rows = draw(st.integers(1, 4))
    columns = {
        name: column(name, draw(st.lists(values, min_size=rows, max_size=rows))) for name, (_, values) in VALUES.items()
    }
    return pd.DataFrame(columns).set_axis(draw(st.permutations(range(rows))))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a model that answers what it received."""
    folder = str(tmp_path_factory.mktemp("echo") / "model")
    nbtrack.pyfunc.save_model(folder, python_model=echo, signature=SIGNATURE, pip_requirements=[])
    return folder


@pytest.fixture(scope="module")
def server(model: str) -> Iterator[str]:
    """Start `nbtrack models serve` and return its address."""
    command = [sys.executable, "-m", "tests.serving.command", "models", "serve", "-m", model, "--port", "0", "--trust"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split(" at http://")[1].split()[0]
        process.terminate()


def through_files(frame: pd.DataFrame, model: str) -> Iterator[tuple[str, Any]]:
    for kind in (".csv", ".jsonl", ".parquet"):
        source = Path(f"rows{kind}")
        source.unlink(missing_ok=True)
        with TableWriter(source, kind) as out:
            out.write(frame)
        arguments = ["-m", model, "--trust", "-i", str(source), "-o", "answers.jsonl", "--chunk", "3"]
        assert main(["models", "predict", *arguments]) == 0
        answers = [json.loads(line) for line in Path("answers.jsonl").read_text("utf-8").split("\n")[:-1]]
        yield kind, [answer["prediction"] for answer in answers]


def through_requests(frame: pd.DataFrame, server: str) -> Iterator[tuple[str, Any]]:
    csv = Path("body.csv")
    csv.unlink(missing_ok=True)
    with TableWriter(csv, ".csv") as out:
        out.write(frame)
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    content = split(frame)
    by_column = {name: [row[place] for row in content["data"]] for place, name in enumerate(content["columns"])}
    bodies = {
        "a CSV body": (CSV, csv.read_bytes()),
        "a Parquet body": (PARQUET, parquet.getvalue()),
        **{
            form: (JSON, json.dumps({form: data}).encode())
            for form, data in (
                ("dataframe_split", content),
                ("dataframe_records", records(frame)),
                ("instances", records(frame)),
                ("inputs", by_column),
            )
        },
    }
    connection = http.client.HTTPConnection(server, timeout=60)
    for form, (kind, body) in bodies.items():
        connection.request("POST", "/invocations", body, {"content-type": kind})
        answer = connection.getresponse()
        read = json.loads(answer.read())
        assert answer.status == 200, (form, read)
        yield form, read["predictions"]
    connection.close()


def expected(frame: pd.DataFrame, door: str) -> list[dict[str, Any]]:
    """Return the values that the model must receive."""
    rows = []
    for _, values in frame.iterrows():
        row = {name: told(frame[name].iloc[len(rows)]) for name in values.index}
        if "csv" in door.lower():
            # CSV cannot tell an empty string, or no bytes, from a missing value.
            row = {name: None if value in (["str", "''"], ["bytes", ""]) else value for name, value in row.items()}
        rows.append(row)
    return rows


@given(frame=frames())
@example(frame=EXAMPLE)
@settings(
    suppress_health_check=list(HealthCheck), max_examples=examples(8, 100), phases=[Phase.explicit, Phase.generate]
)
def test_any_data_reaches_the_model_through_every_door(
    frame: pd.DataFrame, model: str, server: str, tmp_path: Path
) -> None:
    loaded = nbtrack.pyfunc.load_model(model, trust=True)
    found = {
        "predict": loaded.predict(frame),
        **dict(through_files(frame, model)),
        **dict(through_requests(frame, server)),
    }
    wrong = []
    for door, answers in found.items():
        for row, answer in zip(expected(frame, door), map(json.loads, answers), strict=True):
            assert row.keys() == answer.keys()
            wrong += [(door, name, row[name], answer[name]) for name in row if row[name] != answer[name]]
    assert not wrong


@given(frame=frames())
@settings(suppress_health_check=list(HealthCheck), max_examples=25, phases=[Phase.explicit, Phase.generate])
def test_any_data_is_accepted_by_its_own_signature(frame: pd.DataFrame) -> None:
    from nbtrack.models.enforcement import enforce

    schema = infer_signature(frame).inputs
    assert schema is not None
    kept = enforce(frame, schema)
    assert [told(value) for name in kept for value in kept[name]] == [told(v) for name in frame for v in frame[name]]
