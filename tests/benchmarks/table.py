"""The report as Markdown: a table of one process that logs, one of stores of growing size; each figure with its ratio
to ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OURS = "nbtrack"


@dataclass(frozen=True, slots=True)
class Figure:
    """A column: its head, where its number is in a row of the report, the unit, and how many of it make one."""

    head: str
    path: str
    unit: str
    scale: float = 1.0


PROCESS = (
    Figure("log call, median", "median_us", "µs"),
    Figure("p99", "p99_us", "µs"),
    Figure("mean with close", "mean_with_close_us", "µs"),
    Figure("import", "import_ms", "ms"),
    Figure("import to first point", "first_point_ms", "ms"),
)
STORES = (
    Figure("filled", "seconds", "s"),
    Figure("on disk", "mb", "MB"),
    Figure("log call, median", "log.median_us", "µs"),
    Figure("p99", "log.p99_us", "µs"),
    Figure("apply, M points/s", "apply.points_a_second", "M", 1e-6),
    Figure("a point to its read", "apply.one_point_ms", "ms"),
    Figure("top-20 search", "search.ms", "ms"),
    Figure("all runs as a DataFrame", "frame.ms", "ms"),
    Figure("50 long curves, thinned out", "thinned.ms", "ms"),
    Figure("whole", "whole.ms", "ms"),
    Figure("50 histories, one by one", "histories.ms", "ms"),
    Figure("peak memory: search", "search.peak_mb", "MB"),
    Figure("DataFrame", "frame.peak_mb", "MB"),
    Figure("whole curves", "whole.peak_mb", "MB"),
)


_OTHERS = "the others"


def render(report: dict[str, Any]) -> str:
    machine, trackers = report["machine"], report["trackers"]
    present = {name: row for name, row in trackers.items() if "missing" not in row}
    where = (
        f"{report['date'][:10]}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}, {report['minutes']:.0f} minutes; × is the ratio to nbtrack in the same run"
    )
    missing = [f"{name}: {row['missing']}, so not in the table." for name, row in trackers.items() if "missing" in row]
    return "\n".join(
        [where, "", *_process_table(present), "", *_store_table(report["stores"], present), "", _NOTES, *missing]
    )


_NOTES = """\
A run has 20 params, 10 metrics x 100 points and 8 tags; 50 long runs beside them have a metric of 10,000 points, and
their curves are thinned out to 1,000. Synthetic: filled by SQL straight into nbtrack's tables. Elsewhere nbtrack is
filled by a call a step, the others by the fastest way that they have for a whole run, and for 10 minutes at most.
wandb and tensorboardX read nothing back, so they are filled for a minute at most; the others write where they read,
and have nothing to apply. aim searches its index, which its server or `aim storage reindex` makes (`filled` has it);
trackio's search is SQL on its JSON columns; mlflow's curves are the bulk reads inside its store. System metrics
are off everywhere.\
"""


def _process_table(present: dict[str, Any]) -> list[str]:
    head = ["one process", *(figure.head for figure in PROCESS), "points kept", "of 1,000 after kill -9"]
    rows = []
    for row in present.values():
        logged = row["points"] + 50
        kept = f"{min(row['kept'], logged) * 100 / logged:.0f}% of {logged:,}"
        figures = (_cell(figure, row, present.get(OURS, {})) for figure in PROCESS)
        rows.append([f"{row['label']} {row['version']}", *figures, kept, f"{row['kept_of_1000_after_kill']:,}"])
    return markdown(head, rows)


def _store_table(stores: list[dict[str, Any]], trackers: dict[str, Any]) -> list[str]:
    head = ["store", "runs", "points", *(figure.head for figure in STORES)]
    rows = []
    ours = {row["size"]: row for row in stores if row["tracker"] == OURS and "seconds" in row}
    for row in sorted(stores, key=lambda row: (row["size"], "reason" in row)):
        label = trackers[row["tracker"]]["label"] + (", synthetic" if row.get("synthetic") else "")
        if "reason" in row:
            # Those that cannot be filled share a row of each size.
            reason = f"{label}: {row['reason']}"
            if rows and rows[-1][0] == _OTHERS and rows[-1][1] == f"{row['size']:,}":
                rows[-1][2] += f"; {reason}"
            else:
                rows.append([_OTHERS, f"{row['size']:,}", reason, *("–" for _ in STORES)])
            continue
        runs = f"{row['size']:,}" if row["complete"] else f"{row['runs']:,} of {row['size']:,}"
        unreadable = row["complete"] and row["tracker"] != OURS and "search" not in row
        beside = ours.get(row["size"], {})
        alike = row["points"] == beside.get("points")
        cells = [_cell(figure, row, beside, alike=alike) for figure in STORES]
        rows.append([label, runs, _points(row["points"]), *("none" if c == "–" and unreadable else c for c in cells)])
    rows += [_growth(ours[low], ours[high]) for low, high in zip(sorted(ours)[1:], sorted(ours)[2:], strict=False)]
    return markdown(head, rows)


def _growth(low: dict[str, Any], high: dict[str, Any]) -> list[str]:
    """How each figure of ours grows with the store."""
    factors = []
    for figure in STORES:
        small, large = _get(low, figure.path), _get(high, figure.path)
        factors.append(f"×{rounded(large / small)}" if small and large else "–")
    label = f"{OURS}: {low['size']:,} → {high['size']:,} runs"
    return [label, f"×{rounded(high['size'] / low['size'])}", f"×{rounded(high['points'] / low['points'])}", *factors]


def _cell(figure: Figure, row: dict[str, Any], ours: dict[str, Any], *, alike: bool = True) -> str:
    value, our = _get(row, figure.path), _get(ours, figure.path)
    if value is None:
        measured = row.get(figure.path.partition(".")[0])
        return "failed" if isinstance(measured, dict) and "failed" in measured else "–"
    # A store that holds less is not compared, but for the calls that log; nor is SQL with an API, in how long it took.
    alike = alike and not (figure.path == "seconds" and ours.get("synthetic"))
    compared = our and value != our and (alike or figure.path.startswith("log."))
    ratio = f" ({rounded(value / our)}×)" if compared and our else ""
    return f"{rounded(value * figure.scale)} {figure.unit}{ratio}"


def _get(row: dict[str, Any], path: str) -> float | None:
    value: Any = row
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else float(value)


def _points(points: int) -> str:
    return f"{points / 1e6:.1f} M" if points >= 1e5 else f"{points:,}"


def rounded(value: float) -> str:
    """A figure with as many digits as it can answer for."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def markdown(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    cells = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *rows]]
    return ["| " + " | ".join(row) + " |" for row in [cells[0], ["-" * width for width in widths], *cells[1:]]]
