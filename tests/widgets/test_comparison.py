"""The Python side of the comparison: the selection, in both directions."""

from __future__ import annotations

import gc
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound, QueryError
from nbtrack.widgets import comparison
from nbtrack.widgets.comparison import Comparison, first_of

MakeRun = Callable[..., str]


def test_the_best_runs_come_first_and_are_selected(make_run: MakeRun) -> None:
    losses = {make_run(loss): loss for loss in (0.3, 0.9, 0.1, 0.7, 0.5, 0.2, 0.8)}
    widget = nbtrack.compare()
    best_five = sorted(losses, key=losses.__getitem__)[:5]
    assert list(widget.selected["run_id"]) == best_five
    rows = widget._snapshot["answers"]["runs"]["reply"]["rows"]
    assert [row["run_id"] for row in rows] == sorted(losses, key=losses.__getitem__)


def test_a_given_order_is_kept(make_run: MakeRun) -> None:
    run_ids = [make_run(loss, width=width) for width, loss in enumerate((0.3, 0.1, 0.2))]
    widget = nbtrack.compare(order_by=["params.width ASC"])
    assert list(widget.selected["run_id"]) == run_ids


def test_selected_has_the_columns_of_search_runs(make_run: MakeRun) -> None:
    make_run(0.1, width=3)
    frame = nbtrack.compare().selected
    assert list(frame.columns) == list(nbtrack.search_runs().columns)
    assert frame["params.width"][0] == "3"


def test_selected_is_set_by_frame_ids_or_runs(make_run: MakeRun) -> None:
    first, second = make_run(0.1), make_run(0.2)
    widget = nbtrack.compare()
    widget.selected = nbtrack.search_runs(filter_string="metrics.`val/loss` > 0.15")
    assert widget.view["selected"] == [second]
    widget.selected = nbtrack.search_runs(max_results=1)["run_id"]
    assert widget.view["selected"] == [second]
    widget.selected = [first, second, first]
    assert widget.view["selected"] == [first, second]
    widget.selected = [nbtrack.get_run(second)]
    assert widget.view["selected"] == [second]
    widget.selected = []
    assert widget.selected.empty


def test_a_selection_on_the_screen_reaches_python(make_run: MakeRun) -> None:
    first, second = make_run(0.1), make_run(0.2)
    widget = nbtrack.compare()
    assert len(widget.selected) == 2
    widget.set_state({"_view": {**widget.view, "selected": [second]}})
    assert list(widget.selected["run_id"]) == [second]
    assert first not in set(widget.selected["run_id"])


@pytest.mark.parametrize(
    ("value", "error"), [(["0" * 32], NotFound), ([3], InvalidParameter), ([None], InvalidParameter)]
)
def test_a_wrong_selection_changes_nothing(make_run: MakeRun, value: list[object], error: type[Exception]) -> None:
    run_id = make_run(0.1)
    widget = nbtrack.compare()
    with pytest.raises(error):
        widget.selected = value
    assert widget.view["selected"] == [run_id]


def test_a_frame_without_run_ids_is_refused(make_run: MakeRun) -> None:
    import pandas

    make_run(0.1)
    with pytest.raises(InvalidParameter, match="run_id"):
        nbtrack.compare().selected = pandas.DataFrame({"name": ["a"]})


def test_a_wrong_filter_is_an_error_where_it_is_written() -> None:
    with pytest.raises(QueryError) as caught:
        nbtrack.compare("metrics.loss <")
    assert caught.value.position == len("metrics.loss <")


def test_the_metric_that_the_query_names_is_shown_first(make_run: MakeRun) -> None:
    make_run(0.1)
    curves = nbtrack.compare("metrics.`train/loss` < 100")._snapshot["answers"]["curves"]
    assert curves["payload"]["keys"] == ["train/loss", "val/loss"]
    assert nbtrack.compare()._snapshot["answers"]["curves"]["payload"]["keys"] == ["val/loss", "train/loss"]


def test_it_opens_on_the_active_experiment_unless_told_otherwise(make_run: MakeRun) -> None:
    here = make_run(0.1)
    nbtrack.set_experiment("elsewhere")
    there = make_run(0.2)

    def found(widget: Comparison) -> set[str]:
        return {row["run_id"] for row in widget._snapshot["answers"]["runs"]["reply"]["rows"]}

    assert found(nbtrack.compare()) == {there}
    assert found(nbtrack.compare(experiment_names=["Default"])) == {here}
    assert found(nbtrack.compare(search_all_experiments=True)) == {here, there}


def test_no_runs_at_all() -> None:
    widget = nbtrack.compare()
    assert widget.selected.empty
    assert "%%track" in repr(widget)


