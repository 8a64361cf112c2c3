"""Settings that every user of a store shares: which values of a metric are better, and saved views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nbtrack
from nbtrack import views
from nbtrack.directions import Directions
from nbtrack.errors import InvalidParameter, NotFound


@pytest.mark.parametrize(
    ("defined", "key", "mode"),
    [
        ({}, "val/loss", "min"),
        ({}, "accuracy", "max"),
        ({}, "closses", "max"),
        ({"val/*": "min"}, "val/auc", "min"),
        ({"val/*": "min"}, "train/auc", "max"),
        ({"*": "min", "val/*": "max"}, "val/loss", "max"),
        ({"val/*": "max", "val/loss": "min"}, "val/loss", "min"),
        ({"a[b]": "min"}, "a[b]", "min"),
        # A value that another version of nbtrack wrote.
        ({"gap": "median"}, "gap", "max"),
    ],
)
def test_a_definition_takes_precedence_over_the_name(defined: dict[str, str], key: str, mode: str) -> None:
    assert Directions(defined).mode(key) == mode


def test_a_study_takes_precedence_over_the_name_but_not_over_a_definition() -> None:
    assert Directions().lower_is_better("value", "MINIMIZE")
    assert not Directions({"value": "max"}).lower_is_better("value", "MINIMIZE")
    assert not Directions().lower_is_better("value", "MINIMIZE, MAXIMIZE")


def best_of(key: str) -> str:
    request = {"experiment_ids": None, "filter": "", "order_by": [], "offset": 0, "limit": 10}
    reply, _ = views.handle(nbtrack.MlflowClient(), "runs", {**request, "grouped": False, "unfolded": None})
    return next(row["run_name"] for row in reply["rows"] if row["run_id"] == reply["best"][key])


def test_a_definition_is_stored_for_everyone_and_can_be_changed_and_deleted(own_store: Path) -> None:
    for name, gap in (("small", 0.1), ("large", 0.9)):
        with nbtrack.start_run(run_name=name):
            nbtrack.log_metric("val/gap", gap)
    assert best_of("val/gap") == "large"
    nbtrack.define_metric("val/gap", mode="min")
    assert best_of("val/gap") == "small"
    assert nbtrack.MlflowClient().get_metric_modes() == {"val/gap": "min"}
    nbtrack.define_metric("val/gap", mode="max")
    assert best_of("val/gap") == "large"
    nbtrack.define_metric("val/gap", mode=None)
    nbtrack.define_metric("never defined", mode=None)
    assert nbtrack.MlflowClient().get_metric_modes() == {}


def test_wrong_definitions_are_refused() -> None:
    for name, mode in (("", "max"), (3, "max"), ("x" * 501, "min"), ("x", "MAX"), ("x", 1)):
        with pytest.raises(InvalidParameter):
            nbtrack.define_metric(name, mode)  # type: ignore[arg-type]


def test_log_best_uses_the_definition_if_no_mode_is_given(own_store: Path) -> None:
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier().fit([[0]], [0])
    nbtrack.define_metric("gap", "min")
    with nbtrack.start_run():
        kept = [bool(nbtrack.log_best(model, "gap", value=value, silent=True)) for value in (0.5, 0.9, 0.1)]
        assert kept == [True, False, True]
        # The run's best model keeps its mode if the definition changes while the run goes on.
        nbtrack.define_metric("gap", "max")
        assert not nbtrack.log_best(model, "gap", value=0.7, silent=True)
        with pytest.raises(InvalidParameter):
            nbtrack.log_best(model, "gap", "max", value=0.7, silent=True)


def test_a_merge_keeps_the_definition_that_was_changed_last(own_store: Path, tmp_path: Path) -> None:
    nbtrack.define_metric("old here", "min")
    here, there = nbtrack.MlflowClient(), nbtrack.MlflowClient(str(tmp_path / "other"))
    there.define_metric("old here", "max")
    there.define_metric("only there", "min")
    here.define_metric("only here", "min")
    for _ in range(2):
        nbtrack.merge(tmp_path / "other")
        assert here.get_metric_modes() == {"old here": "max", "only here": "min", "only there": "min"}


def test_views_are_saved_replaced_and_deleted(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    with pytest.raises(NotFound, match="no saved views"):
        client.get_view("weekly")
    client.save_view("weekly", {"query": "metrics.auc > 0.9", "selected": []})
    client.save_view("Ümläut's", {"query": "\u2028</script>🦉"})
    client.save_view("weekly", {"query": "", "selected": ["a"]})
    assert client.get_views() == {
        "weekly": {"query": "", "selected": ["a"]},
        "Ümläut's": {"query": "\u2028</script>🦉"},
    }
    with pytest.raises(NotFound, match="'weekly'"):
        client.get_view("daily")
    client.delete_view("weekly")
    with pytest.raises(NotFound):
        client.delete_view("weekly")
    assert list(client.get_views()) == ["Ümläut's"]


def test_wrong_views_are_refused(own_store: Path) -> None:
    client = nbtrack.MlflowClient()
    for name, view in (
        ("", {}),
        (None, {}),
        ("x", None),
        ("x", [1]),
        ("x", {"a": {1, 2}}),
        ("x", {"a": float("nan")}),
        ("x", {"a": np.int64(3)}),
        ("x", {"a": "x" * 1_000_001}),
        ("x", {"a": "\ud800"}),
    ):
        with pytest.raises(InvalidParameter):
            client.save_view(name, view)  # type: ignore[arg-type]
    assert client.get_views() == {}
