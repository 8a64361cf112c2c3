"""Every list of a reply that can grow comes in pages, with the number of all items."""

from __future__ import annotations

from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.entities import Dataset, DatasetInput
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.tags import PREVIOUS_RUN

pytestmark = pytest.mark.slow


def ask(view: str, /, **payload: Any) -> dict[str, Any]:
    return views.handle(nbtrack.MlflowClient(), view, payload)[0]


@pytest.fixture
def many() -> nbtrack.MlflowClient:
    """The models a to e; the model c has 30 versions, of which version 2 is in Production and 1 in Archived."""
    client = nbtrack.MlflowClient()
    for name in "edcba":
        client.create_registered_model(name)
    for _ in range(30):
        client.create_model_version("c", "s3://elsewhere/model")
    client.transition_model_version_stage("c", 1, "Production")
    client.transition_model_version_stage("c", 2, "Production", archive_existing_versions=True)
    return client


def test_models_come_in_pages_by_name(many: nbtrack.MlflowClient) -> None:
    first = ask("registry", name=None, limit=2)
    assert ([model["name"] for model in first["models"]], first["count"]) == (["a", "b"], 5)
    assert [model["name"] for model in ask("registry", name=None, limit=2, offset=4)["models"]] == ["e"]
    assert ask("registry", name=None, offset=5) == {"models": [], "count": 5}
    with pytest.raises(NotFound):
        ask("registry", name="f")


def test_models_are_found_by_a_part_of_their_name() -> None:
    client = nbtrack.MlflowClient()
    for name in ("Churn_2024", "churn%", "churnX2024", "digits"):
        client.create_registered_model(name)

    def found(search: str, **page: int) -> tuple[list[str], int]:
        reply = ask("registry", name=None, search=search, **page)
        return [model["name"] for model in reply["models"]], reply["count"]

    assert found("") == (["Churn_2024", "churn%", "churnX2024", "digits"], 4)
    assert found("CHURN", limit=1, offset=1) == (["churn%"], 3)
    # Characters that mean something in a pattern are searched for as they are.
    assert found("n_2") == (["Churn_2024"], 1)
    assert found("%") == (["churn%"], 1)
    assert found("\\") == found("nothing") == ([], 0)
    assert ask("registry", name="digits", search="churn")["models"][0]["name"] == "digits"


def test_a_model_has_the_newest_versions_of_each_stage(many: nbtrack.MlflowClient) -> None:
    reply = ask("registry", name="c", versions=3, events=2)
    assert reply["count"] == 1
    (model,) = reply["models"]
    assert model["stages"] == {"None": 28, "Production": 1, "Archived": 1}
    assert [version["version"] for version in model["versions"]] == [30, 29, 28, 2, 1]
    assert (len(model["events"]), model["event_count"]) == (2, 34)
    (light,) = ask("registry", name="c", versions=0, events=0)["models"]
    assert (light["versions"], light["events"], light["stages"]) == ([], [], model["stages"])


def test_versions_of_a_stage_go_on(many: nbtrack.MlflowClient) -> None:
    numbers: list[int] = []
    while True:
        reply = ask("versions", name="c", stage="None", offset=len(numbers), limit=12)
        if not reply["versions"]:
            break
        numbers += [version["version"] for version in reply["versions"]]
    assert (numbers, reply["count"]) == (list(range(30, 2, -1)), 28)
    assert ask("versions", name="c", stage="Staging") == {"versions": [], "count": 0}
    assert ask("versions", name="a", stage="None") == {"versions": [], "count": 0}


def test_events_go_on(many: nbtrack.MlflowClient) -> None:
    everything = [(event.kind, event.version) for event in many.get_history("c")]
    first, second = (ask("events", name="c", limit=20, offset=offset) for offset in (0, 20))
    found = [(event["kind"], event["version"]) for event in first["events"] + second["events"]]
    assert (found, first["count"]) == (everything, len(everything))


def test_a_model_that_takes_the_name_of_a_deleted_one_has_its_own_history(many: nbtrack.MlflowClient) -> None:
    many.delete_registered_model("c")
    many.create_registered_model("c")
    (model,) = ask("registry", name="c")["models"]
    assert ([event["kind"] for event in model["events"]], model["event_count"]) == (["created"], 1)


def test_the_rows_of_a_diff_come_in_pages() -> None:
    with nbtrack.start_run() as run:
        nbtrack.log_params({f"p{index:02}": index for index in range(30)})
    whole = ask("diff", run_ids=[run.info.run_id])
    pages = [ask("diff", run_ids=[run.info.run_id], offset=offset, limit=20) for offset in (0, 20, 40)]
    assert [row for page in pages for row in page["rows"]] == whole["rows"]
    assert {page["count"] for page in pages} == {len(whole["rows"])}
    assert ask("diff", run_ids=[])["count"] == 0


