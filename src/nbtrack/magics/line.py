"""What `%track` does, a function for each of its commands."""

from __future__ import annotations

from collections.abc import Callable

from .. import config
from ..client import Client
from ..fluent import experiments
from ..fluent.analysis import sql
from ..runs import stack
from .arguments import LineCommand
from .tables import RunTable, Whereabouts

LAST_RUNS = 5
LISTED_RUNS = 50


def run(command: LineCommand) -> object:
    """Do what the line says; the result is what the cell displays."""
    commands: dict[str, Callable[[str], object]] = {
        "": lambda _: where(),
        "experiment": set_experiment,
        "list": list_runs,
        "compare": compare,
        "registry": registry,
        "sql": sql,
        "autolog": autolog,
    }
    return commands[command.command](command.argument)


def compare(filter_string: str) -> object:
    """The comparison widget on the runs that match."""
    from .. import widgets

    return widgets.compare(filter_string)


def registry(name: str) -> object:
    """The registry widget on one model, or on all of them."""
    from .. import widgets

    return widgets.registry(name or None)


def autolog(state: str) -> None:
    """Switch autologging on or off for every framework, or say what it is switched on for."""
    from .. import autologging

    if state == "on":
        autologging.autolog()
    elif state == "off":
        autologging.switch_off()
    names = [name for name, settings in autologging.known().items() if not settings.disable]
    print(f"nbtrack: autologging is {'on for ' + ', '.join(sorted(names)) if names else 'off'}")


def where() -> Whereabouts:
    """The store, the experiment, the active run and the last runs."""
    client = Client()
    experiment = client.get_experiment(experiments.active_experiment_id())
    runs = client.search_runs([experiment.experiment_id], max_results=LAST_RUNS)
    current = stack.current()
    return Whereabouts(
        store=config.get_tracking_uri(),
        experiment=experiment.name,
        active_run=f"{current.info.run_name} ({current.info.run_id})" if current else None,
        runs=RunTable(runs, f"Last runs of {experiment.name}"),
    )


def set_experiment(name: str) -> None:
    """Log to this experiment from now on."""
    known = Client().get_experiment_by_name(name)
    experiment = experiments.set_experiment(name)
    new = known is None or known.experiment_id != experiment.experiment_id
    print(f"nbtrack: experiment {experiment.name!r}{' (new)' if new else ''}")


def list_runs(filter_string: str) -> RunTable:
    """The newest runs of the active experiment that match."""
    client = Client()
    experiment = client.get_experiment(experiments.active_experiment_id())
    runs = client.search_runs([experiment.experiment_id], filter_string, max_results=LISTED_RUNS)
    title = f"Runs of {experiment.name}" + (f" where {filter_string}" if filter_string else "")
    if runs.token:
        title += f", the newest {LISTED_RUNS}"
    return RunTable(runs, title)
