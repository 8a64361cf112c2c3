"""What a signature was inferred from reaches the model with the same values through every file and every request."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbtrack.errors import NbtrackError
from nbtrack.models import ColSpec, ModelSignature, Schema, infer_signature
from nbtrack.models.enforcement import enforce
from nbtrack.serving.bodies import CSV, JSON, PARQUET, read_body, typed
from nbtrack.serving.files import _chunks
from nbtrack.tables.cells import column_cells
from nbtrack.tables.writing import TableWriter
from tests.models.test_enforcement import COLUMNS, WITH_WARNING, same

KINDS = sorted(set(COLUMNS) - WITH_WARNING)
NOT_IN_PARQUET = {"sparse", "sparse or missing", "arrays"}


def split(frame: pd.DataFrame) -> dict[str, Any]:
    cells = [column_cells(frame[name]) for name in frame]
    return {"columns": list(frame.columns), "data": [list(row) for row in zip(*cells, strict=True)]}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    table = split(frame)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]


def from_file(frame: pd.DataFrame, schema: Schema, kind: str, size: int) -> pd.DataFrame:
    path = Path(f"rows{kind}")
    path.unlink(missing_ok=True)
    if kind == ".parquet":
        frame.to_parquet(path)
    else:
        with TableWriter(path, kind) as out:
            out.write(frame)
    return pd.concat([enforce(typed(piece, schema), schema) for piece, _ in _chunks(path, size, schema)])


def from_body(frame: pd.DataFrame, schema: Schema, form: str) -> pd.DataFrame:
    buffer = io.BytesIO()
    if form == "parquet":
        frame.to_parquet(buffer)
        return enforce(read_body(buffer.getvalue(), PARQUET, schema)[0], schema)
    if form == "csv":
        Path("body.csv").unlink(missing_ok=True)
        with TableWriter(Path("body.csv"), ".csv") as out:
            out.write(frame)
        return enforce(read_body(Path("body.csv").read_bytes(), CSV, schema)[0], schema)
    content = {
        "dataframe_split": split,
        "dataframe_records": records,
        "instances": records,
        "inputs": lambda table: {name: column_cells(table[name]) for name in table},
    }[form](frame)
    return enforce(read_body(json.dumps({form: content}).encode(), JSON, schema)[0], schema)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_values_reach_the_model_through_every_door(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"a": [0.1 + 0.2, 1e-300, 3.5], "it": COLUMNS[kind], 7: ["NA", "007", "a\rb"]})
    schema = infer_signature(frame).inputs
    assert schema is not None
    frame = frame.rename(columns=str)
    doors = dict.fromkeys(("csv", "dataframe_split", "dataframe_records", "instances", "inputs"), from_body)
    doors |= dict.fromkeys(["parquet"], from_body) if kind not in NOT_IN_PARQUET else {}
    found = {form: door(frame, schema, form) for form, door in doors.items()}
    for size in (2, 10):
        for suffix in (".csv", ".jsonl", ".parquet"):
            if suffix != ".parquet" or kind not in NOT_IN_PARQUET:
                found[f"{suffix} {size}"] = from_file(frame, schema, suffix, size)
    wrong = {}
    for door, table in found.items():
        assert list(table.columns) == ["a", "it", 7], door
        for name in ("a", "it", "7"):
            here = table[7 if name == "7" else name].tolist()
            # An empty cell of a CSV file is missing.
            there = [None if "csv" in door and isinstance(value, str) and not value else value for value in frame[name]]
            if not all(map(same, there, here)) or len(here) != 3:
                wrong[door] = f"{here} instead of {there}"
    assert not wrong


def test_csv_keeps_rows_and_strings(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    schema = ModelSignature(Schema([ColSpec("double", "t", required=False)])).inputs

    def read(content: str, schema: Schema | None = None) -> list[list[Any]]:
        path.write_bytes(content.encode())
        return [row for piece, _ in _chunks(path, 2, schema) for row in piece.astype(object).values.tolist()]

    assert str(read("t\n20.5\n\nNA\n22\n\n", schema)) == "[[20.5], [nan], [nan], [22.0], [nan]]"
    floats = np.random.default_rng(1).random(1000).tolist()
    assert read("t\n" + "\n".join(map(repr, floats))) == [[value] for value in floats]
    assert read("t\r\n0.30000000000000004\r\n5e-324\r\n") == [[0.30000000000000004], [5e-324]]
    # Without a signature, "NA" is a string among strings, and missing among numbers and booleans.
    assert str(read("c,n,b\nNA,NA,NA\nFR,1,True\n")) == "[['NA', nan, nan], ['FR', 1.0, True]]"
    assert read('c,d\n"a\nb","x,""y"""\n" c ",""\n')[0] == ["a\nb", 'x,"y"']
    assert len(read("c,d\n1,2\n\n3,4\n")) == 2
    with pytest.raises(ValueError, match="first row has 3 cells"):
        read("c,d\n1,2,3\n4,5,6\n")


