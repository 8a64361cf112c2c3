"""Test datasets: the digest identifies the content, and a run returns its inputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nbtrack
from nbtrack import data
from nbtrack.errors import InvalidParameter, NotFound


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, np.nan, -0.25],
            "text": ["a", None, "é"],
            "flag": [True, False, True],
            "when": pd.to_datetime(["2020-01-01", "2021-01-01", None]),
            "zoned": pd.to_datetime(["2020-01-01", "2021-01-01", None]).tz_localize("Europe/Berlin"),
            "kind": pd.Categorical(["u", "v", "u"]),
            "maybe": pd.array([1, None, 3], dtype="Int64"),
            "mixed": [1, "1", (2, {"k": [3.0]})],
        }
    )


CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "order of columns": lambda df: df[list(df.columns[::-1])],
    "order of rows": lambda df: df.iloc[::-1].reset_index(drop=True),
    "one row less": lambda df: df.iloc[:-1],
    "a dtype": lambda df: df.astype({"n": "int32"}),
    "a name": lambda df: df.rename(columns={"n": "m"}),
    "a number for a name": lambda df: df.rename(columns={"n": 1}),
    "an index": lambda df: df.set_index(pd.Index([5, 6, 7])),
    "another zone": lambda df: df.assign(zoned=df["zoned"].dt.tz_convert("UTC")),
    **{
        f"a cell of {column}": lambda df, column=column, value=value: df.assign(
            **{column: [*df[column].tolist()[:2], value]}
        ).astype({column: df[column].dtype})
        for column, value in {
            "n": 4,
            "x": -0.26,
            "text": "e",
            "flag": False,
            "when": pd.Timestamp("2022-01-01"),
            "zoned": pd.Timestamp("2022-01-01", tz="Europe/Berlin"),
            "kind": "v",
            "maybe": None,
            "mixed": (2, {"k": [3.5]}),
        }.items()
    },
    "text for a missing one": lambda df: df.assign(text=["a", "", "é"]),
    "texts divided otherwise": lambda df: df.assign(text=["aé", None, ""]),
}


def test_equal_frames_have_the_same_digest_and_changed_frames_another() -> None:
    digests = {what: data.from_pandas(change(frame())).digest for what, change in CHANGES.items()}
    digests["none"] = data.from_pandas(frame()).digest
    assert len(set(digests.values())) == len(digests), digests
    again = [
        frame(),
        frame().iloc[[0, 1, 2]],
        frame().astype({"text": object}),
        pd.concat([frame().iloc[:2], frame().iloc[2:]], ignore_index=True),
    ]
    assert {data.from_pandas(df).digest for df in again} == {digests["none"]}
    assert len(digests["none"]) == 16


@pytest.mark.slow
def test_the_digest_is_the_same_in_every_process_and_version(tmp_path: Path) -> None:
    """Compare with the digests of the first release, whose runs have stored them."""
    code = """
import numpy as np, pandas as pd
from nbtrack import data
df = pd.DataFrame({"n": [1, 2], "x": [0.5, float("nan")], "text": ["a", None], "set": [{"x", "y", "z"}, {"p", "q"}]})
print(data.from_pandas(df).digest, data.from_numpy(np.arange(6, dtype="int16").reshape(2, 3)).digest)
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {"14e85875d428fd39 2fc0fa787347d68c"}


@pytest.mark.slow
@given(hnp.arrays(st.sampled_from(["i8", "f4", "f8", "u1", "?", "c16", "<U3", "M8[s]"]), hnp.array_shapes(max_dims=3)))
def test_the_digest_of_an_array_does_not_depend_on_its_memory_layout(array: Any) -> None:
    digest = data.from_numpy(array).digest
    swapped = array.astype(array.dtype.newbyteorder(">"))
    for same in (array.copy(), np.asfortranarray(array), swapped, np.stack([array, array])[1], array[::-1][::-1]):
        assert data.from_numpy(same).digest == digest
    assert data.from_numpy(array.reshape(1, *array.shape)).digest != digest
    assert data.from_numpy(array, targets=array).digest != digest
    if array.dtype.kind in "iu":
        changed = array.copy()
        changed.flat[-1] ^= 1
        assert data.from_numpy(changed).digest != digest


