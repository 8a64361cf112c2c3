"""Groups of runs in a comparison: the table of groups, the baseline, and states that are not valid."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound, QueryError
from nbtrack.views.view_state import default_view, read_view
from nbtrack.widgets.comparison import Comparison


@pytest.fixture
def widget() -> Comparison:
    """A comparison of ten runs with three optimizers, two widths that are written in three ways, and two parents."""
    parents = [nbtrack.MlflowClient().create_run("0", run_name=name).info.run_id for name in ("sweep", "last")]
    for number in range(10):
        with nbtrack.start_run(run_name=f"run {number}"):
            if number < 9:
                nbtrack.log_params({"optimizer": ("adam", "sgd", "a" * 6000)[number % 3]})
            nbtrack.log_params({"width": (64, "64.0", 128)[number % 3], "same": 1})
            nbtrack.set_tag("mlflow.parentRunId", parents[number % 2])
            nbtrack.log_metrics({"val/loss": number / 8, "acc": 1 - number / 8, "system/cpu": 1.0})
    return nbtrack.compare("run_name LIKE 'run %'")


def rows(widget: Comparison) -> list[tuple[str, Any]]:
    reply = widget._snapshot["answers"]["groups"]["reply"]
    return [(row["key"], row["runs"]) for row in reply["groups"]]


def test_the_table_of_groups_is_that_of_aggregate(widget: Comparison) -> None:
    for column in ("params.optimizer", "params.width", "status", "tags.`no such`"):
        widget.group_by = column
        widget.sorts = []
        expected = nbtrack.aggregate(widget.query, by=column)
        pandas.testing.assert_frame_equal(
            widget.groups()[expected.columns], expected, check_exact=False, rtol=1e-12, check_dtype=False
        )
    widget.group_by = "params.width"
    assert widget.groups()["params.width"].tolist() == [64.0, 128.0]
    widget.sorts = ["metrics.`val/loss` DESC"]
    by_mean = widget.groups()["metrics.val/loss.mean"].tolist()
    assert by_mean == sorted(by_mean, reverse=True)
    widget.view = {"group_statistic": "n"}
    assert widget.groups()["runs"].tolist() == [7, 3]
    hidden = {"column": "metrics.acc", "width": None, "hidden": True, "pinned": False, "before": None}
    widget.columns = [hidden]
    assert not [name for name in widget.groups() if name.startswith("metrics.acc")]
    widget.group_by = None
    with pytest.raises(InvalidParameter, match="group_by is None"):
        widget.groups()


def test_the_snapshot_has_the_groups_and_the_runs_in_the_order_of_the_table(widget: Comparison) -> None:
    widget.sorts = ["metrics.acc DESC"]
    widget.group_by = "params.optimizer"
    answers = widget.snapshot().answers
    assert [row["key"] for row in answers["groups"].reply["groups"]][:2] == ["s:adam", "s:sgd"]
    assert answers["groups"].reply["best"] == {"acc": "s:adam", "val/loss": "s:adam"}
    assert answers["groups"].payload["order_by"] == answers["runs"].payload["order_by"] == ["metrics.acc DESC"]
    assert [row["run_name"] for row in answers["runs"].reply["rows"]][:2] == ["run 0", "run 1"]
    # Runs of a group follow each other in Python, though their groups are in the order of their values.
    assert widget.frame()["params.optimizer"].tolist()[:1] == ["a" * 6000]
    widget.group_by = None
    assert "groups" not in widget.snapshot().answers


def test_a_plain_viewer_shows_the_groups(widget: Comparison) -> None:
    widget.sorts = ["params.optimizer ASC"]
    widget.view = {"group_by": "params.optimizer", "selected_groups": ["s:sgd"]}
    title, header, *lines = repr(widget).splitlines()
    assert title.startswith("4 groups of 10 runs where run_name LIKE 'run %'")
    assert header.split()[:2] == ["params.optimizer", "runs"]
    assert [line.startswith("✓") for line in lines] == [False, False, True, False]
    assert lines[1].split()[1:5] == ["3", "0.625", "±", "0.375"]
    assert lines[3].split()[:3] == ["(no", "value)", "1"]
    assert lines[3].split()[3:] == ["-0.125", "1.125"], "one run has no standard deviation"


def test_a_group_is_the_baseline(widget: Comparison) -> None:
    seen: list[object] = []
    widget.observe(lambda change: seen.append(change.new), "baseline")
    for value, key in (
        ({"params.optimizer": "adam"}, "s:adam"),
        ({"params.optimizer": None}, "none"),
        ({"params.width": 64}, "n:64"),
        ({"attributes.status": "FINISHED"}, "s:FINISHED"),
    ):
        widget.baseline = value
        assert (widget.group_by, widget.view["baseline_group"]) == (*value, key)
        assert widget.baseline == value
        answer = widget.snapshot().answers["groups"].reply["baseline_group"]
        assert answer["key"] == key
        assert answer["metrics"]["acc"]["n"] == answer["runs"]
    widget.baseline = {"params.width": "64.0"}
    assert widget.baseline == {"params.width": 64}
    widget.baseline = {"params.optimizer": "a" * 6000}
    assert widget.baseline == {"params.optimizer": "a" * 6000}
    run_id = widget.frame()["run_id"].iloc[0]
    widget.baseline = run_id
    assert (widget.baseline, widget.view["baseline_group"]) == (run_id, None)
    widget.baseline = {"params.optimizer": "sgd"}
    assert (widget.view["baseline"], widget.group_by) == (None, "params.optimizer")
    widget.group_by = "params.width"
    assert widget.baseline is None, "the group is one of another column"
    assert seen[-3:] == [run_id, {"params.optimizer": "sgd"}, None]


def test_a_parent_is_the_baseline_by_its_id_its_run_or_its_name(widget: Comparison) -> None:
    (parent,) = nbtrack.search_runs(filter_string="run_name = 'sweep'", output_format="list")
    for value in (parent, parent.info.run_id, "sweep"):
        widget.baseline = {"attributes.parent": value}
        assert widget.baseline == {"attributes.parent": parent.info.run_id}
    nbtrack.MlflowClient().update_run(
        nbtrack.search_runs(filter_string="run_name = 'last'")["run_id"].iloc[0], name="sweep"
    )
    with pytest.raises(InvalidParameter, match=r"2 parent runs have the name 'sweep'. Use the ID of one of them."):
        widget.baseline = {"attributes.parent": "sweep"}


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            {"params.optimizer": "adm"},
            NotFound,
            r"params.optimizer = 'adm'. Some values are 'adam'.",
        ),
        ({"params.width": 65}, NotFound, r"None of the runs has params.width = 65. Some values are '64', '128'."),
        ({}, InvalidParameter, "A group must be one column with its value"),
        ({"params.a": 1, "params.b": 2}, InvalidParameter, "A group must be one column with its value"),
        ({"metrics.acc": 1}, InvalidParameter, "Runs cannot be grouped by 'metrics.acc'."),
        ({"colour": 1}, QueryError, "colour"),
    ],
)
def test_a_baseline_that_no_run_has(widget: Comparison, value: Any, error: type[Exception], message: str) -> None:
    before = widget.view
    with pytest.raises(error, match=message):
        widget.baseline = value
    assert widget.view == before


@pytest.mark.parametrize("column", ["metrics.acc", "start_time", "run_id", "colour", "params.width DESC", "", 5])
def test_a_column_that_runs_cannot_be_grouped_by(widget: Comparison, column: Any) -> None:
    with pytest.raises(InvalidParameter):
        widget.group_by = column
    assert widget.group_by is None
    widget.set_state({"_view": {**widget.view, "group_by": column}})
    assert widget.group_by is None


def test_states_with_groups(widget: Comparison) -> None:
    run_id = widget.frame()["run_id"].iloc[0]
    chosen = {"group_by": "params.optimizer", "selected_groups": ["s:adam"], "unfolded_groups": ["none"]}
    widget.view = {**chosen, "baseline_group": "s:adam"}
    state = widget.view
    # A state of an earlier version has none of the fields, and one from a browser may have them in any form.
    earlier = {key: value for key, value in state.items() if "group" not in key}
    default: dict[str, Any] = {**default_view()}
    assert read_view(earlier, default_view()) == {**default, **earlier}
    widget.set_state(
        {"_view": {**state, "selected_groups": ["adam"], "group_statistic": "median", "baseline_group": 5}}
    )
    assert widget.view == state
    widget.set_state({"_view": {**state, "baseline": run_id}})
    assert widget.baseline == run_id
    widget.set_state({"_view": {**state, "group_by": None}})
    assert (widget.view["selected_groups"], widget.baseline) == ([], None)
    for changes, message in (
        ({**chosen, "baseline": run_id, "baseline_group": "s:adam"}, "cannot both be set"),
        ({"baseline_group": "s:adam"}, "group_by, which is None"),
        ({**chosen, "selected_groups": ["adam"]}, "'adam' is not the key of a group"),
    ):
        with pytest.raises(InvalidParameter, match=message):
            widget.view = changes
    widget.view = {**chosen, "group_by": "params.width", "selected_groups": ["n:64"]}
    widget.group_by = "params.same"
    assert (widget.view["selected_groups"], widget.view["unfolded_groups"]) == ([], [])


def test_linked_comparisons_share_groups_of_one_column(widget: Comparison) -> None:
    widget.baseline = {"params.width": 64}
    other = nbtrack.compare()
    link = nbtrack.link(widget, other, ["baseline", "group_by"])
    assert other.baseline == {"params.width": 64}
    other.baseline = {"params.width": 128}
    assert widget.baseline == {"params.width": 128}
    link.unlink()
    other.group_by = "params.optimizer"
    nbtrack.link(widget, other, ["baseline"])
    assert (other.baseline, other.group_by) == (None, "params.optimizer")


def test_a_selection_that_nobody_made_follows_the_groups(widget: Comparison) -> None:
    runs = widget.view["selected"]
    assert len(runs) == 5
    widget.group_by = "params.optimizer"
    assert widget.view["selected"] == []
    assert [key[:6] for key in widget.view["selected_groups"]] == ["s:adam", "s:sgd", "h:56d1", "none"]
    widget.set_state({"_view": {**widget.view, "group_by": "params.width", "selected_groups": []}})
    assert widget.view["selected_groups"] == ["n:64", "n:128"]
    widget.view = {"selected_groups": ["n:64"]}
    widget.group_by = None
    assert (widget.view["selected"], widget.view["selected_groups"]) == (runs, [])


def test_a_selection_of_the_user_stays_when_runs_are_grouped(widget: Comparison) -> None:
    chosen = widget.view["selected"][:2]
    widget.selected = chosen
    widget.group_by = "params.optimizer"
    assert (widget.view["selected"], widget.view["selected_groups"]) == (chosen, [])
    widget.selected = []
    widget.group_by = "params.width"
    assert (widget.view["selected"], widget.view["selected_groups"]) == ([], [])
    other = nbtrack.compare()
    other.view = {"group_by": "params.width", "selected": [], "selected_groups": ["n:64"]}
    assert (other.view["selected"], other.view["selected_groups"]) == ([], ["n:64"])
    other.view = {"selected": other.frame()["run_id"][:1].tolist()}
    other.group_by = None
    assert len(other.view["selected"]) == 1


def test_a_notebook_keeps_the_curves_of_groups_as_data_and_as_a_picture(widget: Comparison) -> None:
    widget.group_by = "params.optimizer"
    snapshot = widget.thin_snapshot()
    curves = snapshot.answers["group_curves"]
    assert [series["group"] for series in curves.reply["series"]] == widget.view["selected_groups"]
    assert len(curves.buffers) == 6 * len(curves.reply["series"])
    page = widget.page(snapshot)
    labels = [label for each in page.pictures if each for label, _ in each.lines]
    assert {"adam", "sgd", "(no value)", "a" * 6000} <= set(labels)
    widget.view = {"selected_groups": ["s:sgd"], "baseline_group": "none"}
    snapshot = widget.thin_snapshot()
    drawn = [label for each in widget.page(snapshot).pictures if each for label, _ in each.lines]
    assert drawn == ["sgd", "baseline: (no value)"]
    widget.panels = [{"metrics": ["acc"], "difference": True}]
    (drawn_picture,) = [each for each in widget.page(widget.thin_snapshot()).pictures if each]
    assert drawn_picture.title == "acc: difference from (no value)"
    differences = dict(drawn_picture.lines)
    assert {y for segment in differences["baseline: (no value)"] for _, y in segment} == {0}
    [[(_, first)]] = differences["sgd"]
    assert first == 0.5 - (1 - 9 / 8)
    widget.panels = [{"metrics": ["acc"]}]
    outside = nbtrack.search_runs(filter_string="run_name = 'run 9'")["run_id"].iloc[0]
    widget.baseline = outside
    assert widget.thin_snapshot().answers["curves"].payload["run_ids"] == [outside]
    widget.panels = [{"metrics": ["acc"], "x_metric": "val/loss"}]
    assert "group_curves" not in widget.thin_snapshot().answers


def test_the_curves_of_a_comparison_have_that_of_the_baseline_which_need_not_be_selected(widget: Comparison) -> None:
    names = widget.frame().set_index("run_id")["tags.mlflow.runName"].to_dict()
    selected = widget.view["selected"]
    baseline = next(run_id for run_id in names if run_id not in selected)
    widget.view = {"selected": selected[:1], "baseline": baseline, "panels": [{"metrics": ["acc"]}]}
    for snapshot in (widget.snapshot(), widget.thin_snapshot()):
        assert [each["run_id"] for each in snapshot.answers["curves"].reply["series"]] == [selected[0], baseline]
        labels = [label for each in widget.page(snapshot).pictures if each for label, _ in each.lines]
        assert labels == [names[selected[0]], f"baseline: {names[baseline]}"]
    widget.selected = [baseline]
    assert [each["run_id"] for each in widget.snapshot().answers["curves"].reply["series"]] == [baseline]
    widget.selected = []
    assert [each["run_id"] for each in widget.snapshot().answers["curves"].reply["series"]] == [baseline]
    # A browser can send any baseline.
    widget.set_state({"_view": {**widget.view, "baseline": "no such run"}})
    assert widget.snapshot().answers["curves"].reply["series"] == []
