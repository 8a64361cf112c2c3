"""`nbtrack models predict`: every input and output format, chunks, and rows that cannot be predicted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbtrack.cli import main
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.models import infer_signature
from nbtrack.serving import predict_file

from .conftest import log

TABLE = pd.DataFrame({"code": [f"{k:03}" for k in range(25)], "x": np.arange(25) / 2, "n": range(25)})


def label(rows: pd.DataFrame) -> Any:
    return rows["code"] + "/" + (rows["x"] + rows["n"]).astype(str)


EXPECTED = label(TABLE).tolist()


@pytest.fixture
def labels(own_store: Path) -> str:
    return log(label, "labels", signature=infer_signature(TABLE))


def read(path: str) -> pd.DataFrame:
    readers = {
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
        "jsonl": lambda file: pd.DataFrame([json.loads(line) for line in Path(file).read_text().splitlines()]),
    }
    return readers[path.rpartition(".")[2]](path)


def write() -> None:
    records = TABLE.to_dict(orient="records")
    TABLE.to_csv("in.csv", index=False)
    TABLE.to_parquet("in.parquet")
    Path("in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    Path("in.json").write_text(json.dumps(records))


@pytest.mark.slow
def test_every_input_format_with_every_output_format(labels: str, capsys: pytest.CaptureFixture[str]) -> None:
    write()
    for source in ("in.csv", "in.parquet", "in.jsonl", "in.json"):
        for target in ("out.csv", "out.parquet", "out.jsonl"):
            options = ["-m", "models:/labels/1", "-i", source, "-o", target, "--chunk", "10"]
            assert main(["models", "predict", *options]) == 0, capsys.readouterr().err
            found = read(target)
            assert list(found.columns) == ["prediction"]
            assert found["prediction"].tolist() == EXPECTED, (source, target)
    assert "Wrote predictions for 25 rows to out.jsonl" in capsys.readouterr().out


def test_predictions_never_overwrite_their_input_file(labels: str, capsys: pytest.CaptureFixture[str]) -> None:
    """This holds under any name of the file, and is checked before the model is looked up."""
    source = Path("in.csv")
    TABLE.to_csv(source, index=False)
    before = source.read_bytes()
    Path("linked.csv").symlink_to(source)
    Path("second.csv").hardlink_to(source)
    for target in ("in.csv", "./in.csv", str(source.resolve()), "linked.csv", "second.csv"):
        with pytest.raises(InvalidParameter, match="read from"):
            predict_file("models:/there is none/1", source, target)
    with pytest.raises(InvalidParameter, match="read from"):
        predict_file("models:/there is none/1", "linked.csv", "in.csv")
    assert main(["models", "predict", "-m", "models:/there is none/1", "-i", "in.csv", "-o", "in.csv"]) != 0
    assert "read from" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_json_file_with_a_request_body_and_params(own_store: Path) -> None:
    rows = pd.DataFrame({"x": [1.0]})

    def scaled(rows: Any, params: Any = None) -> Any:
        return rows * params["by"]

    uri = log(scaled, signature=infer_signature(rows, params={"by": 2.0}))
    body = {"dataframe_split": {"columns": ["x"], "data": [[1], [2]]}, "params": {"by": 3.0}}
    Path("in.json").write_text(json.dumps(body))
    assert predict_file(uri, "in.json", "out.csv", chunk=1) == 2
    assert read("out.csv")["x"].tolist() == [3.0, 6.0]
    assert main(["models", "predict", "-m", uri, "-i", "in.json", "-o", "out.csv", "--params", '{"by": 10}']) == 0
    assert read("out.csv")["x"].tolist() == [10.0, 20.0]


@pytest.mark.slow
def test_answers_of_every_shape_become_columns(own_store: Path) -> None:
    TABLE[["x"]].to_csv("in.csv", index=False)
    answers = {
        lambda rows: rows[["x"]].to_numpy().repeat(2, axis=1): ["prediction_0", "prediction_1"],
        lambda rows: pd.DataFrame({"y": rows["x"], "z": 1}): ["y", "z"],
        lambda rows: [{"a": 1, "b": 2}] * len(rows): ["a", "b"],
        lambda rows: {"p": rows["x"].to_numpy()}: ["p"],
        lambda rows: [[1, 2]] * len(rows): ["prediction"],
    }
    for model, columns in answers.items():
        uri = log(model)
        for target in ("out.csv", "out.parquet", "out.jsonl"):
            predict_file(uri, "in.csv", target, chunk=7)
            found = read(target)
            assert (list(found.columns), len(found)) == (columns, 25), target


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_error_names_the_row_that_cannot_be_predicted(labels: str, kind: str) -> None:
    write()
    Path("out.csv").write_text("what was there\n")
    text = Path(f"in.{kind}").read_text()
    damaged = text.replace("8.5,17", "much,17") if kind == "csv" else text.replace('"x": 8.5', '"x": "much"')
    assert damaged != text
    Path(f"bad.{kind}").write_text(damaged)
    with pytest.raises(InvalidParameter, match=rf"Row 18 of 'bad\.{kind}' .*'x'"):
        predict_file(labels, f"bad.{kind}", "out.csv", chunk=10)
    assert Path("out.csv").read_text() == "what was there\n"
    assert not list(Path().glob(".out*"))


def test_an_error_names_the_first_of_several_rows(labels: str) -> None:
    for bad, row in (((17, 18, 19), 18), ((0, 1), 1)):
        damaged = TABLE.astype(object)
        damaged.loc[list(bad), "x"] = "much"
        damaged.to_csv("bad.csv", index=False)
        with pytest.raises(InvalidParameter, match=rf"Row {row} of 'bad\.csv' .*'x'"):
            predict_file(labels, "bad.csv", "out.csv", chunk=10)


def test_an_error_that_concerns_every_row_names_all_rows(labels: str) -> None:
    TABLE.drop(columns="n").to_csv("in.csv", index=False)
    with pytest.raises(InvalidParameter, match=r"Rows 1 to 25 .*: The data does not have the column 'n'"):
        predict_file(labels, "in.csv", "out.csv")


def test_a_model_that_fails_on_a_row(own_store: Path) -> None:
    def picky(rows: pd.DataFrame) -> Any:
        if (rows["n"] == 13).any():
            raise RuntimeError("I do not like this")
        return rows["n"]

    TABLE.to_csv("in.csv", index=False)
    with pytest.raises(InvalidParameter, match=r"Row 14 .*: RuntimeError: I do not like this"):
        predict_file(log(picky), "in.csv", "out.csv", chunk=5)


def test_an_error_names_the_row_of_a_missing_integer(labels: str) -> None:
    write()
    Path("in.csv").write_text(Path("in.csv").read_text().replace("010,5.0,10", "010,5.0,"))
    with pytest.raises(InvalidParameter, match=r"Row 11 .*'n'"):
        predict_file(labels, "in.csv", "out.csv")


def test_files_that_cannot_be_read_or_written(labels: str, capsys: pytest.CaptureFixture[str]) -> None:
    write()
    for source, target, error, message in (
        ("none.csv", "out.csv", NotFound, "none.csv' does not exist"),
        ("in.csv", "nowhere/out.csv", NotFound, "Folder 'nowhere'"),
        ("in.xlsx", "out.csv", InvalidParameter, "must end with one of"),
        ("in.csv", "out.json", InvalidParameter, "must end with one of"),
    ):
        with pytest.raises(error, match=message):
            predict_file(labels, source, target)
    Path("torn.csv").write_text("code,x,n\na,1,2\nb,1,2,3,4\n")
    with pytest.raises(InvalidParameter, match="line 3"):
        predict_file(labels, "torn.csv", "out.csv")
    Path("empty.csv").write_text("")
    with pytest.raises(InvalidParameter, match="not a valid CSV"):
        predict_file(labels, "empty.csv", "out.csv")
    Path("torn.jsonl").write_text('{"code": "a", "x": 1, "n": 1}\n{"code": \n')
    with pytest.raises(InvalidParameter, match="Line 2"):
        predict_file(labels, "torn.jsonl", "out.csv")
    Path("broken.parquet").write_text("PAR1")
    with pytest.raises(InvalidParameter, match="Parquet"):
        predict_file(labels, "broken.parquet", "out.csv")
    assert main(["models", "predict", "-m", labels, "-i", "in.csv", "-o", "o.csv", "--params", "3"]) == 1
    assert "--params" in capsys.readouterr().err


def test_a_file_without_rows(labels: str) -> None:
    TABLE.head(0).to_csv("in.csv", index=False)
    assert predict_file(labels, "in.csv", "out.csv") == 0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda rows: rows.dropna()["x"].tolist(), "returned 3 rows for rows 1 to 4"),
        (lambda rows: rows["x"].tolist() * 2, "returned 8 rows"),
        (lambda rows: rows["x"].sum(), "returned 1 row for"),
    ],
    ids=["fewer", "more", "one"],
)
def test_a_model_that_returns_another_number_of_rows(own_store: Path, model: Any, words: str) -> None:
    pd.DataFrame({"x": [1.0, None, 3.0, 4.0], "y": 1}).to_csv("in.csv", index=False)
    with pytest.raises(InvalidParameter, match=words):
        predict_file(log(model), "in.csv", "out.csv")
    assert not Path("out.csv").exists()
