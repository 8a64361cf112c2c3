"""Tables of runs as plain text and as HTML, for the output of a cell. Values of runs are escaped, never markup."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from datetime import datetime

from ..entities import Run
from ..views.runs import own_metrics

WIDEST = 32
"""How many characters of a value are shown. Params have no limit."""
MOST_COLUMNS = 5
"""How many params and how many metrics are shown. The comparison widget shows all of them."""


class RunTable:
    """A table of runs with the params in which they differ and the last values of their metrics."""

    def __init__(self, runs: Sequence[Run], title: str) -> None:
        self.runs = list(runs)
        self.title = title
        self.columns, self.rows = _cells(self.runs)

    def __repr__(self) -> str:
        if not self.rows:
            return f"{self.title}: none"
        cells = [[_printable(cell) for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells]
        lines = ["  ".join(row).rstrip() for row in padded]
        return "\n".join([f"{self.title}:", *lines])

    def _repr_html_(self) -> str:
        title = f"<p><b>{html.escape(self.title)}</b></p>"
        if not self.rows:
            return f"{title}<p>none</p>"
        head = "".join(f"<th>{html.escape(_printable(column))}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_printable(cell))}</td>" for cell in row) + "</tr>" for row in self.rows
        )
        return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Overview:
    """The output of `%track`: the store, the experiment, the active run and the last runs."""

    def __init__(self, store: str, experiment: str, active_run: str | None, runs: RunTable) -> None:
        self.store = store
        self.experiment = experiment
        self.active_run = active_run
        self.runs = runs

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("Store", self.store),
            ("Experiment", self.experiment),
            ("Active run", self.active_run or "none"),
        ]

    def __repr__(self) -> str:
        return "\n".join([*(f"{name + ':':<12}{value}" for name, value in self._rows()), repr(self.runs)])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in self._rows())
        return f"<table><tbody>{rows}</tbody></table>{self.runs._repr_html_()}"


def _cells(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    params = [key for key in _keys([run.data.params for run in runs]) if _differs(key, runs)][:MOST_COLUMNS]
    metrics = _keys([own_metrics(run.data.metrics) for run in runs])[:MOST_COLUMNS]
    columns = ["run", "status", "started", "seconds", *params, *metrics]
    rows = [
        [
            run.info.run_name,
            run.info.status,
            datetime.fromtimestamp(run.info.start_time / 1000).strftime("%Y-%m-%d %H:%M"),
            _duration(run),
            *(run.data.params.get(key, "") for key in params),
            *(f"{run.data.metrics[key]:.4g}" if key in run.data.metrics else "" for key in metrics),
        ]
        for run in runs
    ]
    return columns, rows


def _keys(mappings: Sequence[dict[str, str]] | Sequence[dict[str, float]]) -> list[str]:
    return sorted({key for mapping in mappings for key in mapping})


def _differs(key: str, runs: Sequence[Run]) -> bool:
    return len(runs) == 1 or len({run.data.params.get(key) for run in runs}) > 1


def _duration(run: Run) -> str:
    end = run.info.end_time if run.info.end_time is not None else time.time() * 1000
    return f"{(end - run.info.start_time) / 1000:.1f}"


def _printable(text: str) -> str:
    """Return one short line in which control characters, including line ends, are replaced by blanks."""
    line = "".join(character if character.isprintable() else " " for character in text[: WIDEST + 1])
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
