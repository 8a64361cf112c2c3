"""A run while it is active and after its end: its state, its curves by panel, what changed since the last attempt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from ..entities import DatasetInput, Run, RunStatus
from ..journal import now
from ..journal.alerts import read_alerts
from ..names import SYSTEM
from ..store.protocol import StopState
from ..tags import ALERTS, MLFLOW, NBTRACK, NOTE, STOP_REASON, STOPPED_BY, TRACEBACK
from .attempts import attempt_of
from .best import BestSoFar
from .contract import (
    MOST_CHANGES,
    MOST_DATASETS,
    MOST_PARAMS,
    MOST_SERIES,
    Alert,
    Attempt,
    DatasetRow,
    LiveReply,
    LiveRequest,
    Panel,
    StopRequest,
    Summary,
)
from .curves import FEWEST_POINTS, Curve, buffers_of, curves_of, series_of
from .growing import GrowingCurves
from .numbers import number
from .runs import run_rows
from .source import Source
from .view import view
from .watched import watched

T = TypeVar("T")

_SPLIT = re.compile(r"^(train|training|val|valid|validation|test|testing|eval)[/_.\- ]+(?=.)", re.IGNORECASE)


@view("live")
def live(source: Source, request: LiveRequest) -> tuple[LiveReply, list[bytes]]:
    """Return the run's state: pages of its params, datasets and changes, and the curves of a page of its metrics."""
    return live_state(source, request)


def live_state(
    source: Source, request: LiveRequest, growing: GrowingCurves | None = None, best_so_far: BestSoFar | None = None
) -> tuple[LiveReply, list[bytes]]:
    """Return the state of a run.

    Its curves are read by `growing` if it is given, else from all of their points. The best run so far may be one that
    `best_so_far` has found a few seconds ago. By default, it is searched for.
    """
    with source.reading.snapshot():
        run = source.get_run(request["run_id"])
        every = sorted(run.data.metrics, key=lambda key: key.startswith(SYSTEM))
        keys = page_of(every, request.get("offset", 0), request.get("limit", MOST_SERIES))
        if growing is None:
            most = max(request["max_points"], FEWEST_POINTS)
            found = curves_of(source.reading.points([run.info.run_id], keys, "step", most))
        else:
            found = growing.read(source, keys)
        (row,) = run_rows(source, [run])
        attempt = attempt_of(source, run)
        directions = source.directions
        state = source.reading.stop_state(run.info.run_id)
        best = (best_so_far or BestSoFar()).read(source, run, keys, request["max_points"])
    params = page_of(list(row["params"].items()), request.get("param_offset", 0), MOST_PARAMS)
    datasets = page_of(run.inputs.dataset_inputs, request.get("dataset_offset", 0), MOST_DATASETS)
    row = {**row, "params": dict(params), "metrics": {key: row["metrics"][key] for key in keys}}
    if run.info.status in RunStatus.ENDED:
        # A single point, such as a score at the end, is not a curve. The summary shows it.
        keys = [curve.key for curve in found if curve.total > 1]
    seen = watched(run)
    lines = run.data.tags.get(TRACEBACK, "").rstrip().splitlines()
    reply: LiveReply = {
        "run": row,
        "param_count": len(run.data.params),
        "now": now(),
        "metric_count": len(every),
        "panels": panels_of([key for key in keys if not key.startswith(SYSTEM)]),
        "system": system_panels_of([key for key in keys if key.startswith(SYSTEM)]),
        "datasets": [dataset_row(one) for one in datasets],
        "dataset_count": len(run.inputs.dataset_inputs),
        "series": series_of(found),
        "summary": [
            _summary(curve, run.data.metrics[curve.key], directions.lower_is_better(curve.key))
            for curve in found
            if not curve.key.startswith(SYSTEM)
        ],
        "error": lines[-1] if lines else None,
        "attempt": attempt and with_page(attempt, request.get("change_offset", 0)),
        "progress": seen["progress"],
        "output": seen["output"],
        "warnings": seen["warnings"],
        "alerts": alerts_of(run),
        "stop": stop_of(run, state),
        "can_stop": state.can_stop,
        "best": best.row,
        "best_series": series_of(best.curves),
        "note": run.data.tags.get(NOTE, ""),
        "tags": user_tags(run.data.tags),
    }
    return reply, buffers_of([*found, *best.curves])


