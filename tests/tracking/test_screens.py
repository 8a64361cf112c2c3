"""Test that screens show datasets, and keep system metrics out of the way."""

from __future__ import annotations

from typing import Any

import numpy as np

import nbtrack
from nbtrack import views

MACHINE = {
    "system/cpu_utilization_percentage": 50.0,
    "system/system_memory_usage_megabytes": 900.0,
    "system/network_receive_megabytes": 1.5,
    "system/node-1/gpu_0_power_usage_watts": 70.0,
    "system/something_new": 1.0,
    "system/process_memory_megabytes": 300.0,
    "system/process_gpu_0_utilization_percentage": 30.0,
    "system/node-1/process_threads": 8.0,
}


def make(name: str, rows: int, **tags: str) -> str:
    with nbtrack.start_run(run_name=name, tags=tags) as run:
        nbtrack.log_input(nbtrack.data.from_numpy(np.arange(rows), source="data/train.npy"), context="training")
        nbtrack.log_input(nbtrack.data.from_numpy(np.arange(3), name="odd"))
        for i in range(3):
            nbtrack.log_metrics({"loss": 1.0 / (i + 1), **{key: value + i + rows for key, value in MACHINE.items()}})
    return str(run.info.run_id)


def ask(name: str, **payload: Any) -> dict[str, Any]:
    return views.handle(nbtrack.MlflowClient(), name, payload)[0]


def test_the_table_has_no_columns_for_system_metrics_but_their_curves_can_be_drawn() -> None:
    runs = [make("a", 5), make("b", 6)]
    page = ask("runs", filter="", experiment_ids=None, order_by=[], grouped=True, unfolded=[], offset=0, limit=10)
    assert (page["metrics"], page["system"]) == (["loss"], sorted(MACHINE))
    assert all(set(row["metrics"]) == {"loss"} for row in page["rows"])
    key = "system/cpu_utilization_percentage"
    curves = ask("curves", run_ids=runs, keys=[key], x_axis="step", x_min=None, x_max=None, max_points=10)
    assert [series["key"] for series in curves["series"]] == [key, key]


def test_datasets_side_by_side() -> None:
    runs = [make("a", 5), make("b", 6)]
    rows = {(row["section"], row["key"]): row for row in ask("diff", run_ids=runs)["rows"]}
    digests = [nbtrack.data.from_numpy(np.arange(n)).digest for n in (5, 6, 3)]
    training = rows["dataset", "training"]
    assert (training["values"], training["differs"]) == ([f"train ({digests[0]})", f"train ({digests[1]})"], True)
    other = rows["dataset", "dataset"]
    assert (other["values"], other["differs"]) == ([f"odd ({digests[2]})"] * 2, False)
    assert {key for section, key in rows if section == "metric"} == {"loss"}
    assert {key for section, key in rows if section == "system"} == set(MACHINE)


def test_the_live_view() -> None:
    reply = ask("live", run_id=make("a", 5), max_points=100)
    assert [panel["keys"] for panel in reply["panels"]] == [["loss"]]
    assert [(panel["scope"], panel["title"]) for panel in reply["system"]] == [
        ("process", "Resident memory, MB"),
        ("process", "GPU use, %"),
        ("process", "Threads"),
        ("machine", "GPU power, W"),
        ("machine", "CPU, memory and disk, %"),
        ("machine", "Network since the start, MB"),
        ("machine", "Memory, MB"),
        ("machine", "something_new"),
    ]
    assert [row["key"] for row in reply["summary"]] == ["loss"]
    shown = {(row["context"], row["name"], row["rows"], row["source"]) for row in reply["datasets"]}
    assert shown == {("training", "train", 5, "data/train.npy"), (None, "odd", 3, "")}


def test_system_metrics_do_not_count_as_changes_between_attempts() -> None:
    first = make("a", 5)
    second = make("a", 6, **{"nbtrack.previous_run": first, "nbtrack.attempt": "2"})
    attempt = ask("live", run_id=second, max_points=100)["attempt"]
    assert attempt["changes"] == []


def test_results_that_differ_between_attempts_are_better_or_worse() -> None:
    results = [
        {"loss": 0.5, "acc": 0.8, "val/gap": 1.0, "err": float("nan"), "mae": 1.0, "old": 1.0, "same": 1.0},
        {"loss": 0.4, "acc": 0.7, "val/gap": 2.0, "err": 9.0, "mae": float("nan"), "new": 1.0, "same": 1.0},
    ]
    nbtrack.define_metric("val/gap", mode="min")
    tags: dict[str, str] = {}
    for metrics in results:
        with nbtrack.start_run(tags=tags) as run:
            nbtrack.log_metrics(metrics)
            midway = ask("live", run_id=run.info.run_id, max_points=100)["attempt"]
        tags = {"nbtrack.previous_run": run.info.run_id}
    attempt = ask("live", run_id=run.info.run_id, max_points=100)["attempt"]
    assert {change["key"]: change.get("better") for change in attempt["changes"]} == {
        "acc": False,
        "err": True,
        "loss": True,
        "mae": False,
        "new": None,
        "old": None,
        "val/gap": False,
    }
    assert not [change for change in midway["changes"] if "better" in change], "these are not results yet"


def test_a_run_with_hostile_tags_and_datasets_is_shown() -> None:
    client, first = nbtrack.MlflowClient(), make("a", 5)
    run_id = client.create_run("0", tags={"nbtrack.previous_run": first, "nbtrack.attempt": "9" * 5000}).info.run_id
    dataset = nbtrack.entities.Dataset("d", "1", "local", "[" * 100_000, profile="[" * 100_000)
    client.log_inputs(run_id, [nbtrack.entities.DatasetInput(dataset, [])])
    reply = ask("live", run_id=run_id, max_points=100)
    assert reply["attempt"]["number"] == 999_999_999
    assert [(row["rows"], row["source"]) for row in reply["datasets"]] == [(None, "")]