def test_each_part_of_the_view_can_be_set_and_observed(make_run: MakeRun) -> None:
    first, second = make_run(0.1), make_run(0.2)
    widget = nbtrack.compare()
    seen: list[tuple[str, object]] = []
    widget.observe(lambda change: seen.append((change.name, change.new)), names=["query", "baseline", "group_by"])
    widget.query = "metrics.`val/loss` < 0.15"
    assert widget.filter_string == widget.query == widget.view["query"]
    widget.filter_string = ""
    widget.baseline = nbtrack.get_run(second)
    widget.group_by = "params.optimizer"
    widget.group_by = "params.optimizer"
    assert seen == [
        ("query", "metrics.`val/loss` < 0.15"),
        ("query", ""),
        ("baseline", second),
        ("group_by", "params.optimizer"),
    ]
    widget.view = {"baseline": None, "selected": [first]}
    assert (widget.baseline, list(widget.selected["run_id"])) == (None, [first])
    assert widget.view["group_by"] == "params.optimizer"


def test_an_observer_of_the_selection_gets_data_frames(make_run: MakeRun) -> None:
    first, second = make_run(0.1), make_run(0.2)
    widget = nbtrack.compare()
    seen = []
    widget.observe(
        lambda change: seen.append([list(frame["run_id"]) for frame in (change.old, change.new)]), "selected"
    )
    widget.selected = [second]
    widget.query = "params.optimizer = 'adam'"
    assert seen == [[[first, second], [second]]]


def test_a_part_that_is_read_can_be_changed_without_changing_the_view(make_run: MakeRun) -> None:
    make_run(0.1)
    widget = nbtrack.compare()
    panels = widget.panels
    panels[0]["metrics"].append("val/acc")
    assert widget.panels[0]["metrics"] == ["val/loss", "train/loss"]
    widget.panels = panels
    assert widget.panels[0]["metrics"] == ["val/loss", "train/loss", "val/acc"]


def test_a_new_comparison_has_a_chart_of_each_family_of_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    with nbtrack.start_run():
        nbtrack.log_metrics({"train/loss": 1, "val/loss": 2, "train_acc": 0.5, "val_acc": 0.4, "lr": 0.1, "grad": 3})
    widget = nbtrack.compare()
    assert [panel["metrics"] for panel in widget.panels] == [["val/loss", "train/loss"], ["train_acc", "val_acc"]]
    every = ["val/loss", "train/loss", "train_acc", "val_acc"]
    assert widget._snapshot["answers"]["curves"]["payload"]["keys"] == every
    # Of many curves, only those of the first chart travel with the widget.
    monkeypatch.setattr(comparison, "MOST_AT_ONCE", 3)
    assert nbtrack.compare()._snapshot["answers"]["curves"]["payload"]["keys"] == every[:2]
    kept = widget.thin_snapshot()
    assert kept.answers["curves"].payload["keys"] == every
    assert [each and each.title for each in widget.page(kept).pictures] == [
        "val/loss, train/loss",
        "train_acc, val_acc",
    ]


def test_a_chart_is_written_with_the_fields_that_matter(make_run: MakeRun) -> None:
    make_run(0.1)
    widget = nbtrack.compare()
    widget.panels = [{"metrics": ["loss"], "smoothing": 0.6}]
    (panel,) = widget.panels
    assert (panel["metrics"], panel["smoothing"], panel["x_axis"], panel["width"]) == (["loss"], 0.6, "step", None)
    earlier = {"metrics": ["loss"], "x_axis": "time", "smoothing": 0.5, "log": True, "x_min": 1.0, "x_max": 2.0}
    widget.set_state({"_view": {**widget.view, "panels": [earlier]}})
    assert widget.panels == [{**panel, **earlier}]


