"""The Python side of the comparison: the selection, in both directions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound, QueryError
from nbtrack.widgets.comparison import Comparison

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
    assert widget._selected == [second]
    widget.selected = nbtrack.search_runs(max_results=1)["run_id"]
    assert widget._selected == [second]
    widget.selected = [first, second, first]
    assert widget._selected == [first, second]
    widget.selected = [nbtrack.get_run(second)]
    assert widget._selected == [second]
    widget.selected = []
    assert widget.selected.empty


def test_a_selection_on_the_screen_reaches_python(make_run: MakeRun) -> None:
    first, second = make_run(0.1), make_run(0.2)
    widget = nbtrack.compare()
    assert len(widget.selected) == 2
    widget.set_state({"_selected": [second]})
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
    assert widget._selected == [run_id]


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
    assert curves["payload"]["keys"] == ["train/loss"]
    assert nbtrack.compare()._snapshot["answers"]["curves"]["payload"]["keys"] == ["val/loss"]


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
