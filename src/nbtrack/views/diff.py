"""Runs side by side: their params, metrics, datasets, tags and a few facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..entities import Run
from ..names import SYSTEM
from ..tags import ATTEMPT, GIT_COMMIT, GIT_DIRTY, NOTE
from .contract import MOST_ROWS, DiffReply, DiffRequest, DiffRow
from .runs import dataset_labels, own_metrics
from .source import Source
from .view import view


@view("diff")
def diff(source: Source, request: DiffRequest) -> DiffReply:
    """Return params, last metrics, datasets and the tags that people set, one row each."""
    runs = source.reading.get_runs(request["run_ids"])
    metrics = [{key: repr(value) for key, value in run.data.metrics.items()} for run in runs]
    sections = (
        ("info", [_info(run) for run in runs]),
        ("param", [run.data.params for run in runs]),
        ("metric", [own_metrics(values) for values in metrics]),
        ("dataset", [dataset_labels(run) for run in runs]),
        ("tag", [_own_tags(run.data.tags) for run in runs]),
        ("system", [{key: value for key, value in one.items() if key.startswith(SYSTEM)} for one in metrics]),
    )
    keys = [(section, key, values) for section, values in sections for key in _keys(values)]
    start = request.get("offset", 0)
    page = keys[start : start + request.get("limit", MOST_ROWS)]
    return {
        "run_ids": [run.info.run_id for run in runs],
        "run_names": [run.info.run_name for run in runs],
        "rows": [_row(*each) for each in page],
        "count": len(keys),
    }


def _row(section: str, key: str, values: Sequence[Mapping[str, str]]) -> DiffRow:
    cells = [value.get(key) for value in values]
    differs = len(set(cells)) > 1
    if section in ("metric", "system"):
        cells = [None if cell is None else f"{float(cell):.6g}" for cell in cells]
    return {"section": section, "key": key, "values": cells, "differs": differs}  # type: ignore[typeddict-item]


def _info(run: Run) -> dict[str, str]:
    info = run.info
    facts = {"status": info.status, "user": info.user_id}
    if info.end_time is not None:
        facts["duration"] = f"{(info.end_time - info.start_time) / 1000:.1f} s"
    return facts


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    kept = (GIT_COMMIT, GIT_DIRTY, ATTEMPT, NOTE)
    return {k: v for k, v in tags.items() if k in kept or not k.startswith(("mlflow.", "nbtrack."))}


def _keys(values: Iterable[Mapping[str, str]]) -> list[str]:
    return sorted({key for value in values for key in value})