def test_bars_are_not_read_as_curves(make_run: MakeRun) -> None:
    make_run(0.1)
    widget = nbtrack.compare()
    assert [panel["kind"] for panel in widget.panels] == ["curves"]
    widget.panels = [{"metrics": ["val/loss"], "kind": "bars"}, {"metrics": ["train/loss"], "x_axis": "time"}]
    for snapshot in (widget.snapshot(), widget.thin_snapshot()):
        assert snapshot.answers["curves"].payload["x_axis"] == "time"
        assert snapshot.answers["curves"].payload["keys"] == ["train/loss"]
        assert snapshot.answers["runs"].reply["rows"][0]["metrics"]["val/loss"] == pytest.approx(0.1)
    widget.panels = widget.panels[:1]
    assert "curves" not in widget.snapshot().answers
    assert widget.page(widget.thin_snapshot()).pictures == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": 5}, "query must be a string, not 5."),
        ({"sorts": "metrics.loss"}, "sorts must be a list, not 'metrics.loss'."),
        ({"panels": [{"metrics": "loss"}]}, "panels[0].metrics must be a list, not 'loss'."),
        ({"panels": [{"difference": 1}]}, "panels[0].difference must be true or false, not 1."),
        ({"panels": [{"band": "wide"}]}, "panels[0].band must be one of none, range, std, sem, not 'wide'."),
        (
            {"panels": [{"statistic": "median"}]},
            "panels[0].statistic must be one of last, best, first, mean, not 'median'.",
        ),
        ({"panels": [{"kind": "pie"}]}, "panels[0].kind must be one of curves, bars, not 'pie'."),
        ({"panels": [7]}, "panels[0] must be an object with named fields, not 7."),
        (
            {"columns": [{"column": "params.width", "width": 1, "hidden": None, "pinned": False, "before": None}]},
            "width",
        ),
        ({"colour": 1}, "The view does not have the field 'colour'."),
        ([], "The view must be a mapping of its fields, not a list."),
    ],
)
def test_a_view_that_is_not_valid_is_refused(make_run: MakeRun, changes: object, message: str) -> None:
    make_run(0.1)
    widget = nbtrack.compare()
    before = widget.view
    with pytest.raises(InvalidParameter) as caught:
        widget.view = changes
    assert message in str(caught.value)
    assert widget.view == before


def test_a_hostile_view_from_a_browser_changes_only_what_is_valid(make_run: MakeRun) -> None:
    make_run(0.1)
    widget = nbtrack.compare()
    before = widget.view
    widget.set_state(
        {"_view": {"version": "9" * 99, "sorts": [{}], "selected": "all", "__proto__": 1, "query": "x = 1"}}
    )
    assert widget.view == {**before, "query": "x = 1"}
    widget.set_state({"_view": {}})
    assert widget.view == {**before, "query": "x = 1"}


def test_frame_has_the_rows_of_the_table_in_its_order(make_run: MakeRun) -> None:
    slow, fast = make_run(0.2, name="slow", width=1), make_run(0.1, name="fast", width=2)
    make_run(0.9, name="out")
    widget = nbtrack.compare("metrics.`val/loss` < 0.5", order_by=["params.width ASC"])
    assert list(widget.frame()["run_id"]) == [slow, fast]
    widget.view = {
        "sorts": ["metrics.`val/loss` ASC"],
        "columns": [
            {"column": column, "width": None, "hidden": True, "pinned": False, "before": None}
            for column in ("metrics.`train/loss`", "attributes.status")
        ],
    }
    frame = widget.frame()
    assert list(frame["run_id"]) == [fast, slow]
    assert {"metrics.train/loss", "status"}.isdisjoint(frame.columns)
    assert {"metrics.val/loss", "params.width"} <= set(frame.columns)
    widget.group_by = "params.width"
    assert list(widget.frame()["run_id"]) == [slow, fast]


def test_linked_comparisons_share_the_named_parts_until_they_are_unlinked(make_run: MakeRun) -> None:
    first, second = make_run(0.1), make_run(0.2)
    here, there = nbtrack.compare(), nbtrack.compare()
    link = nbtrack.link(here, there)
    here.query = "params.optimizer = 'adam'"
    there.selected = [second]
    there.baseline = first
    assert (there.query, here.view["selected"], here.baseline) == ("params.optimizer = 'adam'", [second], None)
    link.unlink()
    link.unlink()
    here.query = ""
    assert there.query == "params.optimizer = 'adam'"


@pytest.mark.parametrize(
    ("other", "parts"), [(None, ["query"]), ("self", ["query"]), ("new", "query"), ("new", ["ticks"])]
)
def test_only_two_comparisons_can_be_linked_by_parts_that_exist(other: str | None, parts: object) -> None:
    widget = nbtrack.compare()
    second = {"self": widget, "new": nbtrack.compare(), None: None}[other]
    with pytest.raises(InvalidParameter):
        nbtrack.link(widget, second, parts)