OFFSETS = ["2026-10-25T00:30:00+02:00", "2026-10-25T02:30:00.000001+01:00", "2026-10-25T05:00:00Z"]


@pytest.mark.parametrize(
    "door", [".csv", ".jsonl", "csv", "dataframe_split", "dataframe_records", "instances", "inputs"]
)
def test_times_with_an_offset_are_read_as_utc(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    schema = Schema([ColSpec("datetime", "t", required=False)])

    def read(times: list[Any]) -> pd.Series[Any]:
        frame = pd.DataFrame({"t": pd.Series(times, dtype=object)})
        found = from_file(frame, schema, door, 10) if door[0] == "." else from_body(frame, schema, door)
        return found["t"]

    zoned = read(OFFSETS)
    assert zoned.tolist() == [pd.Timestamp(time) for time in OFFSETS]
    assert {str(time.tzinfo) for time in zoned} == {"UTC"}
    missing = read([OFFSETS[0], None, OFFSETS[1]])
    assert missing.isna().tolist() == [False, True, False]
    assert missing.tolist()[2] == pd.Timestamp(OFFSETS[1])
    bare = read([time[:19] for time in OFFSETS])
    assert bare.tolist() == [pd.Timestamp(time[:19]) for time in OFFSETS]
    assert bare.dt.tz is None
    for times in ([OFFSETS[0], "2026-10-25T05:00:00"], ["2026-10-25", OFFSETS[0]]):
        with pytest.raises(NbtrackError, match=r"Some times have an offset, but 2026-10-25.* has none"):
            read(times)


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_later_rows_may_have_other_columns_and_types(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "out"
    pieces = [{"n": [1, 2], "s": [None, None]}, {"n": [3.5, 4], "late": ["a\rb", None]}, {"s": ["x"], "n": [2**40]}]
    with TableWriter(path, kind) as out:
        for piece in pieces:
            out.write(pd.DataFrame(piece))
    read: Any = {".csv": pd.read_csv, ".parquet": pd.read_parquet}.get(
        kind, lambda file: pd.read_json(file, lines=True)
    )
    table = read(path)
    assert table["n"].tolist() == [1, 2, 3.5, 4, 2**40]
    assert table["s"].tolist()[4] == "x"
    assert table["s"].isna().sum() == 4
    assert table["late"].tolist()[2] == "a\rb"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_rows_that_one_parquet_column_cannot_store_are_named(tmp_path: Path) -> None:
    for second, words in (("a", "row 3 on have another type"), (0.5, "without loss")):
        with pytest.raises(Exception, match=words), TableWriter(tmp_path / "out", ".parquet") as out:  # noqa: PT012
            out.write(pd.DataFrame({"p": [1, 2**60 + 1]}))
            out.write(pd.DataFrame({"p": [second]}))