def test_the_metrics_of_a_live_run_come_in_pages() -> None:
    with nbtrack.start_run() as run:
        for step in range(2):
            nbtrack.log_metrics({"system/cpu": 1.0} | {f"z{index:02}": index for index in range(10)}, step=step)
    pages = [ask("live", run_id=run.info.run_id, max_points=10, offset=offset, limit=8) for offset in (0, 8)]
    assert [page["metric_count"] for page in pages] == [11, 11]
    keys = [[series["key"] for series in page["series"]] for page in pages]
    assert keys == [[f"z{index:02}" for index in range(8)], ["z08", "z09", "system/cpu"]]
    assert [len(page["system"]) for page in pages] == [0, 1]
    assert [len(page["summary"]) for page in pages] == [8, 2]


def test_the_params_datasets_and_changes_of_a_live_run_come_in_pages() -> None:
    client = nbtrack.MlflowClient()
    with nbtrack.start_run() as previous:
        nbtrack.log_params({f"p{index:03}": index for index in range(250)})
    with nbtrack.start_run() as run:
        nbtrack.log_params({f"p{index:03}": index + 1 for index in range(250)})
        nbtrack.set_tag(PREVIOUS_RUN, previous.info.run_id)
        client.log_inputs(
            run.info.run_id, [DatasetInput(Dataset(f"d{index:03}", "1", "local", "{}"), []) for index in range(205)]
        )
    first = ask("live", run_id=run.info.run_id, max_points=10)
    rest = ask("live", run_id=run.info.run_id, max_points=10, param_offset=200, dataset_offset=200, change_offset=200)
    for reply, sizes in ((first, (200, 200, 200)), (rest, (50, 5, 50))):
        assert (len(reply["run"]["params"]), len(reply["datasets"]), len(reply["attempt"]["changes"])) == sizes
        assert (reply["param_count"], reply["dataset_count"], reply["attempt"]["change_count"]) == (250, 205, 250)
    assert len({**first["run"]["params"], **rest["run"]["params"]}) == 250
    assert len({one["name"] for one in first["datasets"] + rest["datasets"]}) == 205
    changes = first["attempt"]["changes"] + rest["attempt"]["changes"]
    assert [change["key"] for change in changes] == [f"p{index:03}" for index in range(250)]


def runs(order_by: tuple[str, ...] = (), filter: str = "", **page: int) -> dict[str, Any]:
    rest = {"experiment_ids": None, "grouped": True, "unfolded": None, "offset": 0, "limit": 10}
    return ask("runs", filter=filter, order_by=list(order_by), **rest, **page)


@pytest.fixture
def wide() -> nbtrack.entities.Run:
    """A run with 30 params, of which p27 differs from its child run, 12 metrics and 3 system metrics."""
    metrics = {f"m{index:02}": float(index) for index in range(11)} | {"val_loss": 1.0}
    with nbtrack.start_run() as run:
        nbtrack.log_params({f"p{index:02}": index for index in range(30)})
        nbtrack.log_metrics(metrics | {f"system/{index}": 1.0 for index in range(3)})
        with nbtrack.start_run(nested=True):
            nbtrack.log_params({f"p{index:02}": index for index in range(27)} | {"p27": -1, "p28": 28, "p29": 29})
            nbtrack.log_metrics(metrics)
    return run


def test_the_columns_of_runs_come_in_pages(wide: nbtrack.entities.Run) -> None:
    whole = runs()
    pages = [runs(column_offset=offset, column_limit=8) for offset in (0, 8, 16, 24, 32)]
    counts = ("param_count", "differing_count", "metric_count", "system_count")
    assert {tuple(page[count] for count in counts) for page in pages} == {(30, 1, 12, 3)}
    assert [len(page["params"]) for page in pages] == [8, 8, 8, 6, 0]
    assert [len(page["metrics"]) for page in pages] == [8, 4, 0, 0, 0]
    assert [len(page["system"]) for page in pages] == [3, 0, 0, 0, 0]
    for kind in ("params", "metrics"):
        keys = [column["key"] if kind == "params" else column for page in pages for column in page[kind]]
        assert sorted(keys) == sorted(whole["rows"][0][kind])
        for page in pages:
            columns = {column["key"] if kind == "params" else column for column in page[kind]}
            assert all(row[kind].keys() <= columns for row in page["rows"])
    for page in pages:
        assert page["best"].keys() == {*page["metrics"], *page["system"]}
        assert {*page["lower_is_better"]} <= {*page["metrics"]}
        assert page["rows"][0]["nested_best"].keys() == {*page["metrics"]}
    values: dict[str, str] = {}
    for page in pages:
        values |= page["rows"][0]["params"]
    assert values == whole["rows"][0]["params"]


