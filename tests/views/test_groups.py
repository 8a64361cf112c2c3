"""The groups of the comparison as screens get them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nbtrack
from nbtrack import views
from nbtrack.errors import InvalidParameter, QueryError


def ask(view: str, **payload: Any) -> tuple[dict[str, Any], list[Any]]:
    reply, buffers = views.handle(nbtrack.MlflowClient(), view, {"filter": "", "experiment_ids": None, **payload})
    return reply, [np.frombuffer(each) for each in buffers]


def groups(by: str, **more: Any) -> dict[str, Any]:
    page = {
        "order_by": [],
        "statistic": "mean",
        "offset": 0,
        "limit": 10,
        "params": ["lr", "width"],
        "metrics": ["acc"],
    }
    return ask("groups", by=by, **{**page, **more})[0]


@pytest.fixture
def runs() -> list[str]:
    """Six runs, two for each lr, and one without, of which the last diverges. The second of each lr ends early."""
    ids = []
    for number, lr in enumerate(("0.1", "1e-1", "0.01", "0.010", 1, 1, None)):
        with nbtrack.start_run(run_name=f"run {number}") as run:
            nbtrack.log_params({"width": number, **({} if lr is None else {"lr": lr})})
            nbtrack.set_tag("team", "a" if number % 2 else "b")
            for step in range(2 if number % 2 else 4):
                nbtrack.log_metric("acc", number + step if number < 6 else math.inf, step=step)
        ids.append(run.info.run_id)
    return ids


def test_a_group_says_what_its_runs_share_and_how_they_differ(runs: list[str]) -> None:
    reply = groups("params.lr", columns=["max(metrics.acc)"], baseline=runs[0], baseline_group="n:1")
    assert (reply["count"], reply["total"]) == (4, 7)
    small, _, one, none = reply["groups"]
    assert [(row["key"], row["value"], row["runs"]) for row in reply["groups"]] == [
        ("n:0.01", "0.01", 2),
        ("n:0.1", "0.1", 2),
        ("n:1", "1", 2),
        ("none", None, 1),
    ]
    assert (one["params"], one["differing"]) == ({"lr": "1"}, {"width": 2})
    assert (small["params"], small["differing"]) == ({}, {"lr": 2, "width": 2})
    assert one["metrics"]["acc"] == {"n": 2, "mean": 6.5, "std": pytest.approx(0.5**0.5), "min": 6.0, "max": 7.0}
    assert one["columns"]["max(metrics.acc)"] == one["metrics"]["acc"]
    assert none["metrics"]["acc"] == {"n": 1, "mean": "Infinity", "std": None, "min": "Infinity", "max": "Infinity"}
    assert (reply["best"], reply["lower_is_better"]) == ({"acc": "none"}, [])
    assert reply["baseline"]["run_id"] == runs[0]
    assert reply["baseline_group"] == one
    assert groups("params.lr", baseline_group="s:none")["baseline_group"] is None
    assert "baseline_group" not in groups("params.lr")


def test_the_runs_of_a_group_come_in_pages_in_the_order_of_the_table(runs: list[str]) -> None:
    page = {"order_by": ["metrics.acc DESC"], "grouped": True, "unfolded": [], "limit": 2, "params": ["lr"]}
    found = []
    for offset in (0, 2):
        group = {"by": "tags.team", "key": "s:b"}
        reply, _ = ask(
            "runs", **page, offset=offset, metrics=["acc"], group=group, baseline_group=group | {"key": "s:a"}
        )
        assert (reply["count"], reply["total"]) == (4, 4)
        assert reply["baseline_group"]["metrics"]["acc"]["mean"] == 4
        found += [row["run_name"] for row in reply["rows"]]
    assert found == ["run 6", "run 4", "run 2", "run 0"]
    with pytest.raises(InvalidParameter, match="is not the key of a group"):
        ask("runs", **page, offset=0, metrics=[], group={"by": "tags.team", "key": "a"})


def test_the_curves_of_groups(runs: list[str]) -> None:
    curve = {"x_axis": "step", "x_min": None, "x_max": None, "max_points": 100}
    keys = ["none", "n:1", "n:7"]
    reply, buffers = ask("group_curves", by="params.lr", groups=keys, metrics=["acc", "loss"], **curve)
    assert [(one["group"], one["metric"], one["runs"], one["points"]) for one in reply["series"]] == [
        ("none", "acc", 0, 0),
        ("n:1", "acc", 2, 4),
    ]
    assert (reply["series"][0]["pos_inf"], reply["series"][0]["total"]) == (4, 4)
    x, mean, std, n, low, high, places, kinds = buffers[6:]
    assert (reply["series"][0]["odd"], "odd" in reply["series"][1]) == (12, False)
    assert (places.tolist(), kinds.tolist()) == ([0, 1, 2, 3], [1] * 4)
    assert x.tolist() == [0, 1, 2, 3]
    assert mean.tolist() == [4.5, 5.5, 6, 7], "the second run ends after two steps"
    assert n.tolist() == [2, 2, 1, 1]
    assert std[:2].tolist() == pytest.approx([0.5**0.5] * 2)
    assert np.isnan(std[2:]).all()
    assert (low.tolist(), high.tolist()) == ([4, 5, 6, 7], [5, 6, 6, 7])
    reply, buffers = ask("group_curves", by="params.lr", groups=["n:1"], metrics=["acc"], **{**curve, "x_min": 2})
    assert (buffers[0].tolist(), reply["series"][0]["runs"], reply["x_min"]) == ([2, 3], 1, 2)


def test_the_columns_to_group_by_come_with_the_most_useful_first(runs: list[str]) -> None:
    reply, _ = ask("group_columns")
    names = [column["column"] for column in reply["columns"]]
    assert names[:2] == ["params.lr", "tags.team"]
    assert reply["columns"][0] == {"column": "params.lr", "kind": "param", "name": "lr", "groups": 3, "runs": 6}
    # Each run has a width and a name of its own, and all runs have the same user.
    assert names.index("params.width") > 1
    assert {"attributes.status", "attributes.user_id", "attributes.run_name"} <= set(names[2:])
    for column in names:
        assert groups(column)["total"] == 7
    found, _ = ask("group_columns", search="LR")
    assert ([column["name"] for column in found["columns"]], found["count"]) == (["lr"], 1)
    assert ask("group_columns", offset=1, limit=1)[0]["columns"][0]["column"] == "tags.team"
    assert ask("group_columns", filter="params.lr = 1")[0]["columns"]


def test_queries_that_are_not_valid_are_explained(runs: list[str]) -> None:
    curve = {"metrics": [], "x_axis": "step", "x_min": None, "x_max": None, "max_points": 1}
    page = {"statistic": "mean", "order_by": [], "offset": 0, "limit": 1, "params": [], "metrics": []}
    for view, payload in (("groups", page), ("group_curves", {**curve, "groups": []})):
        with pytest.raises(QueryError, match=r"Did you mean|metrics.acc"):
            ask(view, by="params.lr", **payload, filter="acc > 1")
        with pytest.raises(InvalidParameter, match="cannot be grouped by"):
            ask(view, by="metrics.acc", **payload)
    with pytest.raises(InvalidParameter, match="at most 50 items"):
        ask("group_curves", by="params.lr", groups=["none"] * 51, **curve)


def test_groups_are_returned_by_their_keys(runs: list[str]) -> None:
    page = groups("params.lr", keys=["none", "n:1", "s:nobody", "none"], metrics=["acc", "loss"])
    assert [row["key"] for row in page["groups"]] == ["none", "n:1"]
    assert (page["count"], page["total"]) == (4, 7)
    assert page["best"] == {"acc": "none"}, "its run has infinity"
    assert groups("params.lr", keys=["n:0.1", "n:1"])["best"] == {"acc": "n:1"}, "the best of these"
    assert groups("params.lr", keys=[])["groups"] == []


def test_the_baseline_run_has_the_statistics_that_were_asked_for(runs: list[str]) -> None:
    expected = {"first": 1.0, "low": 1.0, "high": 2.0, "mean": 1.5, "tail": 1.5}
    grouped = groups("params.lr", baseline=runs[1], statistics=["acc", "no such"])
    page = {"order_by": [], "grouped": False, "unfolded": [], "offset": 0, "limit": 1, "params": [], "metrics": []}
    reply, _ = ask("runs", **page, filter="params.width = 0", baseline=runs[1], statistics=["acc"])
    for found in (grouped, reply):
        assert found["baseline"]["statistics"] == {"acc": expected}
    assert "statistics" not in groups("params.lr", baseline=runs[1])["baseline"]


def test_groups_side_by_side_with_runs(runs: list[str]) -> None:
    whole = {row["key"]: row for row in groups("params.lr", params=["lr", "width"], metrics=["acc", "loss"])["groups"]}
    keys = ["n:1", "none", "s:nobody"]
    reply, _ = ask("diff", run_ids=runs[:1], by="params.lr", groups=keys, filter="", experiment_ids=None)
    assert [(group["key"], group["runs"]) for group in reply["groups"]] == [
        (key, whole[key]["runs"]) for key in keys[:2]
    ]
    rows = {(row["section"], row["key"]): row for row in reply["rows"]}
    for name in ("lr", "width"):
        for key, found in zip(keys, rows["param", name]["groups"], strict=False):
            expected = whole[key]["params"].get(name), whole[key]["differing"].get(name, 0)
            assert (found["value"], found["differing"]) == expected
    found = rows["metric", "acc"]["groups"]
    assert [each["statistics"] for each in found] == [whole[key]["metrics"].get("acc") for key in keys[:2]]
    assert rows["param", "width"]["differs"], "the runs of a group have different widths"
    # Of datasets, tags and the like, groups have no summary, so they make no difference.
    assert not rows["info", "status"]["differs"]
    alone, _ = ask("diff", run_ids=[], by="params.lr", groups=["n:1"], filter="params.width > 1")
    assert {row["section"] for row in alone["rows"]} <= {"param", "metric"}
    assert alone["count"] == len(alone["rows"])
    with pytest.raises(QueryError):
        ask("diff", run_ids=[], by="params.lr", groups=["n:1"], filter="acc > 1")


@pytest.mark.slow
def test_groups_of_ten_thousand_runs(measured: Callable[[str, float], None]) -> None:
    from tests.analysis.synthetic import fill

    nbtrack.MlflowClient().get_experiment("0")
    fill(runs=10_000, params=20, metrics=2, tags=2, points=100)
    seen = set()
    for offset in range(0, 10_000, 1_000):
        reply = groups("run_name", order_by=["metrics.m0 ASC"], metrics=["m0"], offset=offset, limit=1_000)
        assert (reply["count"], reply["total"], len(reply["groups"])) == (10_000, 10_000, 1_000)
        seen |= {row["key"] for row in reply["groups"]}
    assert len(seen) == 10_000
    curve = {"metrics": ["m0"], "x_axis": "step", "x_min": None, "x_max": None, "max_points": 1000}
    for _ in range(2):
        times = [time.perf_counter()]
        table = groups("tags.tag1", order_by=["metrics.m0 ASC"], metrics=["m0", "m1"], params=["p0", "p1"])
        times.append(time.perf_counter())
        keys = [row["key"] for row in table["groups"]]
        reply, buffers = ask("group_curves", by="tags.tag1", groups=keys, **curve)
        times.append(time.perf_counter())
    measured("group 10,000 runs by a tag with 7 values, two metrics, ms", (times[1] - times[0]) * 1e3)
    measured("their curves with bands, 1,000,000 points, ms", (times[2] - times[1]) * 1e3)
    assert [series["runs"] for series in reply["series"]] == [row["runs"] for row in table["groups"]]
    assert sum(n[0] for n in buffers[3::6]) == 10_000
