"""The report as Markdown: one table of log calls, one of a store with 500 runs; each figure with its ratio to ours."""

from __future__ import annotations

from typing import Any

STORE_ROWS = (
    ("fill it (nbtrack: a call a step, mlflow: a batch a run), s", "fill_s", "fill_s"),
    ("database file, MB", "database_mb", "database_mb"),
    ("whole folder, MB", "folder_mb", "folder_mb"),
    ("top-20 search, ms", "read_ms.top-20", "read_ms.top-20"),
    ("all runs as a DataFrame, ms", "read_ms.DataFrame", "read_ms.DataFrame"),
    ("curves of 50 runs: our one request, mlflow's 50 `get_metric_history`, ms", "read_ms.curves", "read_ms.histories"),
    ("the same: our one request, the bulk read inside mlflow's store, ms", "read_ms.curves", "read_ms.curves"),
    ("the same: 50 `get_metric_history` on both, ms", "read_ms.histories", "read_ms.histories"),
)
"""What a row says, and where its two figures are: ours and mlflow's."""


def render(report: dict[str, Any]) -> str:
    machine, trackers = report["machine"], report["trackers"]
    present = {name: row for name, row in trackers.items() if "missing" not in row}
    where = (
        f"{report['date'][:10]}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}; × is the ratio to nbtrack in the same run"
    )
    lines = [
        where,
        "",
        *_log_table(present),
        *(f"\n{name}: {row['missing']}, so not in the table." for name, row in trackers.items() if "missing" in row),
        "",
        *_store_table(present["nbtrack"], present.get("mlflow")),
    ]
    return "\n".join(lines)


def _log_table(present: dict[str, Any]) -> list[str]:
    ours = present["nbtrack"]
    head = [
        "one process",
        "log call, median",
        "p99",
        "mean with close",
        "points kept",
        "after kill -9",
        "import",
        "import to first point",
    ]
    rows = [
        [
            f"{name} {row['version']}",
            *(_beside(row[key], ours[key], "µs") for key in ("median_us", "p99_us", "mean_with_close_us")),
            f"{min(row['kept'], row['points'] + 50) * 100 / (row['points'] + 50):.0f}% of {row['points']:,}",
            f"{row['kept_of_1000_after_kill']:,} of 1,000",
            _beside(row["import_ms"], ours["import_ms"], "ms"),
            _beside(row["first_point_ms"], ours["first_point_ms"], "ms"),
        ]
        for name, row in present.items()
    ]
    return _table(head, rows)


def _store_table(ours: dict[str, Any], theirs: dict[str, Any] | None) -> list[str]:
    head = ["500 runs x 5 metrics x 100 steps", "nbtrack", "mlflow, SQLite", "×"]
    rows = []
    for label, our_key, their_key in STORE_ROWS:
        our, their = _get(ours, our_key), _get(theirs, their_key) if theirs else None
        rows.append([label, _round(our), _round(their) if their else "–", f"{_round(their / our)}" if their else "–"])
    return _table(head, rows)


def _get(row: dict[str, Any], path: str) -> float:
    value: Any = row
    for key in path.split("."):
        value = value[key]
    return float(value)


def _beside(value: float, ours: float, unit: str) -> str:
    return f"{_round(value)} {unit}" + ("" if value == ours else f" ({_round(value / ours)}×)")


def _round(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    cells = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *rows]]
    return ["| " + " | ".join(row) + " |" for row in [cells[0], ["-" * width for width in widths], *cells[1:]]]
