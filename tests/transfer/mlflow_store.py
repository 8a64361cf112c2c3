"""A store with something of everything, written by the real MLflow. It runs in a process of its own: MLflow keeps its
settings in the process, and so do we.

python -m tests.transfer.mlflow_store FOLDER files|sqlite         makes it
python -m tests.transfer.mlflow_store FOLDER files|sqlite more    adds what comes later
python -m tests.transfer.mlflow_store FOLDER files|sqlite newer   makes a store of what nbtrack does not have

Each prints what MLflow's own client then says about the store, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING"] = "false"

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag, ViewType


def tracking_uri(folder: Path, kind: str) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}" if kind == "sqlite" else (folder / "mlruns").as_uri()


def make(folder: Path, client: MlflowClient) -> None:
    digits = client.create_experiment("digits/ü", tags={"owner": "ann"})
    mlflow.set_experiment(experiment_id=digits)
    with mlflow.start_run(run_name="parent", description="the first") as parent:
        parent_id = parent.info.run_id
        mlflow.log_params({"lr": 0.1, "text": "two\nlines\r\nand a third", "empty": ""})
        points = [(float("nan"), 0), (float("inf"), 1), (float("-inf"), 2), (1 / 3, 3), (-0.25, -4), (1e-300, 2**40)]
        for value, step in points:
            mlflow.log_metric("loss", value, step=step)
        client.log_batch(parent_id, [Metric("a/deep/key", i / 7, 1_700_000_000_000 + i, i) for i in range(50)])
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_dict({"a": 1}, "config.json")
        dataset = mlflow.data.from_pandas(pd.DataFrame({"x": [1.0, 2.0]}), name="train", source="data.csv")
        mlflow.log_input(dataset, context="training", tags={"split": "a/b"})
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("score", 0.5)
            with mlflow.start_run(run_name="grandchild", nested=True):
                mlflow.set_tag("deep", "yes")
        with mlflow.start_run(run_name="deleted child", nested=True) as deleted:
            mlflow.log_metric("score", 0.1)
        # As log_model does, without the seconds that it takes to pin requirements.
        model = mlflow.models.Model(artifact_path="model", run_id=parent_id)
        model.add_flavor("python_function", loader_module="none", env="conda.yaml")
        local = folder / "model-files"
        local.mkdir()
        model.save(str(local / "MLmodel"))
        logged = mlflow.initialize_logged_model(name="model", source_run_id=parent_id)
        client.log_model_artifacts(logged.model_id, str(local))
        mlflow.finalize_logged_model(logged.model_id, "READY")
    client.delete_run(deleted.info.run_id)
    client.create_run(digits, run_name="still running", start_time=1_700_000_000_001)
    failed = client.create_run("0", run_name="failed", start_time=1_700_000_000_000)
    client.log_param(failed.info.run_id, "k", "v")
    client.set_terminated(failed.info.run_id, "FAILED", 1_700_000_005_000)
    gone = client.create_experiment("gone")
    client.create_run(gone, run_name="went along")
    client.delete_experiment(gone)

    client.create_registered_model("digits", tags={"task": "vision"}, description="numbers")
    client.create_model_version("digits", f"models:/{logged.model_id}", parent_id, description="logged")
    client.create_model_version("digits", f"runs:/{parent_id}/notes", parent_id, tags={"k": "v"})
    client.create_model_version("digits", f"{parent.info.artifact_uri}/notes", parent_id)
    client.create_model_version("digits", f"runs:/{parent_id}/notes", parent_id)
    client.delete_model_version("digits", "4")
    client.transition_model_version_stage("digits", "1", "Archived")
    client.transition_model_version_stage("digits", "2", "Production")
    client.set_registered_model_alias("digits", "champion", "2")
    client.create_registered_model("empty")


def make_more(client: MlflowClient) -> None:
    """Change the store after the first import: old runs continue, new ones are added, a version is promoted."""
    experiment = client.get_experiment_by_name("digits/ü")
    (running,) = client.search_runs([experiment.experiment_id], "attributes.run_name = 'still running'")
    client.log_batch(
        running.info.run_id,
        [Metric("late", float(i), 1_700_000_000_100 + i, i) for i in range(3)],
        [Param("late", "yes")],
        [RunTag("late", "tag")],
    )
    client.set_terminated(running.info.run_id, "FINISHED")
    (parent,) = client.search_runs([experiment.experiment_id], "attributes.run_name = 'parent'")
    client.log_metric(parent.info.run_id, "loss", 0.125, step=9)
    client.set_tag(parent.info.run_id, "mlflow.note.content", "rewritten")
    client.create_run(experiment.experiment_id, run_name="new")
    client.create_model_version("digits", f"runs:/{parent.info.run_id}/notes", parent.info.run_id)
    client.transition_model_version_stage("digits", "5", "Staging")
    client.set_registered_model_alias("digits", "champion", "5")


def make_newer(folder: Path, client: MlflowClient) -> None:
    """Create logged models with data of their own, a prompt, a trace, and in a database a dataset for evaluations."""
    mlflow.set_experiment("newer")
    with mlflow.start_run(run_name="trains") as trains:
        mlflow.log_param("lr", 0.1)
        data = {"params": {"lr": "0.1", "depth": "3"}, "tags": {"team": "vision"}}
        logged = mlflow.initialize_logged_model(name="model", source_run_id=trains.info.run_id, **data)
        local = folder / "model-files"
        local.mkdir()
        (local / "MLmodel").write_text("flavors: {}\n")
        client.log_model_artifacts(logged.model_id, str(local))
        mlflow.finalize_logged_model(logged.model_id, "READY")
        mlflow.log_metric("loss", 0.5, step=1, model_id=logged.model_id)
        client.log_outputs(trains.info.run_id, [LoggedModelOutput(logged.model_id, 0)])
    with mlflow.start_run(run_name="evaluates") as evaluates:
        client.log_inputs(evaluates.info.run_id, models=[LoggedModelInput(logged.model_id)])
    mlflow.initialize_logged_model(name="alone", params={"a": "1"})
    with mlflow.start_span("work"):
        pass
    mlflow.flush_trace_async_logging()
    mlflow.genai.register_prompt(name="greet", template="Hello {{name}}")
    if (folder / "mlflow.db").exists():
        mlflow.genai.datasets.create_dataset(name="questions", experiment_id=[trains.info.experiment_id])


def describe(client: MlflowClient) -> dict[str, Any]:
    """Return the content of the store as MLflow's client reports it."""
    experiments = client.search_experiments(ViewType.ALL)
    names = {experiment.experiment_id: experiment.name for experiment in experiments}
    runs = client.search_runs(list(names), run_view_type=ViewType.ALL)
    return {
        "experiments": {
            experiment.name: {"stage": experiment.lifecycle_stage, "tags": experiment.tags}
            for experiment in experiments
        },
        "runs": {run.info.run_id: _run(client, run, names) for run in runs},
        "models": {model.name: _model(client, model) for model in client.search_registered_models()},
    }


