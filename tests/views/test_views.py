"""What screens get through `views.handle` on a real store."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nbtrack
from nbtrack import views
from nbtrack.errors import InvalidParameter, NotFound, QueryError


def ask(name: str, **payload: object) -> tuple[dict, list[np.ndarray]]:
    reply, buffers = views.handle(nbtrack.MlflowClient(), name, payload, scope=["0"])
    return reply, [np.frombuffer(buffer, "<f8") for buffer in buffers]


def runs(filter: str = "", order_by: tuple[str, ...] = (), offset: int = 0, limit: int = 50) -> dict:
    page = {"grouped": False, "unfolded": [], "offset": offset, "limit": limit}
    return ask("runs", filter=filter, experiment_ids=None, order_by=list(order_by), **page)[0]


def curves(run_ids: list[str], keys: list[str], **options: object) -> tuple[dict, list[np.ndarray]]:
    request = {"x_axis": "step", "x_min": None, "x_max": None, "max_points": 2000, **options}
    return ask("curves", run_ids=run_ids, keys=keys, **request)


@pytest.fixture
def three() -> list[str]:
    ids = []
    for number, rate in enumerate((0.1, 0.01, 0.001)):
        with nbtrack.start_run(run_name=f"run {number}") as run:
            nbtrack.log_params({"lr": rate, "activation": "relu"})
            nbtrack.log_metrics({"val/loss": 1 - number / 10, "val/accuracy": 0.9 + number / 100})
            ids.append(run.info.run_id)
    return ids


def test_a_page_of_runs_says_what_differs_and_which_is_best(three: list[str]) -> None:
    reply = runs(order_by=("metrics.`val/accuracy` DESC",), limit=2)
    assert [row["run_name"] for row in reply["rows"]] == ["run 2", "run 1"]
    assert reply["total"] == 3
    assert reply["params"] == [{"key": "activation", "differs": False}, {"key": "lr", "differs": True}]
    assert reply["metrics"] == ["val/accuracy", "val/loss"]
    assert reply["best"] == {"val/accuracy": three[2], "val/loss": three[2]}
    assert runs(offset=2, limit=2)["rows"][0]["run_name"] == "run 0"
    assert runs("params.lr < 0.05")["total"] == 2
    nothing = runs("params.lr > 5")
    assert (nothing["rows"], nothing["total"], nothing["metrics"]) == ([], 0, [])


def test_runs_have_the_name_of_their_experiment_even_if_it_is_deleted() -> None:
    names = {}
    for name in ("first", "second"):
        with nbtrack.start_run(experiment_id=nbtrack.create_experiment(name)) as run:
            names[run.info.run_id] = name
    page = {"grouped": False, "unfolded": [], "offset": 0, "limit": 10, "order_by": []}
    everywhere = views.handle(nbtrack.MlflowClient(), "runs", {"filter": "", "experiment_ids": None, **page})[0]
    assert {row["run_id"]: row["experiment_name"] for row in everywhere["rows"]} == names
    nbtrack.delete_experiment(run.info.experiment_id)
    assert ask("live", run_id=run.info.run_id, max_points=100)[0]["run"]["experiment_name"] == "second"


def test_metrics_that_are_not_finite_travel_as_strings() -> None:
    with nbtrack.start_run():
        nbtrack.log_metrics({"a": float("nan"), "b": float("inf"), "c": float("-inf")})
    assert runs()["rows"][0]["metrics"] == {"a": "NaN", "b": "Infinity", "c": "-Infinity"}


@pytest.mark.slow
def test_long_curves_are_summarized_and_zooming_gives_every_point() -> None:
    values = np.sin(np.arange(100_000) / 5000)
    values[4321], values[77777] = 50, -50
    with nbtrack.start_run() as run:
        for step, value in enumerate(values):
            nbtrack.log_metric("m", value, step=step)
    reply, (x, y, low, high, count) = curves([run.info.run_id], ["m"], max_points=1000)
    (series,) = reply["series"]
    assert (series["total"], series["width"], series["envelope"]) == (100_000, 128, 2)
    assert series["points"] == len(x) == len(y) == len(low) <= 1000
    assert (high.max(), low.min(), count.sum()) == (50, -50, 100_000)
    assert np.array_equal(x[:-1], np.arange(len(x) - 1) * 128 + 63.5)
    assert x[-1] <= 99_999
    assert np.allclose(y[:-1], values[: 128 * (len(x) - 1)].reshape(-1, 128).mean(axis=1))
    _, (x, y) = curves([run.info.run_id], ["m"], x_min=4300, x_max=4400)
    assert np.array_equal(x, np.arange(4300, 4401))
    assert np.array_equal(y, values[4300:4401])
    reply, (x, y, low, *_) = curves([run.info.run_id], ["m"], x_min=10_000, x_max=90_000, max_points=100)
    assert (reply["x_min"], reply["x_max"], reply["max_points"]) == (10_000, 90_000, 100)
    assert (low.min(), reply["series"][0]["width"]) == (-50, 1024)
    assert x[0] <= 10_000
    assert x[-1] >= 90_000 - 512


def test_values_that_are_not_finite_are_placed_and_curves_are_joined_to_a_metric() -> None:
    with nbtrack.start_run() as run:
        for step in range(100):
            nbtrack.log_metrics({"m": math.inf if step == 50 else step % 5, "epoch": step / 10}, step=step)
    reply, buffers = curves([run.info.run_id], ["m"], max_points=20)
    (series,) = reply["series"]
    assert [buffers[series["odd"] + i].tolist() for i in range(2)] == [[50.0], [1.0]]
    reply, buffers = curves([run.info.run_id], ["m"], x_metric="epoch", x_min=4.5, x_max=5.5)
    (series,) = reply["series"]
    assert (series["joined"], buffers[0].tolist()) == (11, [step / 10 for step in range(45, 56)])
    assert [buffers[series["odd"] + i].tolist() for i in range(2)] == [[5.0], [1.0]]
    assert curves([run.info.run_id], ["m"], x_metric="absent")[0]["series"] == []


def test_only_curves_that_have_changed_are_sent_again(three: list[str]) -> None:
    reply, _ = curves(three, ["val/loss"])
    versions = [series["version"] for series in reply["series"]]
    nbtrack.MlflowClient().log_metric(three[1], "val/loss", 9.0, step=7)
    reply, buffers = curves(three, ["val/loss"], known=versions)
    assert [series["run_id"] for series in reply["series"]] == [three[1]]
    assert reply["unchanged"] == [versions[0], versions[2]]
    assert buffers[1][-1] == 9.0


def test_curves_of_several_runs_keys_and_axes(three: list[str]) -> None:
    with nbtrack.start_run() as run:
        for step, value in enumerate((1.0, math.nan, 3.0)):
            nbtrack.log_metric("val/loss", value, step=step, timestamp=run.info.start_time + 500 * step)
    ids = [three[0], run.info.run_id, "0" * 32]
    reply, buffers = curves(ids, ["val/loss", "val/accuracy"])
    assert [(s["run_id"], s["key"], s["points"]) for s in reply["series"]] == [
        (three[0], "val/loss", 1),
        (three[0], "val/accuracy", 1),
        (run.info.run_id, "val/loss", 3),
    ]
    assert np.array_equal(buffers[5], [1, np.nan, 3], equal_nan=True)
    _, (x, _) = curves([run.info.run_id], ["val/loss"], x_axis="relative")
    assert x.tolist() == [0, 0.5, 1]
    _, (x, _) = curves([run.info.run_id], ["val/loss"], x_axis="relative", x_min=0.25, x_max=0.75)
    assert x.tolist() == [0.5]
    _, (x, _) = curves([run.info.run_id], ["val/loss"], x_axis="time")
    assert x[0] == run.info.start_time
    assert curves([], [])[0]["series"] == []


def test_runs_side_by_side(three: list[str]) -> None:
    reply, _ = ask("diff", run_ids=[three[2], three[0]])
    assert reply["run_names"] == ["run 2", "run 0"]
    rows = {(row["section"], row["key"]): row for row in reply["rows"]}
    assert rows["param", "lr"]["values"] == ["0.001", "0.1"]
    assert rows["param", "lr"]["differs"]
    assert not rows["param", "activation"]["differs"]
    assert rows["metric", "val/loss"]["differs"]


def test_a_live_run_has_its_panels_curves_and_error() -> None:
    run = nbtrack.start_run()
    nbtrack.log_metric("score", 1)
    for step in range(10):
        nbtrack.log_metrics({"train/loss": 1.0, "val/loss": 2.0, "val_accuracy": 0.5, "lr": 0.1}, step=step)
    during, _ = ask("live", run_id=run.info.run_id, max_points=500)
    with pytest.raises(ZeroDivisionError), run:
        _ = 1 / 0
    assert during["run"]["status"] == "RUNNING"
    assert during["error"] is None
    after, buffers = ask("live", run_id=run.info.run_id, max_points=500)
    assert after["run"]["status"] == "FAILED"
    assert after["error"] == "ZeroDivisionError: division by zero"
    assert {panel["title"]: panel["keys"] for panel in after["panels"]} == {
        "accuracy": ["val_accuracy"],
        "loss": ["train/loss", "val/loss"],
        "lr": ["lr"],
    }
    assert len(buffers) == 2 * len(after["series"]) == 10
    assert [row["points"] for row in after["summary"] if row["key"] == "score"] == [1]


def test_every_invalid_request_gets_an_error_reply(three: list[str]) -> None:
    wrong = [
        ("nope", {}, InvalidParameter),
        ("runs", {}, InvalidParameter),
        ("live", {"run_id": "0" * 32, "max_points": 100}, NotFound),
        ("registry", {"name": "nope"}, NotFound),
        ("register", {"run_id": three[0], "artifact_path": None, "name": "m"}, InvalidParameter),
        (
            "transition",
            {
                "name": "nope",
                "version": 1,
                "stage": "Production",
                "archive_existing_versions": True,
                "reason": "",
                "expected_stage": "None",
                "expected_current": [],
                "override_gates": False,
            },
            NotFound,
        ),
    ]
    page = {"filter": "", "experiment_ids": None, "order_by": [], "grouped": False, "unfolded": [], "offset": 0}
    page["limit"] = 10
    drop = "0; DROP TABLE runs"
    wrong += [("runs", page | {number: drop}, InvalidParameter) for number in ("offset", "limit")]
    for name, payload, kind in wrong:
        with pytest.raises(kind) as caught:
            views.handle(nbtrack.MlflowClient(), name, payload)
        reply = views.error_reply(caught.value)
        assert reply["message"]
        assert reply["error_code"] == kind.error_code
    with pytest.raises(QueryError) as error:
        runs("metrics.m >")
    reply = views.error_reply(error.value)
    assert reply["position"] == 11
    assert any("number" in words for words in reply["expected"])
    assert views.error_reply(RuntimeError())["message"] == "RuntimeError"


def test_a_filter_is_completed_with_what_the_store_holds(three: list[str]) -> None:
    def offered(text: str, position: int) -> list[str]:
        return [each["text"] for each in ask("complete", text=text, position=position)[0]["completions"]]

    assert offered("metrics.lo > 3", 10) == ["metrics.`val/loss`"]
    assert offered("params.activation = '", 21) == ["'relu'"]
    assert offered("params.lr >> ", 13) == []
    (loss,) = ask("complete", text="run_name != '👾' and val/l", position=25)[0]["completions"]
    assert loss == {"text": "metrics.`val/loss`", "kind": "name", "start": 20, "end": 25, "detail": "3 runs"}
    with pytest.raises(InvalidParameter, match="position must be an integer"):
        ask("complete", text="", position="3")


def test_completions_and_hints_are_about_the_experiments_of_the_screen() -> None:
    for name, key, value in (("one", "alpha", "a"), ("two", "beta", "b")):
        nbtrack.set_experiment(name)
        with nbtrack.start_run():
            nbtrack.log_param("shared", value)
            nbtrack.log_metric(f"{key}/loss", 1)
    client = nbtrack.MlflowClient()
    one = nbtrack.get_experiment_by_name("one").experiment_id

    def offered(text: str, scope: list[str] | None) -> list[tuple[str, str]]:
        payload = {"text": text, "position": len(text), "experiment_ids": None}
        found = views.handle(client, "complete", payload, scope)[0]["completions"]
        return [(each["text"], each["detail"]) for each in found]

    assert offered("metrics.", [one]) == [("metrics.`alpha/loss`", "1 run")]
    assert offered("params.", [one]) == [("params.shared", "1 run")]
    assert offered("params.", None) == [("params.shared", "2 runs")]
    assert offered("params.shared = ", [one]) == [("'a'", "1 run")]
    assert offered("run_name = '", []) == []
    page = {"order_by": [], "grouped": False, "unfolded": [], "offset": 0, "limit": 10, "experiment_ids": None}
    for scope, near in (([one], ["metrics.`alpha/loss`"]), (None, ["metrics.`alpha/loss`", "metrics.`beta/loss`"])):
        reply = views.handle(client, "runs", {**page, "filter": "metrics.loss < 5"}, scope)[0]
        assert reply["hints"] == [{"key": "metrics.loss", "near": near}]


def test_the_values_of_a_column_are_those_of_the_runs_in_their_order() -> None:
    nbtrack.set_experiment("colors")
    data = nbtrack.data.from_numpy(np.zeros(3), name="digits")
    with nbtrack.start_run(run_name="parent") as parent:
        nbtrack.log_params({"lr": 0.1, "a`b": "x", "other": 1})
        nbtrack.set_tag("team", "red")
        nbtrack.log_input(data)
        with nbtrack.start_run(run_name="child", nested=True) as child:
            nbtrack.log_param("lr", "1e-1")
    ids = [child.info.run_id, "0" * 32, parent.info.run_id]

    def values(column: str) -> list[str | None]:
        found: list[str | None] = ask("values", run_ids=ids, column=column)[0]["values"]
        return found

    assert values("params.lr") == ["1e-1", None, "0.1"]
    assert values('params."a`b"') == values("params.a`b") == [None, None, "x"]
    assert values("tags.`team`") == [None, None, "red"]
    assert values("attributes.status") == ["FINISHED", None, "FINISHED"]
    assert values("attributes.run_name") == ["child", None, "parent"]
    assert values("attributes.experiment") == ["colors", None, "colors"]
    assert values("attributes.parent") == ["parent", None, None]
    assert values("datasets.name") == [None, None, "digits"]
    assert str(values("datasets.digest")[2]).startswith("digits (")
    for wrong in ("lr", "params.", "attributes.artifact_uri", "metrics.loss", "__class__.x"):
        with pytest.raises(InvalidParameter, match=r"column must be a param such as params\.lr"):
            values(wrong)


def test_the_matches_of_a_filter_that_is_being_written_are_counted(three: list[str]) -> None:
    assert ask("matches", filter="", experiment_ids=None)[0] == {"total": 3}
    assert ask("matches", filter=f"run_id = '{three[0]}'", experiment_ids=None)[0] == {"total": 1}
    assert ask("matches", filter="", experiment_ids=[])[0] == {"total": 0}
    with pytest.raises(QueryError) as error:
        ask("matches", filter="metrics.loss >", experiment_ids=None)
    assert views.error_reply(error.value)["position"] == 14


def test_the_filters_that_a_user_applied_last_are_kept_in_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("filters")[0] == {"filters": []}
    for number in range(25):
        ask("keep_filter", filter=f"metrics.loss < {number}")
    for not_kept in ("  ", "x" * 2_001):
        ask("keep_filter", filter=not_kept)
    found = ask("keep_filter", filter="metrics.loss < 10")[0]["filters"]
    assert found[:3] == ["metrics.loss < 10", "metrics.loss < 24", "metrics.loss < 23"]
    assert len(found) == len(set(found)) == 20
    assert ask("filters")[0] == {"filters": found}
    # Each user has their own.
    monkeypatch.setattr("nbtrack.client.settings.user", lambda: "another")
    assert ask("filters")[0] == {"filters": []}
    for written in ("{", '"a"', '[1, null, "a = 1", ""]'):
        nbtrack.MlflowClient()._store.set_setting("filters", "another", written)
        assert ask("filters")[0] == {"filters": ["a = 1"] if written.startswith("[") else []}
    with pytest.raises(InvalidParameter, match="NUL"):
        ask("keep_filter", filter="a\0b")


def test_a_filter_on_a_key_that_no_run_has_names_those_that_may_be_meant() -> None:
    with nbtrack.start_run():
        nbtrack.log_metrics({"val/accuracy": 0.9, "train/loss": 0.1})
        nbtrack.log_param("model/depth", 3)
    assert runs("metrics.accuracy > 0.5 and params.deepth = '3'")["hints"] == [
        {"key": "metrics.accuracy", "near": ["metrics.`val/accuracy`"]},
        {"key": "params.deepth", "near": ["params.`model/depth`"]},
    ]
    for typo in ("val/acuracy", "vla/accuracy"):
        assert runs(f"metrics.`{typo}` > 0.5")["hints"] == [
            {"key": f"metrics.{typo}", "near": ["metrics.`val/accuracy`"]}
        ]
    assert runs("metrics.`val/accuracy` > 0.95")["hints"] == []
    assert "hints" not in runs("metrics.`val/accuracy` > 0.5")
    with pytest.raises(QueryError) as caught:
        runs("accuracy > 0.95")
    assert caught.value.reason == "Attribute 'accuracy' does not exist. Did you mean metrics.`val/accuracy`?"
    assert caught.value.expected[0] == "metrics.`val/accuracy`"
    assert "metrics.accuracy" not in caught.value.expected
    with pytest.raises(QueryError, match=r"metrics\.something"):
        runs("something > 0.95")


def test_statistics_of_a_metric_are_of_all_its_points_and_of_the_last_ten() -> None:
    with nbtrack.start_run():
        for step in reversed(range(25)):
            nbtrack.log_metric("loss", 24.0 - step, step=step)
        nbtrack.log_metric("one", 3.0)
    page = {"filter": "", "experiment_ids": None, "order_by": [], "grouped": False, "unfolded": [], "offset": 0}
    (row,) = ask("runs", **page, limit=5, metrics=["loss"], statistics=["loss", "one"])[0]["rows"]
    assert row["metrics"] == {"loss": 0.0}
    assert row["statistics"]["loss"] == {"first": 24.0, "low": 0.0, "high": 24.0, "mean": 12.0, "tail": 4.5}
    assert row["statistics"]["one"]["tail"] == 3.0
