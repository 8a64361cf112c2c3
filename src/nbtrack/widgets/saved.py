"""A view without its widget: text for a terminal, a picture and a table for a notebook that was saved."""

from __future__ import annotations

import html as markup
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from . import picture
from .snapshot import Series, Snapshot
from .table import Table, printable

MOST_ROWS = 20
LONGEST_ERROR = 500
LONGEST_FILTER = 500
MOST_COLUMNS = 6
"""Params, and metrics, shown of a run."""
INDENT = "  "


def text(snapshot: Snapshot) -> str:
    """The view in plain text."""
    title, pictures, tables = _PARTS[snapshot.view](snapshot)
    del pictures
    return "\n".join([title, *(part.text() if isinstance(part, Table) else part for part in tables)])


def html(snapshot: Snapshot) -> str:
    """The view as HTML: its curves as SVG, then its tables."""
    title, pictures, tables = _PARTS[snapshot.view](snapshot)
    drawn = "".join(f'<div style="display:inline-block;margin:4px 8px 4px 0">{svg}</div>' for svg in pictures if svg)
    rest = "".join(part.html() if isinstance(part, Table) else f"<p>{markup.escape(part)}</p>" for part in tables)
    return f"<div><p><b>{markup.escape(title)}</b></p>{drawn and f'<div>{drawn}</div>'}{rest}</div>"


Parts = tuple[str, list[str], list["Table | str"]]


def _live(snapshot: Snapshot) -> Parts:
    answer = snapshot.answers["live"]
    reply = answer.reply
    run = reply["run"]
    seconds = ((run["end_time"] or reply["now"]) - run["start_time"]) / 1000
    title = f"{printable(run['run_name'])}: {run['status']}, {seconds:.1f} s"
    by_key = {series.key: series for series in answer.series()}
    pictures = [
        picture.curves(panel["title"], [_line(key, by_key[key]) for key in panel["keys"] if key in by_key])
        for panel in reply["panels"]
    ]
    tables: list[Table | str] = []
    if reply["error"]:
        tables.append(printable(reply["error"], LONGEST_ERROR))
    if reply["attempt"]:
        tables.append(_attempt(reply["attempt"]))
    if run["params"]:
        tables.append("Params: " + ", ".join(f"{printable(k)}={printable(v)}" for k, v in run["params"].items()))
    if reply["summary"]:
        rows = [
            [row["key"], _number(row["last"]), _number(row["best"]), _step(row["best_step"])]
            for row in reply["summary"]
        ]
        tables.append(Table(["metric", "last", "best", "at step"], rows, frozenset({"last", "best", "at step"})))
    return title, pictures, tables


def _attempt(attempt: Mapping[str, Any]) -> str:
    changes = [
        f"{printable(change['key'])}: {_or_none(change['old'])} → {_or_none(change['new'])}"
        for change in attempt["changes"]
    ]
    if attempt["code_changed"]:
        changes.insert(0, "the code changed")
    what = "; ".join(changes) or "nothing changed"
    return f"Attempt {attempt['number']}, since {printable(attempt['previous_run_name'])}: {what}"


def _comparison(snapshot: Snapshot) -> Parts:
    reply = snapshot.answers["runs"].reply
    rows, total = reply["rows"], reply["total"]
    where = f" where {printable(snapshot.options['filter'], LONGEST_FILTER)}" if snapshot.options["filter"] else ""
    title = f"{total} run{'' if total == 1 else 's'}{where}"
    names = {row["run_id"]: row["run_name"] for row in rows}
    curves = snapshot.answers.get("curves")
    pictures = []
    if curves:
        lines = [_line(names.get(series.run_id, series.run_id[:8]), series) for series in curves.series()]
        pictures.append(picture.curves(curves.payload["keys"][0], lines))
    if not rows:
        hint = "Clear the filter to see every run." if where else "Put %%track on top of a cell to make one."
        return title, pictures, [hint]
    tables: list[Table | str] = [_runs(reply, set(snapshot.options["selected"]))]
    if total > MOST_ROWS:
        tables.append(f"… and {total - min(MOST_ROWS, len(rows))} more")
    return title, pictures, tables


def _runs(reply: Mapping[str, Any], ticked: set[str]) -> Table:
    params = [param["key"] for param in reply["params"] if param["differs"]][:MOST_COLUMNS]
    metrics = reply["metrics"][:MOST_COLUMNS]
    rows = [
        [
            "✓" if row["run_id"] in ticked else "",
            f"{INDENT * (row['depth'] - 1)}└ {row['run_name']}" if row["depth"] else row["run_name"],
            row["status"],
            _time(row["start_time"]),
            "" if row["end_time"] is None else f"{(row['end_time'] - row['start_time']) / 1000:.1f}",
            *(row["params"].get(key, "") for key in params),
            *(_number(row["metrics"].get(key)) for key in metrics),
        ]
        for row in reply["rows"][:MOST_ROWS]
    ]
    return Table(["", "run", "status", "started", "seconds", *params, *metrics], rows, frozenset({"seconds", *metrics}))


def _registry(snapshot: Snapshot) -> Parts:
    models: Sequence[Mapping[str, Any]] = snapshot.answers["registry"].reply["models"]
    title = f"{len(models)} registered model{'' if len(models) == 1 else 's'}"
    tables: list[Table | str] = []
    for model in models:
        metrics = list(dict.fromkeys(key for version in model["versions"] for key in version["metrics"]))[:MOST_COLUMNS]
        rows = [
            [
                str(version["version"]),
                version["stage"],
                ", ".join(version["aliases"]),
                version["run_name"],
                _time(version["creation_time"]),
                version["user_id"],
                *(_number(version["metrics"].get(key)) for key in metrics),
            ]
            for version in model["versions"][:MOST_ROWS]
        ]
        columns = ["version", "stage", "aliases", "run", "registered", "by", *metrics]
        tables += [printable(model["name"]), Table(columns, rows, frozenset({"version", *metrics}))]
    if not models:
        tables.append("Register one with nbtrack.register_model, or from nbtrack.compare().")
    return title, [], tables


_PARTS: dict[str, Callable[[Snapshot], Parts]] = {"live": _live, "comparison": _comparison, "registry": _registry}


def _line(label: str, series: Series) -> picture.Line:
    return picture.Line(label, series.x, series.y)


def _number(value: float | str | None) -> str:
    return "" if value is None else picture.number(float(value))


def _step(step: float | None) -> str:
    return "" if step is None else f"{step:.0f}"


def _or_none(value: str | None) -> str:
    return "not set" if value is None else printable(value)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000).strftime("%Y-%m-%d %H:%M")
