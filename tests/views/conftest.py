"""A store with something for each view, and a valid request of each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.views.view_state import default_view
from tests.conftest import made_once

ML_MODEL = "artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow.sklearn\n"


def fill() -> None:
    """Log three runs and register one of them."""
    client = nbtrack.MlflowClient()
    for index in range(3):
        with nbtrack.start_run(run_name=f"run {index}") as run:
            nbtrack.log_param("lr", index)
            for step in range(4):
                nbtrack.log_metrics({"loss": 1 / (step + 1 + index), "system/cpu": 1.0}, step=step)
            nbtrack.log_text(ML_MODEL, "model/MLmodel")
    client.create_registered_model("digits")
    for _ in range(2):
        client.create_model_version("digits", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.transition_model_version_stage("digits", 1, "Production")
    client.create_registered_model("letters")
    for number in (1, 2, 3):
        client.create_model_version("letters", f"s3://models/{number}")
    for number in (1, 2):
        client.transition_model_version_stage("letters", number, "Production", archive_existing_versions=True)
    client.save_view("weekly", {"query": "metrics.loss < 1", "sorts": "not a list"})


def valid_requests() -> dict[str, dict[str, Any]]:
    """Return a valid request of each view about the runs that `fill` logged."""
    runs = nbtrack.search_runs(filter_string="run_name LIKE 'run %'", output_format="list")
    run_ids = [run.info.run_id for run in runs]
    page = {"offset": 0, "limit": 10}
    columns = {"column_offset": 0, "column_limit": 5}
    change = {"archive_existing_versions": True, "reason": "", "expected_stage": None, "expected_current": None}
    return {
        "runs": {
            "filter": "",
            "experiment_ids": None,
            "order_by": [],
            "grouped": True,
            "unfolded": [],
            **page,
            **columns,
            "group": {"by": "params.lr", "key": "n:1"},
            "baseline_group": {"by": "params.lr", "key": "n:0"},
        },
        "groups": {
            "filter": "",
            "experiment_ids": None,
            "by": "params.lr",
            "order_by": ["metrics.loss ASC"],
            "statistic": "mean",
            "params": ["lr"],
            "metrics": ["loss"],
            "columns": ["min(metrics.loss)"],
            "baseline": run_ids[0],
            "baseline_group": "n:1",
            **page,
        },
        "group_curves": {
            "filter": "",
            "experiment_ids": None,
            "by": "params.lr",
            "groups": ["n:0", "n:2", "none"],
            "metrics": ["loss", "system/cpu"],
            "x_axis": "step",
            "x_min": None,
            "x_max": None,
            "max_points": 100,
        },
        "group_columns": {"filter": "", "experiment_ids": None, "search": "L", **page},
        "columns": {"filter": "", "experiment_ids": None, "order_by": ["metrics.loss"], **page},
        "saved_views": {"name": "weekly", **page},
        "save_view": {"name": "monthly", "view": default_view(), "replace": False},
        "delete_view": {"name": "weekly"},
        "python": {"view": default_view(), "experiment_ids": ["0"]},
        "complete": {"text": "metrics.lo", "position": 10, "experiment_ids": None, **page},
        "values": {"run_ids": run_ids, "column": "params.lr"},
        "matches": {"filter": "metrics.loss < 1", "experiment_ids": None},
        "filters": {"limit": 10},
        "keep_filter": {"filter": "metrics.loss < 1"},
        "curves": {
            "run_ids": run_ids,
            "keys": ["loss"],
            "x_axis": "step",
            "x_min": None,
            "x_max": None,
            "max_points": 100,
            "known": ["0"],
        },
        "diff": {
            "run_ids": run_ids,
            "by": "params.lr",
            "groups": ["n:0", "n:2"],
            "filter": "",
            "experiment_ids": None,
            **page,
        },
        "live": {
            "run_id": run_ids[0],
            "max_points": 100,
            "param_offset": 0,
            "dataset_offset": 0,
            "change_offset": 0,
            **page,
        },
        "edit_run": {
            "run_id": run_ids[2],
            "name": "renamed",
            "note": "Better than it looks.",
            "set_tags": {"team": "vision"},
            "delete_tags": ["old"],
            "seen": {"name": "run 0", "note": "", "tags": {"team": None, "old": None}},
        },
        "run_page": {
            "run_id": run_ids[0],
            "param_search": "LR",
            "param_offset": 0,
            "metric_offset": 0,
            "dataset_offset": 0,
            "package_offset": 0,
            "change_offset": 0,
        },
        "artifacts": {"run_id": run_ids[0], "path": "model", **page},
        "artifact": {"run_id": run_ids[0], "path": "model/MLmodel", "whole": False},
        "registry": {"name": None, "search": "DIG", "filter": "@champion", "versions": 5, "events": 5, **page},
        "versions": {"name": "digits", "stage": "None", "filter": "metrics.loss < 1", **page},
        "events": {"name": "digits", **page},
        "lineage": {"name": "digits", "version": 1, **page},
        "register": {"run_id": run_ids[1], "artifact_path": "model", "name": "digits"},
        "transition": {"name": "digits", "version": 2, "stage": "Staging", "override_gates": False, **change},
        "preview_transition": {"name": "letters", "version": None, "stage": "Production"},
        "rollback": {
            "name": "letters",
            "stage": "Production",
            "reason": "",
            "expected_current": [2],
            "expected_restored": 1,
            "override_gates": False,
        },
        "delete_version": {"name": "letters", "version": 3, "reason": "", "expected_stage": "None"},
        "set_alias": {"name": "digits", "alias": "champion", "version": 1, "expected_version": None},
        "set_version_tag": {"name": "digits", "version": 1, "key": "ok", "value": "yes", "expected_value": None},
    }


@pytest.fixture(scope="session")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screens") / "store"
    with made_once(folder):
        fill()
    return folder


@pytest.fixture
def requests(filled_store: Path, own_store: Path) -> dict[str, dict[str, Any]]:
    """A valid request of each view, about runs that are in the store."""
    shutil.copytree(filled_store, own_store)
    running = nbtrack.Client().create_run("0", run_name="stopped from a screen")
    return {**valid_requests(), "stop_run": {"run_id": running.info.run_id, "reason": "It is too slow"}}
