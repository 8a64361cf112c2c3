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
    from .analysis import aggregate, curves, sql
    from .autologging import autolog
    from .client import Client
    from .client import Client as MlflowClient
    from .client.moving import export, import_runs, merge
    from .config import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
    from .entities import ViewType
    from .errors import NbtrackError
    from .fluent import (
        active_run,
        backup,
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        delete_run,
        delete_tag,
        doctor,
        end_run,
        get_artifact_uri,
        get_experiment,
        get_experiment_by_name,
        get_parent_run,
        get_run,
        last_active_run,
        log_artifact,
        log_artifacts,
        log_batch,
        log_best,
        log_dict,
        log_figure,
        log_image,
        log_input,
        log_inputs,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_series,
        log_table,
        log_text,
        move_runs,
        rename_experiment,
        restore_backup,
        restore_experiment,
        restore_run,
        rewind,
        search_experiments,
        search_runs,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
        set_tag,
        set_tags,
        start_run,
        tag_runs,
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
    "active_run": "fluent",
    "ActiveRun": "runs.active_run",
    "aggregate": "analysis",
    "autolog": "autologging",
    "backup": "fluent",
    "Client": "client",
    "compare": "widgets",
    "create_experiment": "fluent",
    "curves": "analysis",
    "delete_experiment": "fluent",
    "delete_experiment_tag": "fluent",
    "delete_run": "fluent",
    "delete_tag": "fluent",
    "disable_system_metrics_logging": "runs.system_metrics",
    "doctor": "fluent",
    "enable_system_metrics_logging": "runs.system_metrics",
    "end_run": "fluent",
    "export": "client.moving",
    "get_artifact_uri": "fluent",
    "get_experiment": "fluent",
    "get_experiment_by_name": "fluent",
    "get_parent_run": "fluent",
    "get_registry_uri": "fluent.registry",
    "get_run": "fluent",
    "get_tracking_uri": "config",
    "import_runs": "client.moving",
    "is_tracking_uri_set": "config",
    "last_active_run": "fluent",
    "lineage": "fluent.registry",
    "load_ipython_extension": "magics",
    "log_artifact": "fluent",
    "log_artifacts": "fluent",
    "log_batch": "fluent",
    "log_best": "fluent",
    "log_dict": "fluent",
    "log_figure": "fluent",
    "log_image": "fluent",
    "log_input": "fluent",
    "log_inputs": "fluent",
    "log_metric": "fluent",
    "log_metrics": "fluent",
    "log_param": "fluent",
    "log_params": "fluent",
    "log_series": "fluent",
    "log_table": "fluent",
    "log_text": "fluent",
    "merge": "client.moving",
    "MlflowClient": "client",
    "move_runs": "fluent",
    "NbtrackError": "errors",
    "register_model": "models",
    "registry": "widgets",
    "rename_experiment": "fluent",
    "restore_backup": "fluent",
    "restore_experiment": "fluent",
    "restore_run": "fluent",
    "rewind": "fluent",
    "search_experiments": "fluent",
    "search_model_versions": "fluent.registry",
    "search_registered_models": "fluent.registry",
    "search_runs": "fluent",
    "set_experiment": "fluent",
    "set_experiment_tag": "fluent",
    "set_experiment_tags": "fluent",
    "set_fsync": "journal.syncing",
    "set_model_version_tag": "fluent.registry",
    "set_registry_uri": "fluent.registry",
    "set_system_metrics_node_id": "runs.system_metrics",
    "set_system_metrics_samples_before_logging": "runs.system_metrics",
    "set_system_metrics_sampling_interval": "runs.system_metrics",
    "set_tag": "fluent",
    "set_tags": "fluent",
    "set_tracking_uri": "config",
    "sql": "analysis",
    "start_run": "fluent",
    "tag_runs": "fluent",
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
