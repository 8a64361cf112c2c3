"""What users may rely on, and what `import nbtrack` costs them."""

from __future__ import annotations

import doctest
import importlib
import json
import subprocess
import sys

import pytest

import nbtrack

HEAVY = {"IPython", "anywidget", "duckdb", "ipywidgets", "lark", "numpy", "pandas", "psutil", "pyarrow", "sklearn"}

PUBLIC = [
    "ActiveRun",
    "Client",
    "MlflowClient",
    "NbtrackError",
    "ViewType",
    "active_run",
    "aggregate",
    "artifacts",
    "autolog",
    "backup",
    "client",
    "compare",
    "create_experiment",
    "curves",
    "data",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_run",
    "delete_tag",
    "disable_system_metrics_logging",
    "doctor",
    "enable_system_metrics_logging",
    "end_run",
    "entities",
    "errors",
    "export",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_parent_run",
    "get_registry_uri",
    "get_run",
    "get_tracking_uri",
    "import_runs",
    "is_tracking_uri_set",
    "last_active_run",
    "lineage",
    "load_ipython_extension",
    "log_artifact",
    "log_artifacts",
    "log_batch",
    "log_best",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_series",
    "log_table",
    "log_text",
    "merge",
    "models",
    "move_runs",
    "pyfunc",
    "query",
    "register_model",
    "registry",
    "rename_experiment",
    "restore_backup",
    "restore_experiment",
    "restore_run",
    "rewind",
    "search_experiments",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_fsync",
    "set_model_version_tag",
    "set_registry_uri",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "sklearn",
    "sql",
    "start_run",
    "tag_runs",
    "tracking",
    "unload_ipython_extension",
    "versions_from",
    "wait_for_stage",
    "watch",
]

MODELS = [
    "MLMODEL",
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Location",
    "Map",
    "Model",
    "ModelInfo",
    "ModelSignature",
    "ModelVersionUri",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "RunUri",
    "Schema",
    "TensorSpec",
    "get_model_info",
    "infer_signature",
    "locate",
    "parse_uri",
    "register_model",
    "set_signature",
]


def test_public_names() -> None:
    """A name that comes or goes is a decision: it is made here too."""
    assert list(nbtrack.__all__) == sorted(nbtrack.__all__)
    assert set(nbtrack.__all__) == set(PUBLIC)
    assert set(nbtrack.models.__all__) == set(MODELS)


def test_every_public_name_is_there_documented_and_listed() -> None:
    for name in PUBLIC:
        assert (getattr(nbtrack, name).__doc__ or "").strip(), name
    for name in MODELS:
        assert (getattr(nbtrack.models, name).__doc__ or "").strip(), name
    assert set(PUBLIC) <= set(dir(nbtrack))


@pytest.mark.slow
def test_the_examples_of_the_documentation_run() -> None:
    runner = doctest.DocTestRunner()
    homes = {"nbtrack", "nbtrack.data", *(getattr(nbtrack, name).__module__ for name in nbtrack._HOMES)}
    # An example uses the public names of other modules too, as `from nbtrack import *` gives them.
    names = {"nbtrack": nbtrack} | {name: getattr(nbtrack, name) for name in PUBLIC}
    for home in sorted(homes):
        for example in doctest.DocTestFinder().find(importlib.import_module(home), extraglobs=names):
            runner.run(example)
            # A log call starts a run where none is active.
            while nbtrack.active_run() is not None:
                nbtrack.end_run()
    assert runner.tries > 20
    assert runner.failures == 0, "what failed is printed above"


def test_import_pulls_in_nothing_heavy() -> None:
    code = "import sys, json, nbtrack; print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(json.loads(imported))
