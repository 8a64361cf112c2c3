"""Runs on both backends: searches, orders, pages, data and columns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbtrack.entities import ViewType
from nbtrack.errors import NotFound
from nbtrack.query import RUNS

from .conftest import Both
from .data import START

ORDINARY = ["alpha", "Beta", "ätna", "_x", "data", "study", "trial 0", "trial 1", "trial 2", "sweep", "d", "e", "long"]


def found(both: Both, text: str = "", *order_by: str, view: ViewType = ViewType.ACTIVE_ONLY) -> list[str]:
    """Return the names of the runs that match, in any experiment, by start time unless `order_by` says otherwise."""
    clauses = list(order_by) or ["start_time ASC"]
    page = both.same(lambda store: store.search_runs(None, text, view, 1000, clauses))
    columns = both.same(lambda store: store.search_columns(None, text, view, 1000, clauses))
    assert [run.info.run_id for run in page] == list(columns["run_id"])
    return [run.info.run_name for run in page]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("metrics.loss < 1", "alpha|a_b|data|d|e"),
        ("metrics.loss > 0.6", "Beta|a%b|d"),
        ("metrics.loss = NaN", "ätna|_x"),
        ("metrics.loss != NaN AND metrics.loss != 0.5", "Beta|a%b|a_b|d|e"),
        ("min(metrics.loss) < 0.1", "Beta|a_b"),
        ("max(metrics.loss) >= 3 AND NOT last(metrics.loss) = inf", "alpha|Beta"),
        ("mean(metrics.loss) BETWEEN 1 AND 2", "alpha|Beta|ätna"),
        ("first(metrics.loss) = 2 OR count(metrics.`Val/acc`) = 2", "alpha|ätna"),
        ("count(metrics.curve) = 300", "long"),
        ("params.lr < 0.2", "alpha|Beta|a%b|trial 0"),
        ("params.lr = 0.1", "alpha|a%b"),
        ("params.lr = '0.1'", "alpha"),
        ("params.lr LIKE '0_%'", "alpha|ätna|a%b"),
        ("params.lr IN ('auto', 'inf')", "_x|a_b"),
        ("params.lr IS NULL AND tags.direction IS NOT NULL", "study"),
        ("params.act ILIKE 'r%'", "Beta"),
        ("tags.n > 8", "Beta"),
        ("tags.note LIKE '%s 100\\%'", "_x"),
        ("run_name LIKE 'a\\_b'", "a_b"),
        ("run_name ILIKE 'ÄT%'", "ätna"),
        ("run_name = 'alpha' OR NOT run_name LIKE '%a%' AND NOT run_name LIKE '%e%'", "alpha|_x|study|d|long"),
        ("status != 'finished'", "_x|a_b"),
        ("experiment = 'digits' AND status = 'RUNNING'", "a_b"),
        ("experiment_id = '1' AND experiment_id IN ('1', '7')", "a%b|a_b|none"),
        ("duration < 501ms AND end_time IS NOT NULL AND experiment_id = 1", "a%b|none"),
        ("datasets.name = 'digits' AND datasets.context != 'train'", "data"),
        ("datasets.digest = 'd2'", "none"),
        ("NOT datasets.name = 'Iris'", "data"),
        ("parent = 'study' AND metrics.value < 1", "trial 0|trial 1"),
        ("parent IS NOT NULL AND parent NOT IN ('study', 'sweep')", "e"),
        ("children('sweep')", "d"),
        (f"start_time BETWEEN {START + 1000} AND {START + 2999}", "Beta|ätna"),
        ("start_time < '2026-09-21T14:13:21+00:00'", "alpha"),
        ("start_time < now() - 7d AND run_name = 'alpha' OR start_time > now() + 9000w", "alpha"),
        ("user_id = 'nobody'", ""),
    ],
)
def test_filters(both: Both, text: str, names: str) -> None:
    assert "|".join(found(both, text)) == names


@pytest.mark.parametrize(
    ("order_by", "first"),
    [
        # Missing values come last and NaN before them, in both directions.
        ("metrics.loss", "a_b|e|data|alpha|d|Beta|a%b|_x|ätna"),
        ("metrics.loss DESC", "a%b|Beta|d|data|alpha|e|a_b|_x|ätna"),
        # Params are ordered as numbers, then as strings.
        ("params.lr", "trial 0|Beta|a%b|alpha|trial 1|trial 2|ätna|a_b|_x"),
        ("params.lr DESC", "a_b|ätna|trial 2|trial 1|a%b|alpha|Beta|trial 0|_x"),
        # Strings are ordered by their bytes: capitals first, other alphabets last.
        ("run_name", "Beta|_x|a%b|a_b|alpha|d|data|e"),
        ("run_name DESC", "ätna|trial 2|trial 1|trial 0|sweep|study|none|long"),
        ("params.act", "Beta|alpha|ätna"),
        ("datasets.name", "none|data"),
        ("parent, run_name", "e|trial 0|trial 1|trial 2|d"),
        ("experiment DESC, start_time", "a%b|a_b|none|alpha"),
        ("end_time DESC", "long|e"),
        ("min(metrics.loss)", "a_b|Beta|e|data|alpha"),
        ("duration, status DESC", "long|e"),
    ],
)
def test_orders(both: Both, order_by: str, first: str) -> None:
    wanted = first.split("|")
    assert found(both, "", *order_by.split(", "))[: len(wanted)] == wanted


def test_views_and_experiments(both: Both) -> None:
    assert found(both, "", view=ViewType.DELETED_ONLY) == ["deleted"]
    assert len(found(both, "", view=ViewType.ALL)) == len(both.ids)
    assert found(both) == [name for name in both.ids if name != "deleted"]
    for ids, names in ((["0"], ORDINARY), (["1"], ["a%b", "a_b", "none"]), (["7", "x", "9" * 19], []), ([], [])):
        page = both.same(lambda store, ids=ids: store.search_runs(ids, "", ViewType.ACTIVE_ONLY, 99, ["start_time"]))
        assert [run.info.run_name for run in page] == names


def test_pages_follow_one_another(both: Both) -> None:
    names, token, pages = [], None, 0
    while pages == 0 or token:
        page = both.same(
            lambda store, token=token: store.search_runs(None, "", ViewType.ALL, 4, ["metrics.loss"], token)
        )
        names += [run.info.run_name for run in page]
        token, pages = page.token, pages + 1
    assert pages == math.ceil(len(both.ids) / 4)
    assert names == found(both, "", "metrics.loss", view=ViewType.ALL)


def test_a_run_whole(both: Both) -> None:
    run = both.same(lambda store: store.get_runs([both.ids["_x"]]))[0]
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FAILED", START + 3000, START + 3500)
    assert math.isnan(run.data.metrics["loss"])
    assert run.data.params == {"Zeta": "1", "lr": "auto"}
    assert list(run.data.params) == ["Zeta", "lr"]
    assert run.data.tags["note"] == "it's 100%"
    data = both.same(lambda store: store.get_runs([both.ids["data"]]))[0].inputs.dataset_inputs
    assert {(each.dataset.name, each.tags[0].value, each.tags[1].value) for each in data} == {
        ("digits", "eval", "1"),
        ("digits", "train", "1"),
    }
    deleted = both.same(lambda store: store.get_runs([both.ids["deleted"]]))[0]
    assert deleted.info.lifecycle_stage == "deleted"


def test_runs_by_id(both: Both) -> None:
    ids = [both.ids["Beta"], "0" * 32, both.ids["alpha"]]
    assert [run.info.run_id for run in both.same(lambda store: store.get_runs(ids))] == [ids[0], ids[2]]
    assert both.same(lambda store: store.get_runs([])) == []
    columns = both.same(lambda store: store.search_columns(None, "", ViewType.ALL, 9, [], run_ids=ids))
    assert list(columns["run_id"]) == [ids[0], ids[2]]
    assert both.same(lambda store: store.find_runs(["0"], "metrics.`Val/acc` > 0")) == [ids[0], ids[2]]
    for store in (both.duckdb, both.postgres):
        with pytest.raises(NotFound, match="does not exist"):
            store.get_runs(ids, strict=True)


def test_changed_params_keep_their_history(both: Both) -> None:
    (changed,) = both.same(lambda store: store._param_history(both.ids["alpha"]))
    assert changed[:2] == ("act", "relu")
    assert both.same(lambda store: store._param_history(both.ids["Beta"])) == []


def test_columns(both: Both) -> None:
    columns = both.same(lambda store: store.search_columns(None, "", ViewType.ACTIVE_ONLY, 5, ["start_time"]))
    keys = [key for key in columns if key.startswith(("metrics.", "params."))]
    assert keys == [
        "metrics.Val/acc",
        "metrics.a b",
        "metrics.huge",
        "metrics.loss",
        *["params.Zeta", "params.act", "params.lr"],
    ]
    assert columns["start_time"].dtype == np.dtype("datetime64[us]")
    assert columns["start_time"].tolist() == [np.datetime64(START + 1000 * n, "ms").item() for n in range(5)]
    loss = columns["metrics.loss"]
    assert np.ma.getmaskarray(loss).sum() == 0
    assert str(loss.tolist()) == "[0.5, 1.0, nan, nan, inf]"
    assert columns["metrics.a b"].tolist() == [None, None, 1.0, None, None]
    assert columns["params.act"].tolist() == ["gelu", "Relu", "tanh", None, None]
    running = both.same(lambda store: store.search_columns(None, "status = 'RUNNING'", ViewType.ALL, 5, []))
    assert np.isnat(running["end_time"]).tolist() == [True]
    nothing = both.same(lambda store: store.search_columns(None, "user_id = 'x'", ViewType.ALL, 5, []))
    assert {len(column) for column in nothing.values()} == {0}


def test_artifact_uris_are_those_that_users_see(both: Both) -> None:
    runs = both.same(lambda store: store.search_runs(None, "", ViewType.ACTIVE_ONLY, 1000, []))
    uris = {run.info.run_id: run.info.artifact_uri for run in runs}
    assert not any("artifacts:" in uri for uri in uris.values())
    run_id, uri = min(uris.items(), key=lambda item: item[1])
    assert found(both, f"artifact_uri = '{uri}'") == [runs[[*uris].index(run_id)].info.run_name]
    assert found(both, "artifact_uri LIKE 'artifacts:%'") == []
    ordered = both.same(lambda store: store.search_runs(None, "", ViewType.ACTIVE_ONLY, 1000, ["artifact_uri"]))
    assert [run.info.artifact_uri for run in ordered] == sorted(uris.values())
    groups = both.same(lambda store: store.aggregate(None, f"artifact_uri = '{uri}'", ["artifact_uri"], []))
    assert list(groups["artifact_uri"]) == [uri]
    attribute = RUNS.attribute("artifact_uri")
    offered = both.same(lambda store: store.known(RUNS).values(attribute, run_id))
    assert [value for value, _ in offered] == ([uri] if len(uri) <= 100 else [])
    location = both.same(lambda store: store.get_experiment("0")).artifact_location
    assert "artifacts:" not in location
    by_location = ["artifact_location"]
    page = both.same(
        lambda store: store.search_experiments(
            ViewType.ACTIVE_ONLY, 10, f"artifact_location = '{location}'", by_location, None
        )
    )
    assert [experiment.experiment_id for experiment in page] == ["0"]