def user_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that the user has set, without those of MLflow and nbtrack."""
    return {key: value for key, value in sorted(tags.items()) if not key.startswith((MLFLOW, NBTRACK))}


def alerts_of(run: Run) -> list[Alert]:
    """Return the alerts of a run, in the order in which they were raised."""
    return [
        {
            "condition": one.condition,
            "key": one.key,
            "step": one.step,
            "value": number(one.value),
            "time": one.time,
            "count": one.count,
        }
        for one in read_alerts(run.data.tags.get(ALERTS, ""))
    ]


def stop_of(run: Run, state: StopState) -> StopRequest | None:
    """Return who asked for the stop of a running run, or who stopped a run that has ended."""
    if state.request is not None:
        return {"by": state.request.by, "reason": state.request.reason, "time": state.request.time}
    by = run.data.tags.get(STOPPED_BY)
    if by is None or run.info.status not in RunStatus.ENDED:
        return None
    return {"by": by, "reason": run.data.tags.get(STOP_REASON, ""), "time": run.info.end_time}


def page_of(items: Sequence[T], offset: int, limit: int) -> Sequence[T]:
    """Return at most `limit` items after the first `offset` ones."""
    return items[offset : offset + limit]


def with_page(attempt: Attempt, offset: int) -> Attempt:
    changes = attempt["changes"]
    return {**attempt, "changes": list(page_of(changes, offset, MOST_CHANGES)), "change_count": len(changes)}


def _summary(curve: Curve, last: float, lower: bool) -> Summary:
    import numpy as np

    # Buckets keep their lowest and highest point, so the best value is among those that were fetched.
    is_finite = np.isfinite(curve.y)
    finite = curve.y[is_finite]
    at = int(finite.argmin() if lower else finite.argmax()) if finite.size else None
    return {
        "key": curve.key,
        "last": number(last),
        "best": number(last) if at is None else float(finite[at]),
        "best_step": None if at is None else float(curve.x[is_finite][at]),
        "lower_is_better": lower,
        "points": curve.total,
    }


def panels_of(keys: Sequence[str]) -> list[Panel]:
    """Return panels of metrics that measure the same: train/loss and val/loss share the panel "loss"."""
    panels: dict[str, list[str]] = {}
    for key in keys:
        panels.setdefault(_SPLIT.sub("", key), []).append(key)
    return [{"title": title, "keys": members} for title, members in panels.items()]


Scope = Literal["process", "machine"]

_SYSTEM_PANELS: tuple[tuple[re.Pattern[str], str, Scope], ...] = (
    (re.compile(r"process_cpu_percentage$"), "CPU, % of one core", "process"),
    (re.compile(r"process_memory_megabytes$"), "Resident memory, MB", "process"),
    (re.compile(r"process_gpu_\d+_.*percentage$"), "GPU use, %", "process"),
    (re.compile(r"process_gpu_\d+_.*megabytes$"), "GPU memory used, MB", "process"),
    (re.compile(r"process_threads$"), "Threads", "process"),
    (re.compile(r"gpu_\d+_.*percentage$"), "GPU, %", "machine"),
    (re.compile(r"gpu_\d+_.*megabytes$"), "GPU memory, MB", "machine"),
    (re.compile(r"gpu_\d+_.*watts$"), "GPU power, W", "machine"),
    (re.compile(r"percentage$"), "CPU, memory and disk, %", "machine"),
    (re.compile(r"network_.*megabytes$"), "Network since the start, MB", "machine"),
    (re.compile(r"memory_.*megabytes$"), "Memory, MB", "machine"),
    (re.compile(r"disk_.*megabytes$"), "Disk, MB", "machine"),
)


def system_panels_of(keys: Sequence[str]) -> list[Panel]:
    """Return panels of system metrics, those of the process first. Metrics of the same kind and unit share a panel."""
    panels: dict[tuple[int, str, Scope], list[str]] = {}
    for key in keys:
        panels.setdefault(_system_panel(key), []).append(key)
    return [
        {"title": title, "keys": panels[place, title, scope], "scope": scope} for place, title, scope in sorted(panels)
    ]


def _system_panel(key: str) -> tuple[int, str, Scope]:
    """Return the place, the title and the scope of the panel of a system metric."""
    for place, (pattern, title, scope) in enumerate(_SYSTEM_PANELS):
        if pattern.search(key):
            return place, title, scope
    return len(_SYSTEM_PANELS), key.removeprefix(SYSTEM), "machine"


def dataset_row(one: DatasetInput) -> DatasetRow:
    """Return a dataset of a run in the form that screens know."""
    dataset = one.dataset
    rows = _fields(dataset.profile).get("num_rows")
    source = _fields(dataset.source)
    return {
        "name": dataset.name,
        "digest": dataset.digest,
        "context": one.context,
        "rows": rows if isinstance(rows, int) else None,
        "source": str(source.get("uri") or source.get("url") or ""),
    }


def _fields(text: str | None) -> dict[str, object]:
    """Return the fields of a JSON object, or {} if the string is not one."""
    try:
        fields = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
