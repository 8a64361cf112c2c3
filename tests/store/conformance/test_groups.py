"""Groups of runs on both backends, compared with `aggregate`, and their curves with NumPy."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbtrack
from nbtrack.entities import Metric
from nbtrack.errors import InvalidParameter, QueryError
from nbtrack.store.folder.store import FolderStore
from nbtrack.store.protocol import Axis, Bands, Groups
from nbtrack.store.sql.grid import common_width
from tests.conftest import made_once

from .conftest import Both, filled, plain
from .data import START, Filler
from .server import Server

pytestmark = pytest.mark.slow

LONG = "ü" * 6000
QUOTED = """it's "a" key"""
WRITTEN = [
    "0.1",
    "1e-1",
    "10",
    "10.0",
    "-0",
    "0",
    "inf",
    "-1e300",
    "relu",
    "nan",
    "Tanh",
    "",
    "ü",
    LONG,
    LONG + "!",
    None,
]
VALUES = [0.0, 1.0, -2.5, 0.375, 64.0, math.nan, math.inf, -math.inf]
DATASETS = [
    (),
    (("digits", "d1", "train"),),
    (("iris", "d2", None), ("digits", "d1", "eval")),
    (("digits", "d3", None),),
]


def fill(client: nbtrack.MlflowClient) -> dict[str, str]:
    """Log 40 runs whose params, tags, datasets, parents and curves are drawn at random, always the same ones."""
    drawn = random.Random(15)
    filler = Filler(client)
    other = client.create_experiment("other")
    filler.run("parent")
    filler.run("parent 2")
    client.set_tag(filler.ids["parent 2"], "mlflow.runName", "parent")
    for number in range(40):
        lengths = {key: drawn.choice([0, 1, 3, 30]) for key in ("loss", "acc", "rough")}
        metrics = {key: [drawn.choice(VALUES) for _ in range(n)] for key, n in lengths.items() if n}
        params = {"lr": WRITTEN[number % len(WRITTEN)], QUOTED: drawn.choice(WRITTEN), "same": 1}
        name = f"run {number}"
        filler.run(
            name,
            metrics,
            {key: value for key, value in params.items() if value is not None},
            {"team": drawn.choice("ab")} if drawn.random() < 0.5 else {},
            experiment=drawn.choice(["0", other]),
            parent=drawn.choice([None, "parent", "parent 2", "run 0"]) if number else None,
            datasets=drawn.choice(DATASETS),
            status=drawn.choice(["FINISHED", "FAILED", None]),
        )
        # Every 100 steps, with a step that is logged twice, and one that is not shared.
        steps = [*range(0, 100 * drawn.choice([2, 5, 9]), 100), 100, drawn.choice([50, 100])]
        start = START + 1000 * (len(filler.ids) - 1)
        points = [Metric("val", drawn.uniform(-1, 1), start + 7 * step, step) for step in steps]
        points += [
            Metric("dense", drawn.choice(VALUES[:5]), start + step, step) for step in range(drawn.choice([200, 700]))
        ]
        client.log_batch(filler.ids[name], points, [], [])
        if number % 10 == 9:
            client.delete_run(filler.ids[name])
    ends = [Metric("ends", value, START, step) for step, value in enumerate((-1.7e308, 1.7e308))]
    client.log_batch(filler.ids["run 0"], ends, [], [])
    return filler.ids


