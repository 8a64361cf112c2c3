"""A run without its widget: what a terminal and a saved notebook show of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..views.attempts import judgement
from . import picture
from .saved import LONGEST_ERROR, Page, line, number
from .snapshot import Answer, Series
from .table import Table, printable

MOST_PICTURES = 12
"""How many charts a notebook shows without the widget."""
MOST_MESSAGES = 10
"""How many alerts, warnings and tags a notebook shows without the widget."""


def page_of_run(answer: Answer) -> Page:
    """Describe an answer of the view `live`."""
    reply = answer.reply
    run = reply["run"]
    seconds = ((run["end_time"] or reply["now"]) - run["start_time"]) / 1000
    lines = {series.key: line(series.key, series) for series in answer.series()}
    best = {series.key: _best_line(series, reply["best"]) for series in answer.best_series()}
    pictures = [
        picture.curves(panel["title"], [of[key] for of in (lines, best) for key in panel["keys"] if key in of])
        for panel in reply["panels"][:MOST_PICTURES]
    ]
    parts: list[Table | str] = []
    if reply["error"]:
        parts.append(printable(reply["error"], LONGEST_ERROR))
    parts += _messages(reply)
    if reply["attempt"]:
        parts.append(attempt_text(reply["attempt"]))
    if run["params"]:
        params = [f"{printable(k)}={printable(v)}" for k, v in run["params"].items()]
        left = reply["param_count"] - len(params)
        parts.append("Params: " + ", ".join([*params, *([f"and {left:,} more"] if left else [])]))
    if reply["summary"]:
        rows = [
            [row["key"], number(row["last"]), number(row["best"]), _step(row["best_step"])] for row in reply["summary"]
        ]
        parts.append(Table(["metric", "last", "best", "at step"], rows, frozenset({"last", "best", "at step"})))
    if len(reply["panels"]) > MOST_PICTURES:
        parts.append(f"Charts of {MOST_PICTURES} of {len(reply['panels'])} groups of metrics are drawn here.")
    return Page(f"{printable(run['run_name'])}: {run['status']}, {seconds:.1f} s", parts, pictures)


def _best_line(series: Series, best: Mapping[str, Any]) -> picture.Line:
    """Return a curve of the best run so far."""
    return picture.Line(f"{series.key} of {printable(best['run_name'])}", series.x, series.y, is_reference=True)


def _messages(reply: Mapping[str, Any]) -> list[Table | str]:
    """Return what the run says of itself: who stopped it, how far it is, alerts, its note and tags, warnings."""
    parts: list[Table | str] = []
    stop, progress = reply.get("stop"), reply.get("progress")
    if stop:
        by, why = printable(stop["by"]), printable(stop["reason"])
        parts.append(f"Stopped{f' by {by}' if by else ''}{f': {why}' if why else ''}")
    if progress:
        total = "" if progress["total"] is None else f" of {progress['total']:,.6g}"
        parts.append(f"{printable(progress['label']) or 'Progress'}: {progress['done']:,.6g}{total}")
    for alert in reply.get("alerts", ())[:MOST_MESSAGES]:
        condition, key = printable(alert["condition"], LONGEST_ERROR), printable(alert["key"])
        count = f" ({alert['count']:,} points in all)" if alert["count"] > 1 else ""
        parts.append(f"Alert {condition}: {key} was {number(alert['value'])} at step {alert['step']:,}{count}")
    for warning in reply.get("warnings", ())[:MOST_MESSAGES]:
        category, message = printable(warning["category"]), printable(warning["message"], LONGEST_ERROR)
        parts.append(f"{category}: {message}")
    if reply.get("note"):
        parts.append(f"Note: {printable(reply['note'], LONGEST_ERROR)}")
    if reply.get("tags"):
        tags = [f"{printable(key)}={printable(value)}" for key, value in list(reply["tags"].items())[:MOST_MESSAGES]]
        parts.append("Tags: " + ", ".join(tags))
    return parts


def attempt_text(attempt: Mapping[str, Any]) -> str:
    """Return what changed since the previous attempt, or since the run before, as a line of text."""
    changes = [
        f"{printable(change['key'])}: {_or_none(change['old'])} → {_or_none(change['new'])}{judgement(change)}"
        for change in attempt["changes"]
    ]
    if attempt["code_changed"]:
        changes.insert(0, "the code changed")
    left = attempt.get("change_count", 0) - len(attempt["changes"])
    if left:
        changes.append(f"and {left:,} more change{'' if left == 1 else 's'}")
    what = "; ".join(changes) or "nothing changed"
    since = f"ince {printable(attempt['previous_run_name'])}: {what}"
    return f"S{since}" if attempt["number"] is None else f"Attempt {attempt['number']}, s{since}"


def _step(step: float | None) -> str:
    return "" if step is None else f"{step:.0f}"


def _or_none(value: str | None) -> str:
    return "not set" if value is None else printable(value)
