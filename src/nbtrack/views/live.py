"""A run as it goes: what it is, its curves by panel, how it ended, what changed since the attempt before."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..client import Client
from ..client.tracking import TRACEBACK
from ..entities import DatasetInput, RunStatus
from ..journal import now
from ..names import SYSTEM
from .attempts import attempt_of
from .contract import DatasetRow, LiveReply, LiveRequest, Panel, Summary
from .curves import MOST_POINTS, Curve, buffers_of, curves_of, series_of
from .runs import lower_is_better, number, run_rows

_SPLIT = re.compile(r"^(train|training|val|valid|validation|test|testing|eval)[/_.\- ]+(?=.)", re.IGNORECASE)


def live(client: Client, request: LiveRequest) -> tuple[LiveReply, list[bytes]]:
    """The run's state with all of its curves, each of at most `max_points`."""
    with client.reading.snapshot():
        run = client.get_run(request["run_id"])
        keys = list(run.data.metrics)
        points = client.reading.points([run.info.run_id], keys, "step", min(request["max_points"], MOST_POINTS))
        (row,) = run_rows(client, [run])
        attempt = attempt_of(client, run)
    found = curves_of(points)
    if run.info.status in RunStatus.ENDED:
        # A single point, such as a score at the end, is a line of the summary and no curve.
        keys = [curve.key for curve in found if curve.total > 1]
    lines = run.data.tags.get(TRACEBACK, "").rstrip().splitlines()
    reply: LiveReply = {
        "run": row,
        "now": now(),
        "panels": panels_of([key for key in keys if not key.startswith(SYSTEM)]),
        "system": system_panels_of([key for key in keys if key.startswith(SYSTEM)]),
        "datasets": [dataset_row(one) for one in run.inputs.dataset_inputs],
        "series": series_of(found),
        "summary": [
            _summary(curve, run.data.metrics[curve.key]) for curve in found if not curve.key.startswith(SYSTEM)
        ],
        "error": lines[-1] if lines else None,
        "attempt": attempt,
    }
    return reply, buffers_of(found)


def _summary(curve: Curve, last: float) -> Summary:
    import numpy as np

    lower = lower_is_better(curve.key)
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
    """Metrics that measure the same share a panel: train/loss and val/loss are both the loss."""
    panels: dict[str, list[str]] = {}
    for key in keys:
        panels.setdefault(_SPLIT.sub("", key), []).append(key)
    return [{"title": title, "keys": members} for title, members in panels.items()]


_SYSTEM_PANELS = (
    (re.compile(r"gpu_\d+_.*percentage$"), "GPU, %"),
    (re.compile(r"gpu_\d+_.*megabytes$"), "GPU memory, MB"),
    (re.compile(r"gpu_\d+_.*watts$"), "GPU power, W"),
    (re.compile(r"percentage$"), "CPU, memory and disk, %"),
    (re.compile(r"network_.*megabytes$"), "Network since the start, MB"),
    (re.compile(r"memory_.*megabytes$"), "Memory, MB"),
    (re.compile(r"disk_.*megabytes$"), "Disk, MB"),
)


def system_panels_of(keys: Sequence[str]) -> list[Panel]:
    """The machine's metrics of one unit share a panel."""
    panels: dict[str, list[str]] = {}
    for key in keys:
        title = next((title for pattern, title in _SYSTEM_PANELS if pattern.search(key)), key.removeprefix(SYSTEM))
        panels.setdefault(title, []).append(key)
    order = [title for _, title in _SYSTEM_PANELS]
    titles = sorted(panels, key=lambda title: (order.index(title) if title in order else len(order), title))
    return [{"title": title, "keys": panels[title]} for title in titles]


def dataset_row(one: DatasetInput) -> DatasetRow:
    """A dataset that a run was given."""
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
    """What a JSON text of MLflow's or ours holds; nothing where it is none."""
    try:
        fields = json.loads(text or "")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
