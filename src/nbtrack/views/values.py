"""The values of one column by run, for colors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from ..entities import Run
from ..errors import InvalidParameter, NotFound
from ..names import filter_name, split_name
from ..tags import PARENT
from .contract import ValuesReply, ValuesRequest
from .source import Source
from .validation import shown
from .view import view

_ENTITIES = ("params", "tags", "attributes", "datasets")
_ATTRIBUTES: Mapping[str, Callable[[Run], str | None]] = {
    "attributes.status": lambda run: run.info.status,
    "attributes.user_id": lambda run: run.info.user_id or None,
    "attributes.run_name": lambda run: run.info.run_name,
    "attributes.experiment": lambda run: run.info.experiment_id,
    "attributes.parent": lambda run: run.data.tags.get(PARENT),
    "datasets.name": lambda run: _joined(one.dataset.name for one in run.inputs.dataset_inputs),
    "datasets.digest": lambda run: _joined(
        f"{one.dataset.name} ({one.dataset.digest})" for one in run.inputs.dataset_inputs
    ),
}


@view("values")
def values(source: Source, request: ValuesRequest) -> ValuesReply:
    """Return the value that each run has in a column. No other params and metrics are read."""
    entity, key = _parse(request["column"])
    with source.reading.snapshot():
        params = [key] if entity == "params" else []
        runs = source.reading.get_runs(request["run_ids"], params=params, metrics=[])
        if entity in ("params", "tags"):
            found = {run.info.run_id: getattr(run.data, entity).get(key) for run in runs}
        else:
            value_of = _ATTRIBUTES[f"{entity}.{key}"]
            found = _named(source, f"{entity}.{key}", {run.info.run_id: value_of(run) for run in runs})
    return {"values": [found.get(run_id) for run_id in request["run_ids"]]}


def style_column(style_by: str) -> str | None:
    """Return the column that `style_by` of a view names, or None if it is not valid.

    Earlier versions kept the name of a param there. The view may come from a browser, which can send anything.
    """
    found = split_name(style_by)
    column = style_by if found and found[0] in _ENTITIES else filter_name("params", style_by)
    return None if _known(column) is None else column


def _parse(column: str) -> tuple[str, str]:
    """Return the entity and the key of a column. Raises InvalidParameter."""
    found = _known(column)
    if found:
        return found
    raise InvalidParameter(
        f"column must be a param such as params.lr, a tag such as tags.team, or one of {', '.join(_ATTRIBUTES)}, "
        f"not {shown(column)}."
    )


def _known(column: str) -> tuple[str, str] | None:
    found = split_name(column)
    return found if found and (found[0] in ("params", "tags") or ".".join(found) in _ATTRIBUTES) else None


def _named(source: Source, column: str, found: dict[str, str | None]) -> dict[str, str | None]:
    """Return the names of experiments and parent runs instead of their IDs."""
    ids = sorted({value for value in found.values() if value is not None})
    names: dict[str, str] = {}
    if column == "attributes.experiment":
        for experiment_id in ids:
            with suppress(NotFound):
                names[experiment_id] = source.get_experiment(experiment_id).name
    elif column == "attributes.parent":
        names = {run.info.run_id: run.info.run_name for run in source.reading.get_runs(ids, params=[], metrics=[])}
    return {run_id: None if value is None else names.get(value, value) for run_id, value in found.items()}


def _joined(names: Iterable[str]) -> str | None:
    """Return the names as one string, or None if there are none."""
    return ", ".join(sorted(set(names))) or None
