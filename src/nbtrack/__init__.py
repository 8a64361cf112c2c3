"""nbtrack: an experiment tracker that lives in the notebook.

Runs go into one embedded DuckDB file in the folder `.nbtrack`; the names and meanings are MLflow's.

>>> import nbtrack
>>> with nbtrack.start_run(run_name="baseline"):
...     nbtrack.log_param("lr", 0.1)
...     for loss in (0.9, 0.5, 0.4):
...         nbtrack.log_metric("train/loss", loss)
0.1
>>> best = nbtrack.search_runs(filter_string="metrics.`train/loss` < 0.5 AND params.lr = 0.1")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# For what it registers, which must be now.
from . import process_end as _process_end  # noqa: F401
from .integrations import install_finder as _install_finder

if TYPE_CHECKING:
    from . import artifacts, client, data, entities, errors, models, query, tracking
    from .autologging import autolog
    from .client import Client
    from .client import Client as MlflowClient
    from .config import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
    from .entities import ViewType
    from .errors import NbtrackError
    from .fluent.analysis import aggregate, curves, sql
    from .fluent.experiments import (
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        get_experiment,
        get_experiment_by_name,
        rename_experiment,
        restore_experiment,
        search_experiments,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
    )
    from .fluent.files import (
        get_artifact_uri,
        log_artifact,
        log_artifacts,
        log_best,
        log_dict,
        log_figure,
        log_image,
        log_table,
        log_text,
    )
    from .fluent.logging import (
        delete_tag,
        log_batch,
        log_input,
        log_inputs,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_series,
        set_tag,
        set_tags,
    )
    from .fluent.registry import (
        get_registry_uri,
        lineage,
        search_model_versions,
        search_registered_models,
        set_model_version_tag,
        set_registry_uri,
        versions_from,
        wait_for_stage,
        watch,
    )
    from .fluent.runs import (
        active_run,
        delete_run,
        end_run,
        get_parent_run,
        get_run,
        last_active_run,
        move_runs,
        restore_run,
        rewind,
        start_run,
        tag_runs,
    )
    from .fluent.search import search_runs
    from .fluent.upkeep import backup, doctor, restore_backup
    from .integrations import pyfunc, sklearn
    from .journal.syncing import set_fsync
    from .magics import load_ipython_extension, unload_ipython_extension
    from .models import register_model
    from .runs.active_run import ActiveRun
    from .runs.system_metrics import (
        disable_system_metrics_logging,
        enable_system_metrics_logging,
        set_system_metrics_node_id,
        set_system_metrics_samples_before_logging,
        set_system_metrics_sampling_interval,
    )
    from .transfer import export, import_runs, merge
    from .widgets import compare, registry

__version__ = "0.1.0"

# `import nbtrack.sklearn`
_install_finder()

__all__ = [
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

_HOMES = {
    "active_run": "fluent.runs",
    "ActiveRun": "runs.active_run",
    "aggregate": "fluent.analysis",
    "autolog": "autologging",
    "backup": "fluent.upkeep",
    "Client": "client",
    "compare": "widgets",
    "create_experiment": "fluent.experiments",
    "curves": "fluent.analysis",
    "delete_experiment": "fluent.experiments",
    "delete_experiment_tag": "fluent.experiments",
    "delete_run": "fluent.runs",
    "delete_tag": "fluent.logging",
    "disable_system_metrics_logging": "runs.system_metrics",
    "doctor": "fluent.upkeep",
    "enable_system_metrics_logging": "runs.system_metrics",
    "end_run": "fluent.runs",
    "export": "transfer",
    "get_artifact_uri": "fluent.files",
    "get_experiment": "fluent.experiments",
    "get_experiment_by_name": "fluent.experiments",
    "get_parent_run": "fluent.runs",
    "get_registry_uri": "fluent.registry",
    "get_run": "fluent.runs",
    "get_tracking_uri": "config",
    "import_runs": "transfer",
    "is_tracking_uri_set": "config",
    "last_active_run": "fluent.runs",
    "lineage": "fluent.registry",
    "load_ipython_extension": "magics",
    "log_artifact": "fluent.files",
    "log_artifacts": "fluent.files",
    "log_batch": "fluent.logging",
    "log_best": "fluent.files",
    "log_dict": "fluent.files",
    "log_figure": "fluent.files",
    "log_image": "fluent.files",
    "log_input": "fluent.logging",
    "log_inputs": "fluent.logging",
    "log_metric": "fluent.logging",
    "log_metrics": "fluent.logging",
    "log_param": "fluent.logging",
    "log_params": "fluent.logging",
    "log_series": "fluent.logging",
    "log_table": "fluent.files",
    "log_text": "fluent.files",
    "merge": "transfer",
    "MlflowClient": "client",
    "move_runs": "fluent.runs",
    "NbtrackError": "errors",
    "register_model": "models",
    "registry": "widgets",
    "rename_experiment": "fluent.experiments",
    "restore_backup": "fluent.upkeep",
    "restore_experiment": "fluent.experiments",
    "restore_run": "fluent.runs",
    "rewind": "fluent.runs",
    "search_experiments": "fluent.experiments",
    "search_model_versions": "fluent.registry",
    "search_registered_models": "fluent.registry",
    "search_runs": "fluent.search",
    "set_experiment": "fluent.experiments",
    "set_experiment_tag": "fluent.experiments",
    "set_experiment_tags": "fluent.experiments",
    "set_fsync": "journal.syncing",
    "set_model_version_tag": "fluent.registry",
    "set_registry_uri": "fluent.registry",
    "set_system_metrics_node_id": "runs.system_metrics",
    "set_system_metrics_samples_before_logging": "runs.system_metrics",
    "set_system_metrics_sampling_interval": "runs.system_metrics",
    "set_tag": "fluent.logging",
    "set_tags": "fluent.logging",
    "set_tracking_uri": "config",
    "sql": "fluent.analysis",
    "start_run": "fluent.runs",
    "tag_runs": "fluent.runs",
    "unload_ipython_extension": "magics",
    "versions_from": "fluent.registry",
    "ViewType": "entities",
    "wait_for_stage": "fluent.registry",
    "watch": "fluent.registry",
}
"""The module that each public name lives in; it is imported when the name is first used."""

_COMPANIONS = {"query": "store"}
"""A module that one needs whose layer must not import it: the store knows the names that a filter is completed with."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        home = importlib.import_module(f".{_HOMES[name]}", __name__)
        value = home.Client if name == "MlflowClient" else getattr(home, name)
    elif name.startswith("_"):
        raise AttributeError(name)
    else:
        if name in _COMPANIONS:
            importlib.import_module(f".{_COMPANIONS[name]}", __name__)
        # A module, or a flavor: the import system finds both.
        try:
            value = importlib.import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"module 'nbtrack' has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
