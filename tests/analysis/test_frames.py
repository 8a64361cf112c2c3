"""Test tables of runs: MLflow's columns, in pandas, polars and Arrow."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotSupported

RUNS: list[tuple[str, dict[str, float], dict[str, Any], dict[str, str]]] = [
    ("first", {"loss": 1.5, "acc": math.nan}, {"lr": 0.1}, {"kind": "a"}),
    ("second", {"loss": math.inf, "train/loss": -0.0}, {"depth": 3, "lr": "x"}, {}),
    ("third", {}, {"a key with spaces": "'quoted'"}, {"note": "two\nlines", "ünï": "🚀"}),
]


def log(tracker: Any, experiment_id: str) -> None:
    for name, metrics, params, tags in RUNS:
        with tracker.start_run(experiment_id=experiment_id, run_name=name):
            tracker.log_params(params)
            for key, value in metrics.items():
                tracker.log_metric(key, value, step=0)
            tracker.set_tags(tags)
        # The order of runs is that of their starts, in milliseconds.
        time.sleep(0.005)


@pytest.mark.slow
def test_columns_values_and_dtypes_equal_mlflows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "quiet")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    try:
        theirs_in = mlflow.create_experiment("frames", artifact_location=str(tmp_path / "mlflow"))
        log(mlflow, theirs_in)
        mlflow.MlflowClient().create_run(theirs_in, run_name="open")
        theirs = mlflow.search_runs([theirs_in])
    finally:
        mlflow.set_tracking_uri(None)
    ours_in = nbtrack.create_experiment("frames")
    log(nbtrack, ours_in)
    nbtrack.Client().create_run(ours_in, run_name="open")
    ours = nbtrack.search_runs([ours_in])

    fixed = ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
    assert list(ours.columns[:6]) == list(theirs.columns[:6]) == fixed
    kinds = [column.partition(".")[0] for column in ours.columns[6:]]
    assert kinds == sorted(kinds), "metrics, then params, then tags, as in mlflow"
    assert [column.partition(".")[0] for column in theirs.columns[6:]] == sorted(
        column.partition(".")[0] for column in theirs.columns[6:]
    )
    common = [column for column in ours.columns if not column.startswith(("tags.mlflow.", "tags.nbtrack."))]
    # mlflow's columns of one kind come in the order in which its database gives them: ours are sorted.
    assert common[6:] == sorted(common[6:])
    assert set(common) == {column for column in theirs.columns if not column.startswith("tags.mlflow.")}
    if pandas.__version__ < "3":
        # mlflow's are what pandas makes of them: nanoseconds in pandas 2, which end in the year 2262.
        theirs = theirs.astype(dict.fromkeys(["start_time", "end_time"], "datetime64[us, UTC]"))
    assert ours[common].dtypes.to_dict() == theirs[common].dtypes.to_dict()
    ids = ["run_id", "experiment_id", "artifact_uri", "start_time", "end_time"]
    compared = [column for column in common if column not in ids] + ["tags.mlflow.runName"]
    # Of infinity mlflow's database keeps the largest number.
    expected = theirs[compared].replace(sys.float_info.max, math.inf)
    pandas.testing.assert_frame_equal(ours[compared], expected)
    assert ours["end_time"].isna().tolist() == theirs["end_time"].isna().tolist() == [True, False, False, False]


def test_polars_and_arrow_have_the_same_columns_and_distinguish_nan_from_missing():
    log(nbtrack, "0")
    frame = nbtrack.search_runs()
    table = nbtrack.search_runs(output_format="arrow")
    polar = nbtrack.search_runs(output_format="polars")
    assert isinstance(table, pyarrow.Table)
    assert isinstance(polar, polars.DataFrame)
    assert table.column_names == polar.columns == list(frame.columns)
    assert repr(polar.to_dicts()) == repr(table.to_pylist())
    assert table["metrics.loss"].to_pylist() == [None, math.inf, 1.5]
    (nan,) = [value for value in polar["metrics.acc"].to_list() if value is not None]
    assert math.isnan(nan)
    assert polar["params.lr"].to_list() == [None, "x", "0.1"]
    assert table.schema.field("start_time").type == pyarrow.timestamp("us", "UTC")
    assert polar.schema["end_time"] == polars.Datetime("us", "UTC")
    assert table["start_time"].to_pylist() == [time.to_pydatetime() for time in frame["start_time"]]
    runs = nbtrack.search_runs(output_format="list")
    assert table["run_id"].to_pylist() == [run.info.run_id for run in runs]
    assert table["artifact_uri"].to_pylist() == [run.info.artifact_uri for run in runs]
    assert [round(time.timestamp() * 1000) for time in polar["start_time"]] == [run.info.start_time for run in runs]


@pytest.mark.parametrize("output_format", ["pandas", "polars", "arrow"])
def test_without_runs_the_table_is_empty(output_format: Any):
    table = nbtrack.search_runs(output_format=output_format)
    names = table.column_names if output_format == "arrow" else list(table.columns)
    assert names == ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
    assert len(table) == 0


def test_max_results_order_and_filter_apply_to_tables():
    for number in range(5):
        with nbtrack.start_run():
            nbtrack.log_metric("m", number)
    frame = nbtrack.search_runs(filter_string="metrics.m > 0", order_by=["metrics.m DESC"], max_results=2)
    assert frame["metrics.m"].tolist() == [4, 3]


def test_a_timestamp_outside_the_calendar_is_missing():
    client = nbtrack.Client()
    run = client.create_run("0", start_time=2**62)
    client.set_terminated(run.info.run_id, end_time=253_402_300_799_999)
    frame = nbtrack.search_runs()
    assert frame["start_time"].isna().all()
    assert nbtrack.search_runs(output_format="polars")["end_time"].to_list()[0].year == 9999
    assert nbtrack.sql("SELECT start_time FROM runs")["start_time"].isna().all()


def test_an_unknown_format_and_a_missing_package(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InvalidParameter, match="'pandas', 'polars', 'arrow', 'list'"):
        nbtrack.search_runs(output_format="csv")  # type: ignore[call-overload]
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(NotSupported, match="pip install polars"):
        nbtrack.search_runs(output_format="polars")


@pytest.mark.slow
def test_pandas_and_polars_need_no_pyarrow():
    code = """
import sys
sys.modules["pyarrow"] = None
import nbtrack
with nbtrack.start_run():
    nbtrack.log_param("lr", 0.1)
    nbtrack.log_metric("m", 1)
for output_format in ("pandas", "polars"):
    assert len(nbtrack.search_runs(output_format=output_format)) == 1
    assert len(nbtrack.sql("SELECT * FROM runs", output_format=output_format)) == 1
    assert len(nbtrack.curves("", output_format=output_format)) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_a_hundred_thousand_runs_are_a_frame_in_seconds(measured: Callable[[str, float], None]):
    from .synthetic import fill

    for count in (10_000, 90_000):
        fill(runs=count, params=20, metrics=10, tags=8)
        start = time.perf_counter()
        frame = nbtrack.search_runs(search_all_experiments=True)
        total = len(frame)
        spent = (time.perf_counter() - start) * 1e3
        measured(f"all of {total:,} runs x 20 params, 10 metrics, 8 tags as pandas, ms", spent)
        for output_format in ("polars", "arrow"):
            start = time.perf_counter()
            assert len(nbtrack.search_runs(search_all_experiments=True, output_format=output_format)) == total
            measured(f"the same {total:,} as {output_format}, ms", (time.perf_counter() - start) * 1e3)
    assert frame.shape == (100_000, 6 + 20 + 10 + 8)
    assert not frame.isna().any().any()