def test_the_first_page_has_the_columns_that_matter(wide: nbtrack.entities.Run) -> None:
    def first(order_by: tuple[str, ...] = (), filter: str = "") -> tuple[list[str], list[str]]:
        reply = runs(order_by, filter, column_limit=3)
        return [param["key"] for param in reply["params"]], reply["metrics"]

    assert first() == (["p27", "p00", "p01"], ["val_loss", "m00", "m01"])
    assert first(("metrics.`m07` DESC", 'params."p20" ASC')) == (["p20", "p27", "p00"], ["m07", "val_loss", "m00"])
    assert first(("metric.m10",), "metrics.m09 > 0 and param.p15 = '15'")[1] == ["m10", "m09", "val_loss"]
    assert runs(("metrics.m07",))["metrics"] == [*(f"m{index:02}" for index in range(11)), "val_loss"]


def test_only_the_columns_in_sight_are_read(wide: nbtrack.entities.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    run_rows = views.runs.run_rows

    def counting(source: Any, found: Any) -> Any:
        seen.append((len(found[0].data.params), len(found[0].data.metrics)))
        return run_rows(source, found)

    monkeypatch.setattr(views.runs, "run_rows", counting)
    page = runs(params=["p27", "p03"], metrics=["m07", "val_loss"], statistics=["m07"], baseline=wide.info.run_id)
    parent, child = page["rows"]
    assert (parent["params"], child["params"]) == ({"p27": "27", "p03": "3"}, {"p27": "-1", "p03": "3"})
    assert parent["metrics"] == {"m07": 7.0, "val_loss": 1.0}
    assert parent["statistics"] == {"m07": {"first": 7.0, "low": 7.0, "high": 7.0, "mean": 7.0, "tail": 7.0}}
    assert page["baseline"]["metrics"] == parent["metrics"]
    assert page["best_values"] == {}, "Both runs have the same values."
    assert page["lower_is_better"] == ["val_loss"]
    assert page["params"] == [{"key": "p03", "differs": False}, {"key": "p27", "differs": True}]
    assert "metric_count" not in page
    assert seen[-1] == (2, 2)
    brief = runs(params=["p27", "p03"], metrics=["m07", "val_loss"], statistics=["m07"], summary=False)
    assert (brief["rows"], brief["total"], brief["count"]) == (page["rows"], page["total"], page["count"])
    assert [brief[name] for name in ("params", "best", "best_values", "lower_is_better")] == [[], {}, {}, []]
    runs(column_limit=3)
    assert seen[-1] == (3, 6), "The metrics are those of the page, and three system metrics."
    assert "baseline" not in runs(baseline="0" * 32)


def test_the_names_of_all_columns_come_in_their_order(wide: nbtrack.entities.Run) -> None:
    every = ask("columns", filter="", experiment_ids=None, order_by=["metrics.m07"])
    assert [param["key"] for param in every["params"]][:2] == ["p27", "p00"]
    assert every["metrics"][:3] == ["m07", "val_loss", "m00"]
    assert (every["param_count"], every["metric_count"]) == (30, 12)
    assert every["lower_is_better"] == ["val_loss"]
    assert len(every["guessed"]) == 12
    nbtrack.define_metric("m0*", mode="min")
    part = ask("columns", filter="", experiment_ids=None, order_by=["metrics.m07"], offset=1, limit=3)
    assert part["metrics"] == ["val_loss", "m00", "m01"]
    assert part["lower_is_better"] == ["val_loss", "m00", "m01"]
    assert part["guessed"] == ["val_loss"]


def test_completions_come_in_pages() -> None:
    with nbtrack.start_run():
        nbtrack.log_params({f"p{index:03}": index for index in range(150)})
    pages = [ask("complete", text="params.p", position=8, offset=offset) for offset in (0, 60, 120, 180)]
    assert {page["count"] for page in pages} == {150}
    assert [len(page["completions"]) for page in pages] == [60, 60, 30, 0]
    offered = [each["text"] for page in pages for each in page["completions"]]
    assert offered == [f"params.p{index:03}" for index in range(150)]


def test_a_page_is_never_longer_than_its_bound(many: nbtrack.MlflowClient) -> None:
    with pytest.raises(InvalidParameter, match="limit must be between 1 and 100, not 101"):
        ask("registry", name=None, limit=101)
    with pytest.raises(InvalidParameter, match="column_limit must be between 1 and 500, not 501"):
        runs(column_limit=501)
    with pytest.raises(InvalidParameter, match="versions must be between 0 and 500, not 501"):
        ask("registry", name=None, versions=501)
    with pytest.raises(InvalidParameter, match="limit times versions must be at most 5,000, not 50,000"):
        ask("registry", name=None, limit=100, versions=500)
    assert len(ask("registry", name="c", limit=100, versions=500)["models"][0]["versions"]) == 30
    with pytest.raises(InvalidParameter, match="limit must be between 1 and 500, not 0"):
        ask("versions", name="c", stage="None", limit=0)
