"""Gives everything that a source read the types that a store can keep, and reports what has no valid value.

Sources are files that people edit, merge and cut: a name can be a number, a time a string, and a stage anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from ..entities import LifecycleStage, RunStatus
from ..errors import StoreError
from ..journal.kinds import LARGEST
from ..stages import ALL_STAGES
from .records import Points, SourceExperiment, SourceModel, SourceRun
from .report import Report

T = TypeVar("T")
_STAGES = (LifecycleStage.ACTIVE, LifecycleStage.DELETED)


@contextmanager
def skipping_errors(report: Report, what: str, item: str) -> Iterator[None]:
    """Report an exception in the block, so that one broken item does not stop an import.

    Errors of the store that is imported into are raised.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        report.add_missing(what, f"{item}: {describe(error)}")


def until_error(report: Report, items: Iterable[T], what: str, source: str) -> Iterator[T]:
    """Yield items. If they cannot be read to their end, report that."""
    with skipping_errors(report, what, source):
        yield from items


def describe(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text:.200}" if text else type(error).__name__


def as_string(value: Any) -> str:
    """Return a value as a string. None is the empty string."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else "" if value is None else str(value)


def as_time(value: Any) -> int | None:
    """Return a time in milliseconds, rounded, or None if the value is not a time. Strings of digits are times."""
    if type(value) is not int:
        try:
            value = round(float(value))
        except (TypeError, ValueError, OverflowError):
            return None
    return value if abs(value) <= LARGEST else None


def clean_experiment(experiment: SourceExperiment, report: Report) -> None:
    """Clean the fields of an experiment in place."""
    experiment.name = as_string(experiment.name)
    shown = experiment.name or experiment.key
    experiment.lifecycle_stage = _stage(experiment.lifecycle_stage, "experiments", shown, report)
    for name in ("creation_time", "last_update_time"):
        setattr(experiment, name, _time(experiment, name, "experiment", shown, report))
    experiment.tags = _strings(experiment.tags)


def clean_run(run: SourceRun, report: Report) -> None:
    """Clean the fields of a run in place."""
    run.name, run.user_id = as_string(run.name) or run.key, as_string(run.user_id)
    run.lifecycle_stage = _stage(run.lifecycle_stage, "runs", run.name, report)
    if run.status not in RunStatus.ALL:
        report.add_note("runs whose status is not valid (they are FINISHED here)", f"{run.name}: {run.status!r:.80}")
        run.status = RunStatus.FINISHED
    for name in ("start_time", "end_time", "deleted_time"):
        setattr(run, name, _time(run, name, "run", run.name, report))
    if run.start_time is None:
        run.start_time = run.end_time or 0
    for param in (*run.params, *run.param_history):
        param.key, param.value = as_string(param.key), as_string(param.value)
        if param.timestamp is not None:
            param.timestamp = as_time(param.timestamp)
    run.tags = _strings(run.tags)
    for dataset in run.inputs:
        dataset.name, dataset.digest = as_string(dataset.name), as_string(dataset.digest)
        dataset.source_type, dataset.source = as_string(dataset.source_type), as_string(dataset.source)
        dataset.context = None if dataset.context is None else as_string(dataset.context)
        dataset.tags = _strings(dataset.tags)


def clean_points(points: Points) -> tuple[Points, int]:
    """Return the points that a store can hold, and how many it cannot hold."""
    if not points.steps:
        return points, 0
    if (
        {*map(type, points.steps), *map(type, points.timestamps)} == {int}
        and {*map(type, points.values)} <= {int, float}
        and (min(points.steps) >= -LARGEST and max(points.steps) <= LARGEST)
        and (min(points.timestamps) >= 0 and max(points.timestamps) <= LARGEST)
    ):
        return points, 0
    kept = [
        (int(step), int(time), float(value))
        for step, time, value in zip(points.steps, points.timestamps, points.values, strict=True)
        if all(isinstance(number, (int, float)) for number in (step, time, value))
        if -LARGEST <= step <= LARGEST and 0 <= time <= LARGEST
    ]
    columns: list[Any] = [list(column) for column in zip(*kept, strict=True)] or [[], [], []]
    return Points(points.key, *columns), len(points.steps) - len(kept)


def clean_model(model: SourceModel, report: Report) -> None:
    """Clean the fields of a registered model in place. Versions without a valid number are left out."""
    model.name, model.description, model.tags = (
        as_string(model.name),
        as_string(model.description),
        _strings(model.tags),
    )
    model.creation_time = as_time(model.creation_time) or 0
    model.last_update_time = as_time(model.last_update_time) or model.creation_time
    aliases = {}
    for alias, number in model.aliases.items():
        if isinstance(number, int):
            aliases[as_string(alias)] = number
        else:
            report.add_missing("aliases without a version", f"{model.name}@{alias}")
    model.aliases = aliases
    versions = []
    for version in model.versions:
        shown = f"{model.name} {version.version}"
        if not isinstance(version.version, int) or not 0 < version.version < LARGEST:
            report.add_missing("model versions whose number is not valid", shown)
            continue
        version.creation_time = as_time(version.creation_time) or 0
        version.last_update_time = as_time(version.last_update_time) or version.creation_time
        stage = as_string(version.stage).capitalize() or "None"
        if stage not in ALL_STAGES:
            report.add_missing("stages of model versions that are not valid", f"{shown}: {version.stage!r:.80}")
            stage = "None"
        version.stage = stage
        for name in ("description", "user_id", "source", "run_id", "run_link", "status", "status_message"):
            setattr(version, name, as_string(getattr(version, name)))
        version.tags = _strings(version.tags)
        versions.append(version)
    model.versions = versions


def _strings(values: Mapping[Any, Any]) -> dict[str, str]:
    return {as_string(key): as_string(value) for key, value in values.items()}


def _stage(stage: Any, what: str, item: str, report: Report) -> str:
    if stage not in _STAGES:
        report.add_note(f"{what} whose lifecycle stage is not valid (they are active here)", f"{item}: {stage!r:.80}")
        return LifecycleStage.ACTIVE
    return str(stage)


def _time(owner: Any, name: str, what: str, item: str, report: Report) -> int | None:
    value = getattr(owner, name)
    time = as_time(value)
    if time is None and value is not None:
        report.add_missing(f"{what} times that are not valid timestamps", f"{item}: {name} {value!r:.80}")
    return time
