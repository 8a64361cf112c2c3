"""The commands of `%track`, one function each."""

from __future__ import annotations

from collections.abc import Callable

from .. import autologging, config
from ..client import Client
from ..fluent import experiments
from ..fluent.analysis import sql
from ..runs import stack
from .arguments import LineCommand
from .tables import Overview, RunTable

LAST_RUNS = 5
"""How many runs `%track` shows."""
LISTED_RUNS = 50
"""How many runs `%track list` shows."""


def run(command: LineCommand) -> object:
    """Run a command and return the value that the cell displays."""
    commands: dict[str, Callable[[str], object]] = {
        "": lambda _: overview(),
        "experiment": set_experiment,
        "list": list_runs,
        "compare": compare,
        "registry": registry,
        "run": run_project,
        "sql": sql,
        "autolog": autolog,
    }
    return commands[command.command](command.argument)


def compare(filter_string: str) -> object:
    """Return the comparison widget for the runs that match the filter."""
    # This imports ipywidgets and anywidget, for which `%load_ext nbtrack` must not wait.
    from .. import widgets

    return widgets.compare(filter_string)


def registry(name: str) -> object:
    """Return the registry widget for one model, or for all of them."""
    # This imports ipywidgets and anywidget, for which `%load_ext nbtrack` must not wait.
    from .. import widgets

    return widgets.registry(name or None)


def run_project(arguments: str) -> object:
    """Run a project, show its run and its output, and return the SubmittedRun."""
    # This imports what creates environments, for which `%load_ext nbtrack` must not wait.
    from . import project

    return project.run(arguments)


def autolog(state: str) -> None:
    """Turn autologging on or off for every framework, and print for which frameworks it is on."""
    if state == "on":
        autologging.autolog()
    elif state == "off":
        autologging.switch_off()
    names = [name for name, settings in autologging.known().items() if not settings.disable]
    print(f"nbtrack: autologging is {'on for ' + ', '.join(sorted(names)) if names else 'off'}")


def overview() -> Overview:
    """Return the store, the experiment, the active run and the last runs."""
    client = Client()
    experiment = client.get_experiment(experiments.active_experiment_id())
    runs = client.search_runs([experiment.experiment_id], max_results=LAST_RUNS)
    current = stack.current()
    return Overview(
        store=config.get_tracking_uri(),
        experiment=experiment.name,
        active_run=f"{current.info.run_name} ({current.info.run_id})" if current else None,
        runs=RunTable(runs, f"Last runs of {experiment.name}"),
    )


def set_experiment(name: str) -> None:
    """Set the active experiment and print its name."""
    known = Client().get_experiment_by_name(name)
    experiment = experiments.set_experiment(name)
    new = known is None or known.experiment_id != experiment.experiment_id
    print(f"nbtrack: experiment {experiment.name!r}{' (new)' if new else ''}")


def list_runs(filter_string: str) -> RunTable:
    """Return the newest runs of the active experiment that match the filter."""
    client = Client()
    experiment = client.get_experiment(experiments.active_experiment_id())
    runs = client.search_runs([experiment.experiment_id], filter_string, max_results=LISTED_RUNS)
    title = f"Runs of {experiment.name}" + (f" where {filter_string}" if filter_string else "")
    if runs.token:
        title += f", the newest {LISTED_RUNS}"
    return RunTable(runs, title)