def test_named_arrays_and_unusual_dtypes() -> None:
    x, y = np.arange(4), np.ones(3)
    assert data.from_numpy({"x": x, "y": y}).digest == data.from_numpy({"y": y, "x": x}).digest
    assert data.from_numpy({"x": x, "z": y}).digest != data.from_numpy({"x": x, "y": y}).digest
    odd = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
    assert data.from_numpy(odd).digest == data.from_numpy(odd.copy()).digest
    assert data.from_numpy(np.array([1, "a", None], dtype=object)).digest
    assert data.from_numpy(np.longdouble([1.5, 2.5])).digest == data.from_numpy(np.longdouble([1.5, 2.5])).digest
    assert data.from_numpy(np.zeros((0, 3))).digest != data.from_numpy(np.zeros((3, 0))).digest
    with pytest.raises(InvalidParameter, match="must be an array, or a dict of arrays, not list"):
        data.from_numpy([1, 2])  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match=r"digest='…'"):
        data.from_pandas(pd.DataFrame({"o": [object()]}))
    assert data.from_pandas(pd.DataFrame({"o": [object()]}), digest="mine").digest == "mine"


def test_polars() -> None:
    pl = pytest.importorskip("polars")
    columns: dict[str, list[Any]] = {
        "n": [1, None, 3],
        "x": [0.5, float("nan"), None],
        "text": ["a", None, "é"],
        "flag": [True, None, False],
        "day": [date(2020, 1, 1), None, date(2021, 1, 1)],
        "when": [datetime(2020, 1, 1, tzinfo=UTC), None, datetime(2021, 1, 1, tzinfo=UTC)],
        "items": [[1, 2], [], None],
    }
    df = pl.DataFrame(columns).with_columns(kind=pl.Series(["u", "v", "u"], dtype=pl.Categorical))
    dataset = data.from_polars(df, name="polars", targets="n")
    others = (df.reverse(), df.select(df.columns[::-1]))
    digests = {dataset.digest, *(data.from_polars(other).digest for other in others)}
    for column, value in {"n": 4, "x": 0.5, "text": "e", "flag": True, "items": [1], "kind": "v"}.items():
        changed = df.with_columns(
            pl.Series(column, [*df[column].to_list()[:2], value], dtype=df[column].dtype, strict=False)
        )
        digests.add(data.from_polars(changed).digest)
    assert len(digests) == 9
    assert data.from_polars(pl.concat([df[:1], df[1:]])).digest == dataset.digest
    assert dataset.profile == {"num_rows": 3, "num_elements": 24}
    types = [column["type"] for column in dataset.schema["mlflow_colspec"]]
    assert types == ["long", "double", "string", "boolean", "datetime", "datetime", "any", "any"]
    with pytest.raises(InvalidParameter, match="collect"):
        data.from_polars(df.lazy())


def test_files_and_folders(tmp_path: Path) -> None:
    file = tmp_path / "train set.csv"
    file.write_text("a,b\n1,2\n")
    dataset = data.from_file(file)
    assert (dataset.name, dataset.source_type, json.loads(dataset.source)) == ("train set", "local", {"uri": str(file)})
    assert dataset.profile == {"num_files": 1, "num_bytes": 8}
    copy = tmp_path / "copy.csv"
    copy.write_bytes(file.read_bytes())
    assert data.from_file(copy).digest == dataset.digest
    copy.write_text("a,b\n1,3\n")
    assert data.from_file(copy).digest != dataset.digest
    folder = tmp_path / "images"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.png").write_bytes(b"1")
    (folder / "2.png").write_bytes(b"2")
    digest = data.from_file(folder).digest
    (folder / "2.png").rename(folder / "a" / "2.png")
    assert data.from_file(folder).digest != digest
    (folder / "a" / "2.png").rename(folder / "2.png")
    assert data.from_file(folder).digest == digest
    with pytest.raises(NotFound):
        data.from_file(tmp_path / "no such file")


