"""The Python code that shows a view of the comparison again."""

from __future__ import annotations

from collections.abc import Mapping

from .contract import PythonReply, PythonRequest
from .source import Source
from .view import view
from .view_state import default_view, order_of

_LINE = 100
_CHOSEN = ("unfolded", "selected", "panels")
"""The fields that a new comparison chooses by itself, so that the code sets them even if they have their defaults."""


@view("python")
def python_code(source: Source, request: PythonRequest) -> PythonReply:
    """Return the code that reads the runs of a view and shows the view again."""
    state, default = request["view"], default_view()
    ids = request["experiment_ids"]
    scope: dict[str, object] = (
        {"search_all_experiments": True}
        if ids is None
        else {"experiment_names": [source.get_experiment(each).name for each in ids]}
    )
    order = order_of(state)
    search = {**scope, "filter_string": state["query"], **({"order_by": order} if order else {})}
    compare = {**scope, "filter_string": state["query"], **({"order_by": state["sorts"]} if state["sorts"] else {})}
    fields: Mapping[str, object] = {**state}
    others = {
        key: value
        for key, value in fields.items()
        if key in _CHOSEN or (key not in ("version", "query", "sorts") and value != default.get(key))
    }
    if not state["sorts"]:
        others["sorts"] = []
    lines = [
        "import nbtrack",
        "",
        f"runs = {_call('nbtrack.search_runs', search)}",
        f"comparison = {_call('nbtrack.compare', compare)}",
        f"comparison.view = {_dict(others)}",
        "comparison",
    ]
    return {"code": "\n".join(lines) + "\n"}


def _call(function: str, arguments: Mapping[str, object]) -> str:
    # repr quotes any string, whatever characters a filter or the name of an experiment has.
    parts = [f"{name}={value!r}" for name, value in arguments.items()]
    short = f"{function}({', '.join(parts)})"
    return short if len(short) <= _LINE else "\n".join([f"{function}(", *(f"    {part}," for part in parts), ")"])


def _dict(values: Mapping[str, object]) -> str:
    return "\n".join(["{", *(f"    {key!r}: {value!r}," for key, value in values.items()), "}"])
