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
    assert [panel["title"] for panel in reply["system"]] == [
        "GPU power, W",
        "CPU, memory and disk, %",
        "Network since the start, MB",
        "Memory, MB",
        "something_new",
    ]
    assert [row["key"] for row in reply["summary"]] == ["loss"]
    shown = {(row["context"], row["name"], row["rows"], row["source"]) for row in reply["datasets"]}
    assert shown == {("training", "train", 5, "data/train.npy"), (None, "odd", 3, "")}


def test_system_metrics_do_not_count_as_changes_between_attempts() -> None:
    first = make("a", 5)
    second = make("a", 6, **{"nbtrack.previous_run": first, "nbtrack.attempt": "2"})
    attempt = ask("live", run_id=second, max_points=100)["attempt"]
    assert attempt["changes"] == []