@pytest.fixture(scope="module")
def drawn(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with filled(server, tmp_path_factory.mktemp("groups") / "store", fill) as found:
        yield found


def groups(
    both: Both, by: str, text: str = "", order_by: Sequence[str] = (), offset: int = 0, limit: int = 100, **more: Any
) -> Groups:
    return both.same(lambda store: store.groups(None, text, by, order_by, offset, limit, **more))


QUOTED_PARAM = f"params.`{QUOTED}`"
BY = [
    "params.lr",
    QUOTED_PARAM,
    "params.none",
    "tags.team",
    "datasets.name",
    "status",
    "experiment_id",
    "experiment",
    "parent",
    "run_name",
]
OF = ["metrics.loss", "metrics.acc", "min(metrics.rough)", "count(metrics.val)", "duration", "params.same"]


@pytest.mark.parametrize("by", BY)
def test_the_numbers_are_those_of_aggregate(drawn: Both, by: str) -> None:
    text = "experiment_id IN ('0', '1') AND run_name != 'run 3'"
    expected = drawn.same(lambda store: store.aggregate(None, text, [by], OF))
    found = groups(drawn, by, text, metrics=["loss", "acc"], columns=OF)
    (shown, *_) = expected.values()
    assert found.count == len(shown) == len(found.groups)
    assert [group.runs for group in found.groups] == expected["runs"].tolist()
    assert found.runs == expected["runs"].sum()
    for group, value in zip(found.groups, np.ma.masked_array(shown).tolist(), strict=True):
        assert (group.value is None) == (value is None) == (group.key == "none")
        if group.key.startswith("n:"):
            assert float(group.value or "") == float(value)
        elif value is not None:
            assert group.value == value
    names = {"n": "n", "mean": "mean", "std": "std", "low": "min", "high": "max"}
    for name in OF:
        label = name.replace("`", "")
        for attribute, statistic in names.items():
            column = np.ma.masked_array(expected[f"{label}.{statistic}"]).tolist()
            rows = [getattr(each.columns[name], attribute) if name in each.columns else None for each in found.groups]
            missing = 0 if attribute == "n" else None
            rows = [missing if row is None else row for row in rows]
            assert [_text(row) for row in rows] == [_text(value) for value in column], (name, statistic)
    for group in found.groups:
        for key, summary in group.metrics.items():
            assert plain(summary) == plain(group.columns[f"metrics.{key}"])


def _text(value: float | None) -> str:
    return "None" if value is None else f"{value:.9g}"


@pytest.mark.parametrize("by", [*BY[:-1], "datasets.digest"])
def test_a_key_finds_its_runs(drawn: Both, by: str) -> None:
    """Each run is in one group, which its key finds again, from any page and under any order."""
    found = groups(drawn, by, params=["lr", "same"])
    seen: list[str] = []
    for group in found.groups:
        page = drawn.same(
            lambda store, key=group.key: store.survey(None, "", ["metrics.loss"], 0, 100, group=(by, key))
        )
        assert page.total == group.runs
        seen += [run.info.run_id for run in page.runs]
        (again,) = [drawn.duckdb.groups(None, "", by, (), 0, 1, params=["lr", "same"], baseline=group.key).baseline]
        assert again == group
        values = [run.data.params.get("lr") for run in drawn.duckdb.get_runs([run.info.run_id for run in page.runs])]
        if len(set(values)) == 1:
            assert group.params.get("lr") == values[0]
        else:
            assert group.differing["lr"] == len(set(values))
    assert sorted(seen) == sorted(drawn.duckdb.find_runs(None, ""))
    assert len({group.key for group in found.groups}) == found.count
    assert max(len(group.key) for group in found.groups) <= 202
    assert drawn.duckdb.groups(None, "", by, (), 0, 1, baseline="s:no such").baseline is None


def test_equal_numbers_are_one_group_and_others_have_their_own(drawn: Both) -> None:
    found = {group.value: group.key for group in groups(drawn, "params.lr").groups}
    assert found["0.1"] == "n:0.1"
    assert found["10"] == "n:10"
    assert found["0"] == "n:0"
    assert found["nan"] == "s:nan"
    assert found[""] == "s:"
    assert found[None] == "none"
    assert found[LONG].startswith("h:")
    assert found[LONG] != found[LONG + "!"]


def test_parents_of_one_name_are_two_groups_and_datasets_are_sets(drawn: Both) -> None:
    parents = groups(drawn, "attributes.parent").groups
    assert [group.value for group in parents] == ["parent", "parent", "run 0", None]
    assert {group.key for group in parents[:2]} == {f"s:{drawn.ids[name]}" for name in ("parent", "parent 2")}
    assert [group.value for group in groups(drawn, "datasets.name").groups] == ["digits", "digits, iris", None]
    digests = [group.value for group in groups(drawn, "datasets.digest").groups]
    assert digests == ["digits (d1)", "digits (d1), iris (d2)", "digits (d3)", None]


def test_groups_by_their_keys(drawn: Both) -> None:
    settings: dict[str, Any] = {"metrics": ["val", "loss"], "params": [QUOTED, "same"]}
    whole = {group.key: group for group in groups(drawn, "params.lr", **settings).groups}
    keys = [*list(whole)[::-2], "s:nobody"]
    found = groups(drawn, "params.lr", keys=keys, baseline=keys[0], **settings)
    assert found.groups == [whole[key] for key in keys[:-1]]
    assert (found.count, found.baseline) == (len(whole), whole[keys[0]])
    means = {key: whole[key].metrics["val"].mean for key in keys[:-1] if "val" in whole[key].metrics}
    known = {key: mean for key, mean in means.items() if mean is not None}
    assert found.highest["val"] == max(known, key=lambda key: known[key]), "the best of these"
    every = groups(drawn, "params.lr", keys=keys, metrics=None, params=None).groups
    for group in every:
        assert group.metrics.items() >= whole[group.key].metrics.items()
        assert group.params.items() >= whole[group.key].params.items()
        assert "dense" in group.metrics
        assert {"lr", QUOTED, "same"} == group.params.keys() | group.differing.keys() | {"lr"}


def test_order_and_pages(drawn: Both) -> None:
    def values(order_by: Sequence[str], statistic: str = "mean", **page: int) -> list[str | None]:
        found = groups(drawn, "params.lr", "", order_by, statistic=statistic, columns=["metrics.val"], **page)
        return [group.value for group in found.groups]

    natural = values([])
    assert natural[-1] is None
    assert values(["params.lr DESC"]) == [*natural[:-1][::-1], None]
    found = {group.value: group for group in groups(drawn, "params.lr", columns=["metrics.val"]).groups}
    for statistic, name in (("mean", "mean"), ("std", "std"), ("min", "low"), ("max", "high"), ("n", "n")):
        numbers = [getattr(found[value].columns["metrics.val"], name) for value in values(["metrics.val"], statistic)]
        known = [number for number in numbers if number is not None]
        assert numbers == [*sorted(known), *[None] * (len(numbers) - len(known))]
    assert [found[value].runs for value in values(["runs DESC", "run_name"])] == sorted(
        (group.runs for group in found.values()), reverse=True
    )
    names = values(["created DESC", "tags.team", "metrics.val DESC"], "min")
    assert sorted(map(str, names)) == sorted(map(str, natural))
    paged = [each for offset in range(0, len(names), 3) for each in values(["metrics.val"], offset=offset, limit=3)]
    assert paged == values(["metrics.val"])


def test_best_groups_and_directions_are_about_all_pages(drawn: Both, both: Both) -> None:
    every = groups(drawn, "params.lr", metrics=["val", "loss"])
    page = groups(drawn, "params.lr", metrics=["val", "loss"], limit=1, offset=2)
    assert (page.lowest, page.highest, page.count, page.runs) == (every.lowest, every.highest, every.count, every.runs)
    means = {group.key: group.metrics["val"].mean or 0 for group in every.groups if "val" in group.metrics}
    assert page.lowest["val"] == min(means, key=lambda key: means[key])
    assert page.highest["val"] == max(means, key=lambda key: means[key])
    trials = groups(both, "params.lr", "parent = 'study' OR run_name = 'study'", metrics=["value", "loss"])
    assert trials.directions["value"] == "MINIMIZE"
    assert trials.lowest == {"value": "n:1"}
    assert groups(both, "status", "run_name = 'nobody'", metrics=["loss"]).groups == []


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("metrics.loss", "Runs cannot be grouped by 'metrics.loss'. Group them by a param, a tag, datasets.name"),
        ("min(metrics.loss)", "cannot be grouped"),
        ("start_time", "cannot be grouped"),
        ("run_id", "cannot be grouped"),
        ("params.lr DESC", "ASC and DESC are not allowed here"),
        ("colour", "colour"),
        ("params.lr; DROP TABLE runs", "at character"),
    ],
)
def test_columns_that_runs_cannot_be_grouped_by(drawn: Both, by: str, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        drawn.duckdb.groups(None, "", by, (), 0, 10)
    with pytest.raises(InvalidParameter, match=message):
        drawn.duckdb.bands(None, "", by, ["none"], ["loss"])


@pytest.mark.parametrize("key", ["", "x:1", "n:", "n:nan", "n:one", "adam"])
def test_keys_that_are_not_valid(drawn: Both, key: str) -> None:
    with pytest.raises(InvalidParameter, match="is not the key of a group"):
        drawn.duckdb.groups(None, "", "params.lr", (), 0, 10, baseline=key)


def test_orders_that_are_not_valid(drawn: Both) -> None:
    for clause in ("runs UP", "loss", "metrics.loss DESC DESC"):
        with pytest.raises(QueryError):
            drawn.duckdb.groups(None, "", "params.lr", [clause], 0, 10)
    with pytest.raises(QueryError, match="more than 50 clauses"):
        drawn.duckdb.groups(None, "", "params.lr", ["run_name"] * 51, 0, 10)


def test_columns_to_group_by(drawn: Both) -> None:
    found = drawn.same(lambda store: store.group_columns(None, ""))
    by_name = {(each.entity, each.name): each for each in found}
    for by, name in (
        ("params.lr", ("params", "lr")),
        (QUOTED_PARAM, ("params", QUOTED)),
        ("tags.team", ("tags", "team")),
        ("datasets.digest", ("datasets", "digest")),
        ("parent", ("attributes", "parent")),
        ("status", ("attributes", "status")),
    ):
        known = [group for group in groups(drawn, by).groups if group.key != "none"]
        assert (by_name[name].groups, by_name[name].runs) == (len(known), sum(group.runs for group in known)), by
    assert not [each for each in found if each.name.startswith(("mlflow.", "nbtrack."))]
    assert drawn.same(lambda store: store.group_columns(["0"], "run_name = 'parent'"))


# -- curves --------------------------------------------------------------------------------------------------------


def expected_bands(
    both: Both, members: dict[str, list[str]], key: str, axis: Axis, width: int, low: float, high: float
) -> dict[str, list[tuple[float, ...]]]:
    """Return place, n, mean, std, min and max of each bucket of each group, computed from every point of each run."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for group, run_ids in members.items():
        buckets: dict[int, list[list[float]]] = {}
        for run in both.duckdb.get_runs(run_ids):
            own: dict[int, list[float]] = {}
            for point in both.duckdb.get_metric_history(run.info.run_id, key):
                place = {"step": point.step, "time": point.timestamp, "relative": point.timestamp - run.info.start_time}
                if low <= place[axis] <= high and math.isfinite(point.value):
                    own.setdefault(place[axis] // width, []).append(point.value)
            for bucket, values in own.items():
                buckets.setdefault(bucket, []).append(values)
        for bucket, runs in sorted(buckets.items()):
            means, points = [float(np.mean(values)) for values in runs], list(itertools.chain(*runs))
            std = float(np.std(means, ddof=1)) if len(means) > 1 else math.nan
            row = (bucket * width, len(means), float(np.mean(means)), std, min(points), max(points))
            found.setdefault(group, []).append(row)
    return found


def bands(both: Both, by: str, keys: list[str], metrics: list[str], *more: Any, **settings: Any) -> Bands:
    return both.same(lambda store: store.bands(None, "", by, keys, metrics, *more, **settings))


@pytest.mark.parametrize(
    ("key", "axis", "max_points", "window", "width"),
    [
        ("val", "step", 100, (None, None), 1),
        ("val", "step", 4, (None, None), 256),
        ("dense", "step", 1000, (None, None), 1),
        ("dense", "step", 50, (None, None), 16),
        ("dense", "step", 20, (130, 260), 8),
        ("dense", "step", 1000, (130, None), 1),
        ("dense", "relative", 50, (None, None), 16),
        ("dense", "relative", 10, (0.1, 0.3), 32),
        ("dense", "time", 50, (None, None), 1024),
        ("loss", "step", 100, (None, None), 1),
    ],
)
def test_curves_are_those_of_numpy(
    drawn: Both, key: str, axis: Axis, max_points: int, window: tuple[float | None, float | None], width: int
) -> None:
    by = "tags.team"
    members = {
        group.key: [run.info.run_id for run in drawn.duckdb.survey(None, "", (), 0, 100, group=(by, group.key)).runs]
        for group in groups(drawn, by).groups
    }
    scale = 1000 if axis == "relative" else 1
    found = bands(drawn, by, list(members), [key], axis, max_points, *window)
    assert {band.width for band in found.bands} == {width / scale}
    low = -math.inf if window[0] is None else window[0] * scale // width * width
    high = math.inf if window[1] is None else window[1] * scale // width * width + width - 1
    expected = expected_bands(drawn, members, key, axis, width, low, high)
    assert [band.group for band in found.bands] == list(members)
    for place, band in enumerate(found.bands):
        rows = found.place == place
        begin, n, mean, std, least, most = np.array(expected[band.group]).T
        middle = begin + (0 if width == 1 else (width - 1 if axis == "step" else width) / 2)
        # A curve does not go beyond the first and the last point of all runs.
        assert np.allclose(found.x[rows][1:-1] * scale, middle[1:-1])
        assert np.all(np.diff(found.x[rows]) > 0)
        for ours, theirs in (
            (found.n, n),
            (found.mean, mean),
            (found.std, std),
            (found.low, least),
            (found.high, most),
        ):
            assert np.allclose(ours[rows], theirs, equal_nan=True)
        assert band.runs <= len(members[band.group])
    ends = [found.n[found.place == place] for place in range(len(found.bands))]
    if axis != "time":
        assert any(n[-1] < n[0] for n in ends), "n falls where runs end early"


def test_points_at_irregular_times_share_buckets() -> None:
    """Runs that log about every 100 ms are all in each bucket, though no two of them log at the same time."""
    drawn = random.Random(7)
    total, ends = np.full(20, 50), np.array([sum(drawn.randint(60, 140) for _ in range(49)) for _ in range(20)])
    assert common_width("relative", total, np.zeros(20, dtype=np.int64), ends, 1000) == 256
    # Without such points, only the range decides. The width is a power of two.
    one = np.ones(20, dtype=np.int64)
    assert common_width("step", one, one, np.full(20, 3990), 1000) == 4
    assert common_width("step", np.full(3, 10), np.zeros(3), np.full(3, 9), 1000) == 1


@pytest.mark.parametrize("max_points", [100, 4])
def test_values_that_are_not_finite_are_counted_and_marked_and_not_averaged(drawn: Both, max_points: int) -> None:
    found = bands(
        drawn, "tags.team", ["s:b", "none", "s:nobody", "s:a"], ["loss", "no such metric", "val"], "step", max_points
    )
    assert [(band.group, band.key) for band in found.bands] == [
        (group, key) for group in ("s:b", "none", "s:a") for key in ("loss", "val")
    ]
    assert np.isfinite(found.mean).all()
    points = [
        point
        for run in drawn.duckdb.survey(None, "", (), 0, 100, group=("tags.team", "s:b")).runs
        for point in drawn.duckdb.get_metric_history(run.info.run_id, "loss")
    ]
    values = [point.value for point in points]
    (at,) = [i for i, band in enumerate(found.bands) if (band.group, band.key) == ("s:b", "loss")]
    band = found.bands[at]
    odd = (sum(map(math.isnan, values)), values.count(math.inf), values.count(-math.inf))
    assert (band.nan, band.pos_inf, band.neg_inf, band.total) == (*odd, len(values))
    kinds = {math.inf: 1, -math.inf: -1}
    marks = {
        (point.step // band.width * band.width + (band.width - 1) / 2, kinds.get(point.value, 0))
        for point in points
        if not math.isfinite(point.value)
    }
    rows = found.odd_place == at
    assert sorted(zip(found.odd_x[rows], found.odd_kind[rows], strict=True)) == sorted(marks)


def test_a_mean_of_the_largest_numbers(both: Both) -> None:
    found = bands(both, "experiment", ["s:digits"], ["huge"])
    assert (found.n.tolist(), found.mean.tolist(), found.high.tolist()) == ([2], [1.5e300], [2e300])
    assert np.isnan(found.std).all(), "its square does not fit into a double"


def test_the_lowest_and_the_highest_numbers(drawn: Both) -> None:
    found = bands(drawn, "run_name", ["s:run 0"], ["ends"])
    assert (found.x.tolist(), found.mean.tolist()) == ([0, 1], [-1.7e308, 1.7e308])
    assert (found.low.tolist(), found.high.tolist()) == ([-1.7e308, 1.7e308],) * 2


def test_curves_of_nothing(drawn: Both) -> None:
    for keys, metrics in (([], ["val"]), (["none"], []), (["none"], ["no such"]), (["s:nobody"], ["val"])):
        found = bands(drawn, "tags.team", keys, metrics)
        assert (found.bands, len(found.x)) == ([], 0)
    assert bands(drawn, "tags.team", ["none"], ["val"], x_min=10**9).bands == []


def test_the_mean_does_not_overflow_in_a_folder(tmp_path: Path) -> None:
    """Only DuckDB adds numbers to infinity; PostgreSQL raises an error."""
    folder = tmp_path / "store"
    with made_once(folder):
        client = nbtrack.MlflowClient()
        for _ in range(2):
            run_id = client.create_run("0").info.run_id
            client.log_batch(run_id, [Metric("m", 1.7e308, step, step) for step in range(4)], [], [])
    store = FolderStore(folder)
    found = store.bands(None, "", "status", ["s:RUNNING", "s:KILLED"], ["m"], max_points=2)
    assert found.mean == pytest.approx(1.7e308)
    store.close()
