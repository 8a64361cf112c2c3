"""Common tools read an export in one call, and it has the content of the store."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import nbtrack
from nbtrack.cli import main
from nbtrack.errors import InvalidParameter, NotFound, QueryError

VALUES = [0.1, math.nan, math.inf, -math.inf, 2.0**-1074]


@pytest.fixture
def filled() -> dict[str, str]:
    """Runs in two experiments, one of them with a name that is not a valid folder name."""
    ids = {}
    for experiment in ("a/b=c & 'd' ü", "plain"):
        nbtrack.set_experiment(experiment)
        for number in range(2):
            with nbtrack.start_run(run_name=f"{experiment[0]}{number}") as run:
                ids[f"{experiment[0]}{number}"] = run.info.run_id
                nbtrack.log_param("text", 'comma, "quote"\nand line')
                nbtrack.log_param("n", number)
                for step, value in enumerate(VALUES):
                    nbtrack.log_metric("loss", value, step=step)
    nbtrack.Client().create_registered_model("model")
    nbtrack.Client().create_model_version("model", f"runs:/{ids['a0']}/model", ids["a0"])
    nbtrack.Client().create_registered_model("another")
    nbtrack.Client().create_model_version("another", f"runs:/{ids['p0']}/model", ids["p0"])
    nbtrack.Client().delete_run(nbtrack.Client().create_run("0").info.run_id)
    return ids


@pytest.mark.slow
def test_parquet_is_read_by_pandas_polars_and_duckdb(filled: dict[str, str], tmp_path: Path) -> None:
    import duckdb
    import pandas as pd
    import polars as pl

    rows = nbtrack.export(tmp_path / "out")
    assert (rows["runs"], rows["metrics"], rows["params"], rows["model_versions"]) == (4, 20, 8, 2)
    assert sorted(path.name for path in (tmp_path / "out" / "metrics").iterdir()) == [
        "experiment_id=1",
        "experiment_id=2",
    ]
    metrics = pd.read_parquet(tmp_path / "out" / "metrics")
    one = metrics[metrics.run_id == filled["a1"]].sort_values("step")
    assert repr(one["value"].tolist()) == repr(VALUES)
    assert set(metrics["experiment"]) == {"a/b=c & 'd' ü", "plain"}
    assert str(metrics["timestamp"].dtype).startswith("datetime64")
    assert "experiment_id" in metrics

    polars = pl.read_parquet(tmp_path / "out" / "params")
    assert polars.filter(pl.col("key") == "text")["value"].unique().to_list() == ['comma, "quote"\nand line']
    assert polars["experiment_id"].unique().sort().to_list() == [1, 2]

    query = f"SELECT experiment, COUNT(*) FROM read_parquet('{tmp_path}/out/runs/**/*.parquet') GROUP BY ALL ORDER BY 1"
    assert duckdb.sql(query).fetchall() == [("a/b=c & 'd' ü", 2), ("plain", 2)]
    assert duckdb.sql(f"FROM read_parquet('{tmp_path}/out/registered_models/*.parquet')").fetchall()


@pytest.mark.slow
def test_csv_of_a_part(filled: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pandas as pd

    command = ["export", str(tmp_path / "out"), "--csv", "--experiment", "plain", "--filter", "params.n = '1'"]
    assert main(command) == 0
    assert "metrics" in capsys.readouterr().out
    runs = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert runs["run_id"].tolist() == [filled["p1"]]
    assert pd.read_csv(tmp_path / "out" / "params.csv")["value"].tolist() == ['comma, "quote"\nand line', "1"]
    assert repr(pd.read_csv(tmp_path / "out" / "metrics.csv").sort_values("step")["value"].tolist()) == repr(VALUES)
    # The registry of these runs only: p1 has made no version.
    assert pd.read_csv(tmp_path / "out" / "model_versions.csv").empty
    assert pd.read_csv(tmp_path / "out" / "experiments.csv")["name"].tolist() == ["plain"]
    nbtrack.export(tmp_path / "a0", format="csv", filter_string="attributes.run_name = 'a0'")
    assert pd.read_csv(tmp_path / "a0" / "registered_models.csv")["name"].tolist() == ["model"]


def test_an_export_is_whole_or_not_there(filled: dict[str, str], tmp_path: Path) -> None:
    import pandas as pd

    with pytest.raises(QueryError):
        nbtrack.export(tmp_path / "out", filter_string="metrics.loss <")
    with pytest.raises(NotFound, match=r"The experiments are .*plain"):
        nbtrack.export(tmp_path / "out", experiment_names=["nope"])
    with pytest.raises(InvalidParameter, match="must be 'parquet' or 'csv'"):
        nbtrack.export(tmp_path / "out", format="xlsx")  # type: ignore[arg-type]
    assert not list(tmp_path.glob("*out*"))
    (tmp_path / "out").mkdir()
    rows = nbtrack.export(tmp_path / "out", filter_string="metrics.loss > 1e9 AND params.n = '7'")
    assert set(rows.values()) == {0}
    # A table without rows is a table.
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(rows)
    for name in rows:
        empty = pd.read_parquet(tmp_path / "out" / name)
        assert len(empty) == 0
        assert "experiment_id" in empty or name in ("registered_models", "model_versions")
    with pytest.raises(InvalidParameter, match="not empty"):
        nbtrack.export(tmp_path / "out")