def _run(client: MlflowClient, run: Any, names: dict[str, str]) -> dict[str, Any]:
    info, run_id = run.info, run.info.run_id
    return {
        "experiment": names[info.experiment_id],
        "name": info.run_name,
        "status": info.status,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "stage": info.lifecycle_stage,
        "params": run.data.params,
        "tags": run.data.tags,
        # As texts: JSON has no word for NaN.
        "latest": {key: repr(_unclipped(value)) for key, value in run.data.metrics.items()},
        "history": {
            key: sorted(
                [point.step, point.timestamp, repr(_unclipped(point.value))]
                for point in client.get_metric_history(run_id, key)
            )
            for key in run.data.metrics
        },
        "artifacts": sorted(_artifacts(run)) if info.lifecycle_stage == "active" else [],
        "inputs": [
            [
                *(one.dataset.name, one.dataset.digest, one.dataset.source_type, one.dataset.source),
                *(one.dataset.profile, {tag.key: tag.value for tag in one.tags}),
            ]
            for one in (run.inputs.dataset_inputs if run.inputs else [])
        ],
    }


def _unclipped(value: float) -> float:
    """Convert the largest number, which MLflow's databases store and its client returns for infinity."""
    return float("inf") * (1 if value > 0 else -1) if abs(value) == sys.float_info.max else value


def _artifacts(run: Any, path: str | None = None) -> list[list[Any]]:
    """Return the run's files. MLflow 3 lists logged models only under their own paths."""
    found: list[list[Any]] = []
    infos = mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path=path)
    for info in infos:
        found += _artifacts(run, info.path) if info.is_dir else [[info.path, info.file_size]]
    if path is None:
        for model in mlflow.search_logged_models([run.info.experiment_id], output_format="list"):
            if model.source_run_id == run.info.run_id:
                found += _artifacts(run, model.name)
    return found


def _model(client: MlflowClient, model: Any) -> dict[str, Any]:
    versions = client.search_model_versions(f"name = '{model.name}'")
    return {
        "description": model.description or "",
        "tags": model.tags,
        "aliases": {alias: int(version) for alias, version in client.get_registered_model(model.name).aliases.items()},
        "times": [model.creation_timestamp, model.last_updated_timestamp],
        "versions": {
            str(version.version): {
                "stage": version.current_stage,
                "description": version.description or "",
                "run_id": version.run_id,
                "tags": version.tags,
                "times": [version.creation_timestamp, version.last_updated_timestamp],
            }
            for version in versions
        },
    }


if __name__ == "__main__":
    place, kind, *more = sys.argv[1:]
    os.chdir(place)
    uri = tracking_uri(Path(place), kind)
    mlflow.set_tracking_uri(uri)
    mlflow_client = MlflowClient(uri)
    if more == ["newer"]:
        make_newer(Path(place), mlflow_client)
    elif more:
        make_more(mlflow_client)
    else:
        make(Path(place), mlflow_client)
    print(json.dumps(describe(mlflow_client)))
