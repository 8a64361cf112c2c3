"""Pages of runs on both backends: the tree, differing params, the best runs, and completion."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrack.query import EXPERIMENTS, MODELS, RUNS, VERSIONS
from nbtrack.query.tree import Key, Member

from .conftest import Both


def survey(
    both: Both, text: str = "", order_by: tuple[str, ...] = (), offset: int = 0, limit: int = 50, **more: Any
) -> Any:
    return both.same(lambda store: store.survey(None, text, order_by, offset, limit, **more))


def test_a_page(both: Both) -> None:
    page = survey(both, "experiment_id = '0'", ("run_name ASC",), 1, 3)
    assert [run.info.run_name for run in page.runs] == ["_x", "alpha", "d"]
    assert (page.total, page.rows, page.nested) == (13, 13, 5)
    # Keys that only parents have come last.
    assert page.metrics == ["Val/acc", "a b", "curve", "loss", "system/cpu", "value", "best_value"]
    assert dict(page.params)["lr"] is True
    assert page.lowest["loss"] == both.ids["e"]
    assert page.highest["Val/acc"] == both.ids["alpha"]
    assert page.directions == {"value": "MINIMIZE", "best_value": "MINIMIZE"}
    alike = survey(both, "run_name = 'alpha' OR run_name = '_x'")
    assert alike.params == [("Zeta", True), ("act", True), ("lr", True)]
    nothing = survey(both, "user_id = 'x'")
    assert (nothing.runs, nothing.total, nothing.metrics, nothing.lowest, nothing.highest) == ([], 0, [], {}, {})


def test_only_some_params_and_metrics(both: Both) -> None:
    none = survey(both, "experiment_id = '0'")
    assert not any(run.data.params or run.data.metrics for run in none.runs)
    some = survey(both, "experiment_id = '0'", params=["lr"], metrics=["loss", "no such key"], statistics=["curve"])
    assert some.params == [("lr", True)]
    assert some.metrics == ["loss"]
    assert some.bounds == {"loss": none.bounds["loss"]}
    assert {key for run in some.runs for key in run.data.params} == {"lr"}
    assert {key for run in some.runs for key in run.data.metrics} == {"loss"}
    names = [run.info.run_name for run in some.runs]
    curves = {name: each["curve"] for name, each in zip(names, some.statistics, strict=True) if each}
    assert curves
    assert all(low <= first for first, low, *_ in curves.values())
    tree = survey(both, "", ("start_time ASC",), grouped=True, metrics=["loss"])
    assert {key for nesting in tree.nesting for key in nesting.ranges} == {"loss"}


def test_the_tree(both: Both) -> None:
    ids = both.ids
    folded = survey(both, "", ("start_time ASC",), grouped=True)
    names = [run.info.run_name for run in folded.runs]
    assert names[-3:] == ["study", "sweep", "long"]
    assert (folded.total, folded.rows, folded.nested) == (len(ids) - 1, len(ids) - 6, 5)
    study = folded.nesting[names.index("study")]
    assert (study.depth, study.children) == (0, 3)
    assert study.ranges["value"] == (0.1, 0.5)
    opened = survey(both, "", ("start_time ASC",), grouped=True, unfolded=[ids["sweep"], ids["d"]])
    shown = [(run.info.run_name, place.depth) for run, place in zip(opened.runs, opened.nesting, strict=True)]
    assert shown[-4:] == [("sweep", 0), ("d", 1), ("e", 2), ("long", 0)]
    every = survey(both, "", ("metrics.value DESC",), 0, 4, grouped=True, unfolded=None)
    assert [run.info.run_name for run in every.runs] == ["study", "trial 0", "trial 1", "trial 2"]


@pytest.mark.parametrize("part", ["", "l", "LR", "a", "%", "_", "ss"])
def test_known_names(both: Both, part: str) -> None:
    for table in RUNS.key_tables:
        found = both.same(lambda store, table=table: store.known(RUNS).keys(table, part))
        assert all(part.lower() in key.lower() and count > 0 for key, count in found)
    metrics = RUNS.key_table("metrics")
    assert metrics is not None
    if not part:
        keys = both.same(lambda store: store.known(RUNS).keys(metrics, ""))
        assert keys[:3] == [("loss", 10), ("value", 3), ("Val/acc", 2)]
        assert keys[-1] == ("system/cpu", 3)
    if part == "l":
        assert both.same(lambda store: store.known(RUNS).keys(metrics, "l"))[0] == ("loss", 10)


@pytest.mark.parametrize("part", ["", "e", "V", "1"])
def test_known_names_begin_with_the_part_and_are_common(both: Both, part: str) -> None:
    params = RUNS.key_table("params")
    assert params is not None

    def place(found: tuple[str, int]) -> tuple[bool, bool, int, str]:
        name, count = found
        is_automatic = name.startswith(("mlflow.", "nbtrack.", "system/"))
        return is_automatic, not name.casefold().startswith(part.casefold()), -count, name

    for table in RUNS.key_tables:
        keys = both.same(lambda store, table=table: store.known(RUNS).keys(table, part))
        assert keys == sorted(keys, key=place)
    for operand in (Key(params, "lr"), *(each for each in RUNS.attributes if each.name in ("run_name", "status"))):
        values = both.same(lambda store, operand=operand: store.known(RUNS).values(operand, part))
        assert values == sorted(values, key=place)


def test_the_most_common_names_come_first(both: Both) -> None:
    metrics, status = RUNS.key_table("metrics"), RUNS.attribute("status")
    assert metrics is not None
    assert status is not None
    keys = both.same(lambda store: store.known(RUNS).keys(metrics, "v"))
    assert [key for key, _ in keys] == ["value", "Val/acc", "best_value", "curve"]
    states = both.same(lambda store: store.known(RUNS).values(status, ""))
    assert [state for state, _ in states] == ["FINISHED", "FAILED", "RUNNING"]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", "d", "R", "'", "0_", "ä"])
def test_known_values(both: Both, part: str) -> None:
    (datasets,) = RUNS.collections
    params, tags = RUNS.key_table("params"), RUNS.key_table("tags")
    assert params is not None
    assert tags is not None
    operands = [
        Key(params, "lr"),
        Key(params, "act"),
        Key(tags, "direction"),
        Member(datasets, "name"),
        *RUNS.attributes,
    ]
    for operand in operands:
        both.same(lambda store, operand=operand: store.known(RUNS).values(operand, part))
    for vocabulary in (EXPERIMENTS, MODELS, VERSIONS):
        for attribute in vocabulary.attributes:
            both.same(
                lambda store, vocabulary=vocabulary, attribute=attribute: store.known(vocabulary).values(
                    attribute, part
                )
            )
    names = both.same(lambda store: store.known(EXPERIMENTS).values(EXPERIMENTS.attributes[0], "d"))
    assert dict(names)["digits"] == 1