@pytest.mark.parametrize(
    ("source", "kind", "fields", "name"),
    [
        ("data/train.parquet", "local", {"uri": "data/train.parquet"}, "train"),
        ("https://example.org/a/iris.csv?x=1", "http", {"url": "https://example.org/a/iris.csv?x=1"}, "iris"),
        ("s3://bucket/key.csv", "s3", {"uri": "s3://bucket/key.csv"}, "key"),
        ({"table": "t", "version": 3}, "custom", {"table": "t", "version": 3}, "dataset"),
    ],
)
def test_sources(source: Any, kind: str, fields: dict[str, Any], name: str) -> None:
    dataset = data.from_numpy(np.zeros(2), source=source)
    assert (dataset.source_type, json.loads(dataset.source), dataset.name) == (kind, fields, name)
    with pytest.raises(InvalidParameter, match="source must be a path"):
        data.from_numpy(np.zeros(2), source=7)


@pytest.mark.slow
def test_logged_datasets_equal_those_of_mlflow() -> None:
    mlflow_data = pytest.importorskip("mlflow.data")
    df = frame()[["n", "x", "text", "flag", "when"]].iloc[:2]
    array = np.zeros((3, 4), dtype="float32")
    source = "https://a.b/c.csv"
    for ours, theirs in (
        (data.from_pandas(df, source, targets="n"), mlflow_data.from_pandas(df, source, targets="n")),
        (data.from_numpy(array, targets=array[:, 0]), mlflow_data.from_numpy(array, targets=array[:, 0])),
        (data.from_numpy({"x": array}), mlflow_data.from_numpy({"x": array})),
    ):
        mine, other = ours.to_dict(), theirs.to_dict()
        assert mine.keys() == other.keys()
        assert json.loads(mine["schema"] or "") == json.loads(other["schema"])
        assert json.loads(other["profile"]).items() <= json.loads(mine["profile"] or "").items()
        assert mine["source_type"] == other["source_type"]
        with nbtrack.start_run() as run:
            nbtrack.log_input(theirs, context="training")
        (logged,) = nbtrack.get_run(run.info.run_id).inputs.dataset_inputs
        assert logged.dataset.digest == other["digest"]
        entities = pytest.importorskip("mlflow.entities")
        one = entities.DatasetInput(theirs._to_mlflow_entity(), [entities.InputTag("mlflow.data.context", "testing")])
        nbtrack.MlflowClient().log_inputs(run.info.run_id, [one])
        contexts = {one.context for one in nbtrack.get_run(run.info.run_id).inputs.dataset_inputs}
        assert contexts == {"training", "testing"}


def test_a_run_returns_its_inputs() -> None:
    df = frame()
    train = data.from_pandas(df, source="train.csv", targets="n", name="train")
    test = data.from_pandas(df.iloc[:1], name="test")
    with nbtrack.start_run() as run:
        nbtrack.log_input(train, context="training", tags={"fold": 3})
        nbtrack.log_input(train, context="training")
        nbtrack.log_inputs([train, test], ["validation", None], [None, {"it's": "ok"}])
    assert nbtrack.last_active_run() is not None
    stored = nbtrack.get_run(run.info.run_id)
    inputs = {(one.dataset.name, one.context): one for one in stored.inputs.dataset_inputs}
    assert {key: {tag.key: tag.value for tag in one.tags} for key, one in inputs.items()} == {
        ("train", "training"): {"mlflow.data.context": "training", "fold": "3"},
        ("train", "validation"): {"mlflow.data.context": "validation"},
        ("test", None): {"it's": "ok"},
    }
    assert len(stored.inputs.dataset_inputs) == 3
    dataset = inputs["train", "training"].dataset
    assert (dataset.digest, dataset.schema, dataset.profile) == (
        train.digest,
        json.dumps(train.schema),
        '{"num_rows": 3, "num_elements": 27}',
    )
    as_dict = stored.to_dictionary()["inputs"]["dataset_inputs"]
    assert {"name", "digest", "source_type", "source", "schema", "profile"} == set(as_dict[0]["dataset"])
    (searched,) = nbtrack.search_runs(output_format="list")
    assert searched.inputs == run.inputs == stored.inputs
    assert run.to_dictionary() == stored.to_dictionary()
    rows = nbtrack.sql("SELECT name, digest, context FROM nbtrack.datasets WHERE run_id = $1", [run.info.run_id])
    assert len(rows) == 3
    nbtrack.MlflowClient().log_inputs(run.info.run_id, stored.inputs.dataset_inputs)
    assert nbtrack.get_run(run.info.run_id).inputs == stored.inputs