def test_many_selected_runs_have_fewer_points_each(
    client: nbtrack.Client, make_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run()
    make_run()
    assert Comparison(client)._snapshot["answers"]["curves"]["payload"]["max_points"] == comparison.MAX_POINTS
    # Two runs with two metrics each.
    for most, points in ((4_000, 1_000), (3_999, 512), (2_000, 256), (40, 128)):
        monkeypatch.setattr(comparison, "MOST_POINTS_OF_ALL", most)
        assert Comparison(client)._snapshot["answers"]["curves"]["payload"]["max_points"] == points


def test_a_curve_has_as_many_points_as_the_browser_asks_for() -> None:
    """Otherwise the curves of the snapshot would not be those of the first request, and be read twice."""
    spec = Path(__file__).parents[2] / "js/data/curves.spec.ts"
    curves, points = (
        [int(number) for number in found.replace("_", "").split(",")]
        for found in re.findall(r"\[([\d_, ]+)\]", spec.read_text())
    )
    assert [comparison._points_for(count) for count in curves] == points


def test_a_view_is_saved_by_name_and_shown_again(make_run: MakeRun) -> None:
    first, second = make_run(0.1, width=1), make_run(0.2, width=2)
    widget = nbtrack.compare("params.width > 0", order_by=["params.width DESC"])
    widget.selected = [first]
    widget.baseline = second
    widget.save_view("weekly")
    again = nbtrack.compare(view="weekly")
    assert again.view == widget.view
    reply = again._snapshot["answers"]["runs"]["reply"]
    assert [row["run_id"] for row in reply["rows"]] == [second, first]
    assert reply["baseline"]["run_id"] == second
    narrow = nbtrack.compare("params.width = '1'", view="weekly")
    assert (narrow.query, narrow.sorts, narrow.baseline) == ("params.width = '1'", ["params.width DESC"], second)
    with pytest.raises(NotFound, match="'weekly'"):
        nbtrack.compare(view="monthly")


def test_a_saved_view_of_another_version_shows_what_is_known_of_it(client: nbtrack.Client, make_run: MakeRun) -> None:
    run_id = make_run(0.1)
    client.save_view("later", {"version": 9, "selected": [run_id], "sorts": "wrong", "engine": "new"})
    view = nbtrack.compare(view="later").view
    assert (view["selected"], view["sorts"], view["version"]) == ([run_id], [], 1)


@pytest.mark.parametrize("given", [{"order_by": 3}, {"filter_string": 3}, {"filter_string": "a <"}])
def test_a_refused_comparison_is_closed_without_another_error(given: dict[str, Any]) -> None:
    client = nbtrack.Client()
    with warnings.catch_warnings():
        # pytest reports what `__del__` raises as a warning.
        warnings.simplefilter("error", pytest.PytestUnraisableExceptionWarning)
        with pytest.raises(nbtrack.NbtrackError):
            Comparison(client, **given)
        gc.collect()


def test_runs_are_colored_by_a_column_and_a_wrong_one_colors_nothing(make_run: MakeRun) -> None:
    first, second = make_run(0.1, width=3), make_run(0.2)
    nbtrack.MlflowClient().set_tag(first, "team", "red")
    widget = nbtrack.compare()
    widget.style_by = "tags.team"

    def values() -> Any:
        answer = widget.thin_snapshot().answers.get("values")
        return answer and dict(zip(answer.payload["run_ids"], answer.reply["values"], strict=True))

    assert values() == {first: "red", second: None}
    # Earlier versions kept the name of a param.
    widget.view = {"style_by": "width"}
    assert values() == {first: "3", second: None}
    widget.style_by = "attributes.artifact_uri"
    assert values() is None


def test_a_saved_view_is_cut_as_a_request_for_fewer_rows_and_columns_would_be_answered(make_run: MakeRun) -> None:
    with nbtrack.start_run():
        nbtrack.log_params({f"p{key:02}": key for key in range(70)})
        nbtrack.log_metrics({f"{'val' if key % 3 else 'a'}/m{key:02}": key for key in range(70)})
        nbtrack.log_metric("system/cpu", 1.0)
    for number in range(4):
        make_run(number / 10)
    widget = nbtrack.compare(order_by=["metrics.`a/m06` DESC"])
    request = {**widget._request(widget.state), "baseline": widget.view["selected"][0]}
    whole = widget.ask("runs", request)
    for rows, columns in ((3, 60), (200, 7), (1, 1)):
        fewer = widget.ask("runs", {**request, "limit": rows, "column_limit": columns})
        assert first_of(whole, rows, columns) == fewer


def test_a_snapshot_asks_again_only_if_the_store_has_changed(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(0.1)
    revision = [1]
    monkeypatch.setattr(Comparison, "revision", lambda self: revision[0])
    widget = nbtrack.compare()
    asked: list[object] = []
    ask = widget.ask
    monkeypatch.setattr(widget, "ask", lambda name, payload: (asked.append(name), ask(name, payload))[1])
    first = widget.thin_snapshot()
    assert asked == ["curves"], "Rows and differences are those that the screen shows first."
    assert widget.thin_snapshot() == first
    assert asked == ["curves"]
    make_run(0.2)
    revision[0] += 1
    assert widget.thin_snapshot().answers["runs"].reply["total"] == 2
    assert asked == ["curves", "runs", "diff", "curves"]


def test_a_metric_that_is_never_a_number_does_not_sort_the_table() -> None:
    with nbtrack.start_run():
        nbtrack.log_metric("val/loss", math.nan)
    assert nbtrack.compare().sorts == []
