"""The run table as a tree: order, collapsed rows and counts, in the view and in the text table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbtrack
from nbtrack import views
from nbtrack.store.sql.outline import DEEPEST, outline


def table(filter: str = "", order_by: tuple[str, ...] = (), **page: Any) -> dict[str, Any]:
    request = {"filter": filter, "experiment_ids": None, "order_by": list(order_by), "grouped": True, "unfolded": None}
    reply, _ = views.handle(nbtrack.MlflowClient(), "runs", {**request, "offset": 0, "limit": 200, **page}, ["0"])
    return reply


def lines(**request: Any) -> list[str]:
    return ["  " * row["depth"] + row["run_name"] for row in table(**request)["rows"]]


@pytest.fixture
def ids() -> dict[str, str]:
    """Two sweeps, of which the second has a trial with a run nested in it, and a single run."""
    found = {}

    def log(name: str, loss: float | None, *nested: tuple[Any, ...]) -> None:
        with nbtrack.start_run(run_name=name, nested=True) as run:
            found[name] = run.info.run_id
            if loss is not None:
                nbtrack.log_metrics({"loss": loss, "system/cpu": 1.0})
            for each in nested:
                log(*each)

    log("first", None, ("a", 0.5), ("b", 0.1), ("c", float("nan")))
    log("alone", 0.3)
    log("second", None, ("d", 0.7, ("e", 0.2)), ("f", 0.4))
    return found


BY_LOSS = ("metrics.loss ASC",)


def test_a_family_is_sorted_by_its_best_run(ids: dict[str, str]) -> None:
    assert lines(order_by=BY_LOSS) == [
        *("first", "  b", "  a", "  c"),
        *("second", "  d", "    e", "  f"),
        "alone",
    ]
    assert lines(order_by=("metrics.loss DESC",))[:4] == ["second", "  d", "    e", "  f"]
    assert lines(order_by=BY_LOSS, grouped=False)[:3] == ["b", "e", "alone"]


def test_collapsed_runs_have_no_row_and_are_counted(ids: dict[str, str]) -> None:
    reply = table(order_by=BY_LOSS, unfolded=[])
    assert (reply["count"], reply["total"], reply["nested"]) == (3, 9, 6)
    assert [(row["run_name"], row["children"], row["nested_best"]) for row in reply["rows"]] == [
        ("first", 3, {"loss": 0.1}),
        ("second", 2, {"loss": 0.4}),
        ("alone", 0, {}),
    ]
    assert reply["best"]["loss"] == ids["b"], "columns and best are of all that match"
    assert lines(order_by=BY_LOSS, unfolded=[ids["second"]]) == ["first", "second", "  d", "  f", "alone"]
    assert lines(order_by=BY_LOSS, unfolded=[ids["d"]]) == ["first", "second", "alone"]
    assert lines(order_by=BY_LOSS, unfolded=[ids["second"], ids["d"], "no run"])[2:4] == ["  d", "    e"]


def test_columns_of_parents_come_after_compared_columns() -> None:
    with nbtrack.start_run():
        nbtrack.log_param("best_lr", 1)
        nbtrack.log_metrics({"best_loss": 1.0, "duration": 1.0})
        with nbtrack.start_run(nested=True):
            nbtrack.log_param("lr", 1)
            nbtrack.log_metrics({"loss": 1.0, "duration": 1.0})
    reply = table()
    assert reply["metrics"] == ["duration", "loss", "best_loss"]
    assert [param["key"] for param in reply["params"]] == ["lr", "best_lr"]


def test_pages_are_pages_of_rows(ids: dict[str, str]) -> None:
    whole = table(order_by=BY_LOSS)["rows"]
    paged = [row for offset in range(0, 12, 2) for row in table(order_by=BY_LOSS, offset=offset, limit=2)["rows"]]
    assert paged == whole
    assert table(order_by=BY_LOSS, unfolded=[], offset=2, limit=5)["rows"] == [
        {**row, "depth": 0} for row in whole if row["run_name"] == "alone"
    ]


def test_a_run_whose_parent_does_not_match_is_at_the_top_level(ids: dict[str, str]) -> None:
    assert lines(filter="metrics.loss < 0.5", order_by=BY_LOSS) == ["b", "e", "alone", "f"]
    assert lines(filter="run_name IN ('d', 'e', 'a')", order_by=BY_LOSS) == ["d", "  e", "a"]
    reply = table(filter="metrics.loss < 0.5")
    assert (reply["nested"], reply["count"], reply["total"]) == (0, 4, 4)


def test_runs_nested_in_a_cycle_are_not_lost(ids: dict[str, str]) -> None:
    client = nbtrack.MlflowClient()
    for name, parent in (("a", "b"), ("b", "a"), ("alone", "alone"), ("c", "a")):
        client.set_tag(ids[name], "mlflow.parentRunId", ids[parent])
    assert sorted(line for line in lines() if not line.startswith(" ")) == ["a", "alone", "b", "c", "first", "second"]
    assert table()["count"] == 9


def test_the_text_table_is_indented(ids: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    widget = nbtrack.compare(order_by=list(BY_LOSS))
    names = [line[3:].split("  FIN")[0].rstrip() for line in repr(widget).splitlines()[2:]]
    assert names == ["first", "└ b", "└ a", "└ c", "second", "└ d", "  └ e", "└ f", "alone"]
    data, _ = widget._repr_mimebundle_() or ({}, {})
    assert 'white-space:pre">  └ e</td>' in data["text/html"]


def test_runs_selected_at_first_are_expanded(ids: dict[str, str]) -> None:
    """The best five runs are selected, at any level. A sweep that contains none of them is collapsed."""
    for number in range(5):
        with nbtrack.start_run(run_name="worse"), nbtrack.start_run(run_name=f"worse {number}", nested=True):
            nbtrack.log_metric("loss", 1 + number)
    snapshot = nbtrack.compare()._snapshot
    names = {run_id: name for name, run_id in ids.items()}
    assert [names[run_id] for run_id in snapshot["options"]["view"]["selected"]] == ["b", "e", "alone", "f", "a"]
    assert {names[run_id] for run_id in snapshot["options"]["view"]["unfolded"]} == {"first", "second", "d"}
    rows = snapshot["answers"]["runs"]["reply"]["rows"]
    assert [row["run_name"] for row in rows if not row["depth"]] == ["first", "second", "alone", *["worse"] * 5]
    assert len(rows) == 14


# -- any forest ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(data=st.data())
def test_any_forest(data: st.DataObject) -> None:
    """The order equals that of a simple Python version: parents before children, families by their first run."""
    count = data.draw(st.integers(0, 25))
    above = [data.draw(st.integers(-1, count - 1)) for _ in range(count)]
    unfolded = [data.draw(st.booleans()) for _ in range(count)]

    def lost(run: int) -> bool:
        for _ in range(count + 1):
            run = above[run]
            if run < 0:
                return False
        return True

    parents = [-1 if lost(run) else above[run] for run in range(count)]
    children = {run: [other for other in range(count) if parents[other] == run] for run in range(-1, count)}

    def first(run: int) -> int:
        return min([run, *map(first, children[run])])

    def rows(run: int, depth: int) -> list[tuple[int, int, int]]:
        nested = sorted(children[run], key=first) if run < 0 or unfolded[run] else []
        own = [] if run < 0 else [(run, depth, len(children[run]))]
        return own + [row for child in nested for row in rows(child, depth + 1)]

    tree = outline(np.array(above, dtype=np.int64), np.array(unfolded, dtype=bool))
    found = [(int(run), int(tree.depth[run]), int(tree.children[run])) for run in tree.rows]
    assert found == rows(-1, -1)


@pytest.mark.parametrize("count", [DEEPEST, DEEPEST + 1, DEEPEST + 2, 5000])
def test_a_very_long_chain_of_nested_runs(count: int) -> None:
    tree = outline(np.arange(-1, count - 1), np.ones(count, dtype=bool))
    assert sorted(tree.rows.tolist()) == list(range(count))
    assert tree.depth.max() == min(count - 1, DEEPEST)
