"""The code that "Copy as Python" copies, run in a fresh namespace."""

from __future__ import annotations

from typing import Any

import pytest

import nbtrack
from nbtrack import views
from nbtrack.views.contract import ViewState
from nbtrack.views.view_state import default_view

HOSTILE = "it's \"quoted\" \\ {x} é\n'''"


def code_of(view: ViewState, scope: list[str] | None) -> str:
    payload = {"view": view, "experiment_ids": None}
    return str(views.handle(nbtrack.MlflowClient(), "python", payload, scope)[0]["code"])


@pytest.fixture
def scope() -> list[str]:
    experiment = nbtrack.set_experiment(HOSTILE.replace("\n", " "))
    for width in range(4):
        with nbtrack.start_run(run_name=f"run {width}"):
            nbtrack.log_params({"width": width, "note": HOSTILE})
            nbtrack.log_metric("val/loss", 1 / (width + 1))
    return [experiment.experiment_id]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sorts": [], "selected": [], "panels": []},
        {"query": "params.width > 1 and params.note != 'it''s \"'", "group_by": "params.width", "style_by": "width"},
        {"sorts": ["metrics.`val/loss` DESC", "params.width ASC"], "grouped": False, "all_params": True},
    ],
)
def test_the_code_shows_the_same_view_and_reads_the_same_runs(scope: list[str], changes: dict[str, Any]) -> None:
    shown = nbtrack.compare(experiment_ids=scope)
    shown.view = changes
    names: dict[str, Any] = {}
    exec(code_of(shown.state, scope), names)
    assert names["comparison"].view == shown.view
    assert list(names["runs"]["run_id"]) == list(shown.frame()["run_id"])


def test_a_comparison_of_all_experiments_searches_all(scope: list[str]) -> None:
    nbtrack.set_experiment("other")
    with nbtrack.start_run():
        nbtrack.log_metric("val/loss", 2)
    names: dict[str, Any] = {}
    exec(code_of(default_view(), None), names)
    assert len(names["runs"]) == 5


@pytest.mark.parametrize("query", [HOSTILE, "'); import os; os.abort(); ('", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x1b\r"])
def test_any_filter_is_one_string_of_the_code(scope: list[str], query: str) -> None:
    code = code_of({**default_view(), "query": query}, scope)
    assert f"filter_string={query!r}" in code
    compile(code, "copied", "exec")