def test_invalid_datasets_are_refused() -> None:
    with nbtrack.start_run():
        for wrong in (frame(), "train.csv", None, {"name": "x"}):
            with pytest.raises(InvalidParameter, match="dataset must be a Dataset"):
                nbtrack.log_input(wrong)
    with pytest.raises(InvalidParameter, match="same length"):
        nbtrack.log_inputs([data.from_numpy(np.zeros(1))], contexts=[])
    with pytest.raises(InvalidParameter, match=r"targets must be a column.*'y'.*'n'"):
        data.from_pandas(frame(), targets="y")
    for name in ("", "x" * 1000, "nul\0"):
        with pytest.raises(InvalidParameter):
            data.from_pandas(frame(), name=name)
    with pytest.raises(InvalidParameter, match="36 characters"):
        data.from_pandas(frame(), digest="0" * 37)


@pytest.mark.slow
def test_computing_a_digest_is_fast(measured: Callable[[str, float], None]) -> None:
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.random((500_000, 10)))
    texts = pd.DataFrame({"t": [f"text {i}" for i in range(500_000)]})
    for what, df in (("40 MB of floats", numbers), ("500,000 texts", texts)):
        start = time.perf_counter()
        data.from_pandas(df)
        measured(f"digest of {what}, ms", (time.perf_counter() - start) * 1e3)


FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


def test_a_sparse_matrix_has_one_digest_in_every_format() -> None:
    matrix = scipy.sparse.random(20, 30, 0.1, "csr", random_state=0)
    digest = data.from_numpy(matrix).digest
    assert {data.from_numpy(matrix.asformat(each)).digest for each in FORMATS} == {digest}
    rows, columns = matrix.nonzero()
    halves = [np.concatenate([one, one[::-1]]) for one in (rows, columns)]
    summands = scipy.sparse.coo_matrix((np.concatenate([matrix.data, matrix.data[::-1]]) / 2, halves), matrix.shape)
    places = np.c_[[rows, columns], [19, 29]]
    zeros = scipy.sparse.csr_array((np.append(matrix.data, 0), places), matrix.shape)
    unsorted = matrix[:, ::-1][:, ::-1]
    before = unsorted.indices.copy()
    assert {data.from_numpy(each).digest for each in (summands, zeros, unsorted, unsorted.copy())} == {digest}
    assert (unsorted.indices == before).all()
    assert zeros.nnz == matrix.nnz + 1
    wide = matrix.copy()
    wide.indices, wide.indptr = wide.indices.astype("i8"), wide.indptr.astype("i8")
    assert data.from_numpy(wide).digest == digest


def test_different_sparse_matrices_have_different_digests() -> None:
    matrix = scipy.sparse.csr_matrix([[0.0, 1, 0], [2, 0, np.nan], [0, 0, 0]])
    others = [
        matrix,
        matrix.T,
        matrix[:2],
        matrix[::-1],
        matrix[:, ::-1],
        matrix * 2,
        matrix.astype("float32"),
        scipy.sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), (3, 4)),
        scipy.sparse.csr_matrix((3, 3)),
    ]
    assert len({data.from_numpy(each).digest for each in others}) == len(others)


def test_a_sparse_matrix_has_the_schema_of_its_array_without_becoming_dense(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matrix = scipy.sparse.random(20, 30, 0.1, "csr", random_state=0)
    dense = data.from_numpy(matrix.toarray(), targets=np.arange(20))
    monkeypatch.setattr(type(matrix), "toarray", None)
    sparse = data.from_numpy(matrix, targets=np.arange(20))
    assert sparse.schema == dense.schema
    assert sparse.profile is not None
    assert dense.profile is not None
    assert sparse.profile | {"features_nbytes": 0} == dense.profile | {"features_nbytes": 0}
    # 10 ** 17 bytes, were it dense.
    huge = scipy.sparse.csr_matrix(([1.0], ([5], [7])), shape=(10**6, 10**10))
    assert data.from_numpy(huge).profile["num_elements"] == 10**16  # type: ignore[index]
