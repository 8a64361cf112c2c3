"""The data of the reading tests: a store with a little of everything, logged through the public API."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nbtrack import MlflowClient
from nbtrack.entities import DATASET_CONTEXT, Dataset, DatasetInput, InputTag, Metric

START = 1_790_000_000_000
"""When the first run began; each began a second after the one before."""
POINTS = 300
"""Of the run `long`, whose metric has a spike and a gap."""


class Filler:
    """Logs runs at fixed times and remembers their IDs by name."""

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self.ids: dict[str, str] = {}

    def run(
        self,
        name: str,
        metrics: Mapping[str, list[float]] | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        *,
        experiment: str = "0",
        parent: str | None = None,
        datasets: tuple[tuple[str, str, str | None], ...] = (),
        status: str | None = "FINISHED",
    ) -> str:
        start = START + 1000 * len(self.ids)
        marks = {} if parent is None else {"mlflow.parentRunId": self.ids[parent]}
        made = self.client.create_run(experiment, start, {**marks, **(tags or {})}, name)
        run_id = self.ids[name] = made.info.run_id
        points = [
            Metric(key, value, start + 10 * step, step)
            for key, values in (metrics or {}).items()
            for step, value in enumerate(values)
        ]
        self.client.log_batch(run_id, points, [], [])
        for key, value in (params or {}).items():
            self.client.log_param(run_id, key, value)
        self.client.log_inputs(
            run_id,
            [
                DatasetInput(
                    Dataset(dataset, digest, "local", "{}"),
                    [] if context is None else [InputTag(DATASET_CONTEXT, context), InputTag("fold", "1")],
                )
                for dataset, digest, context in datasets
            ],
        )
        if status is not None:
            self.client.set_terminated(run_id, status, start + 500)
        return run_id


def fill(client: MlflowClient) -> dict[str, str]:
    """Log everything, and return the IDs of the runs by their names."""
    filler = Filler(client)
    digits = client.create_experiment("digits", "/elsewhere/digits", {"team": "vision"})
    client.create_experiment("Ümläut's")
    client.create_experiment("gone")
    client.delete_experiment("3")

    filler.run("alpha", {"loss": [3.0, 2.0, 0.5], "Val/acc": [0.5, 0.9]}, {"lr": "0.1", "act": "relu"}, {"n": "7"})
    filler.run("Beta", {"loss": [3.0, 0.05, 1.0], "Val/acc": [0.7]}, {"lr": "1e-3", "act": "Relu"}, {"n": "10"})
    filler.run("ätna", {"loss": [2.0, math.nan, math.nan], "a b": [1.0]}, {"lr": "007", "act": "tanh"})
    filler.run("_x", {"loss": [math.nan]}, {"lr": "auto", "Zeta": "1"}, {"note": "it's 100%"}, status="FAILED")
    filler.run("a%b", {"loss": [1.0, math.inf], "huge": [1e300]}, {"lr": "0.10"}, experiment=digits)
    filler.run("a_b", {"loss": [-math.inf], "huge": [2e300]}, {"lr": "inf"}, experiment=digits, status=None)
    filler.run("none", experiment=digits, datasets=(("digits", "d1", "train"), ("Iris", "d2", None)))
    filler.run("data", {"loss": [0.5]}, datasets=(("digits", "d1", "eval"), ("digits", "d1", "train")))
    filler.run("deleted", {"loss": [0.1]}, {"lr": "0.5"})
    client.delete_run(filler.ids["deleted"])

    # Two studies; the second one's trial has a run nested in it.
    direction = {"direction": "MINIMIZE"}
    filler.run("study", {"best_value": [0.1]}, tags=direction)
    for number, value in enumerate((0.5, 0.1, math.nan)):
        filler.run(
            f"trial {number}", {"value": [value], "system/cpu": [1.0]}, {"lr": str(number)}, direction, parent="study"
        )
    filler.run("sweep")
    filler.run("d", {"loss": [0.7]}, {"depth": "1"}, parent="sweep")
    filler.run("e", {"loss": [0.2]}, {"depth": "2"}, parent="d")

    client.log_param(filler.ids["alpha"], "act", "gelu")
    values = [math.sin(step / 20) for step in range(POINTS)]
    values[77], values[111] = 50.0, math.nan
    filler.run("long", {"curve": values})

    client.create_registered_model("digits", {"team": "vision"}, "Reads digits")
    client.create_registered_model("Iris", {"Team": "x"})
    for name in ("alpha", "Beta", "ätna"):
        run_id = filler.ids[name]
        client.create_model_version("digits", f"runs:/{run_id}/model", run_id, {"from": name})
    client.create_model_version("Iris", f"runs:/{filler.ids['e']}/model/sub")
    client.transition_model_version_stage("digits", 1, "Production")
    client.transition_model_version_stage("digits", 2, "Production", archive_existing_versions=True, reason="better")
    client.set_registered_model_alias("digits", "Best", 2)
    client.set_registered_model_alias("digits", "any", 1)
    client.copy_model_version("models:/digits/2", "copies")
    return filler.ids
