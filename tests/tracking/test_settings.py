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


@pytest.mark.slow
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


def test_log_best_follows_the_name_of_a_metric_that_is_not_defined() -> None:
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier().fit([[0]], [0])
    with nbtrack.start_run():
        for metric, kept in (("val/loss", [True, False, True]), ("auc", [True, True, False])):
            name = metric.replace("/", "_")
            assert kept == [
                bool(nbtrack.log_best(model, metric, value=value, name=name, silent=True)) for value in (0.5, 0.9, 0.1)
            ]


def test_every_screen_follows_the_definition() -> None:
    """The definition contradicts the names, and the direction of a study."""
    nbtrack.define_metric("val/auc", "min")
    nbtrack.define_metric("*loss", "max")
    with nbtrack.start_run(run_name="study", tags={"direction": "MINIMIZE"}) as parent:
        nbtrack.log_metric("best_loss", 1.0)
        for number in range(3):
            with nbtrack.start_run(run_name=f"run {number}", nested=True, tags={"direction": "MINIMIZE"}) as run:
                nbtrack.log_param("width", number)
                nbtrack.log_metrics({"val/auc": number, "loss": number})
    client = nbtrack.MlflowClient()
    search = {"filter": "", "experiment_ids": None, "offset": 0, "limit": 10, "order_by": []}
    shown, _ = views.handle(client, "runs", {**search, "grouped": True, "unfolded": None})
    names = {row["run_id"]: row["run_name"] for row in shown["rows"]}
    assert {key: names[run_id] for key, run_id in shown["best"].items()} == {
        "val/auc": "run 0",
        "loss": "run 2",
        "best_loss": "study",
    }
    assert (shown["best_values"], shown["lower_is_better"]) == ({"val/auc": 0, "loss": 2}, ["val/auc"])
    assert shown["rows"][0]["nested_best"] == {"val/auc": 0, "loss": 2}
    columns, _ = views.handle(client, "columns", search)
    assert (columns["lower_is_better"], columns["guessed"]) == (["val/auc"], [])
    of_groups = {"by": "params.width", "statistic": "mean", "params": [], "metrics": ["val/auc", "loss"]}
    groups, _ = views.handle(client, "groups", {**search, **of_groups, "columns": ["min(metrics.`val/auc`)"]})
    assert (groups["best"], groups["lower_is_better"]) == ({"val/auc": "n:0", "loss": "n:2"}, ["val/auc"])
    live, _ = views.handle(client, "live", {"run_id": run.info.run_id, "max_points": 10})
    assert {row["key"]: row["lower_is_better"] for row in live["summary"]} == {"val/auc": True, "loss": False}
    # The best runs come first in a new comparison, and are the first that are selected.
    comparison = nbtrack.compare("run_name LIKE 'run %'")
    assert comparison.sorts == ["metrics.`val/auc` ASC"]
    assert list(comparison.selected["tags.mlflow.runName"]) == ["run 0", "run 1", "run 2"]
    assert parent.info.run_id in names


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
