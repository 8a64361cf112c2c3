"""What `make bench` stands on still fits the store: its synthetic stores answer as its formulas say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import measure, synthetic, table
from tests.benchmarks import workload as w
from tests.benchmarks.trackers.nbtrack import Nbtrack

RUNS = 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    assert synthetic.fill(folder, RUNS) == RUNS * 10 * w.STEPS + w.LONG_RUNS * w.LONG_STEPS
    return folder


@pytest.fixture
def tracker(folder: Path) -> Nbtrack:
    tracker = Nbtrack(folder)
    tracker.connect()
    tracker.look_up()
    return tracker


@pytest.mark.slow
@pytest.mark.parametrize("what", measure.READS)
def test_what_is_timed_is_checked(tracker: Nbtrack, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_timed", lambda call: {"ms": 1.0})
    assert measure.READS[what](tracker, RUNS)["ms"] == 1.0


def test_a_wrong_answer_is_not_timed(tracker: Nbtrack, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = tracker.search()
    monkeypatch.setattr(tracker, "search", lambda: list(reversed(answer)))
    with pytest.raises(AssertionError):
        measure.search(tracker, RUNS)


@pytest.mark.slow
def test_what_logging_gives_is_what_sql_gives(tracker: Nbtrack, tmp_path: Path) -> None:
    logged = Nbtrack(tmp_path)
    logged.connect()
    for number in range(3):
        logged.add(w.team_run(number))
    logged.finish()
    import nbtrack

    query = (
        "SELECT run_name, key, step, value FROM runs JOIN metrics USING (run_id) "
        "WHERE run_name IN ('run-0', 'run-1', 'run-2') ORDER BY ALL"
    )
    texts = query.replace("step, value FROM runs JOIN metrics", "value, number FROM runs JOIN params")
    last = query.replace("step, value", "value, points, first_value, min_value, max_value").replace(
        "JOIN metrics", "JOIN latest_metrics"
    )
    by_logging = [nbtrack.sql(statement) for statement in (query, texts, last)]
    tracker.connect()
    for one, statement in zip(by_logging, (query, texts, last), strict=True):
        assert len(one) in (3_000, 60, 30)
        assert one.equals(nbtrack.sql(statement))


def test_the_table_shows_ratios_growth_and_reasons() -> None:
    def row(tracker: str, size: int, ms: float) -> dict[str, object]:
        common = {"tracker": tracker, "size": size, "runs": size, "complete": True, "points": size * 1_000, "mb": 1.0}
        return {**common, "seconds": 2.0, "search": {"ms": ms, "peak_mb": 100.0}}

    process = {"points": 100, "kept": 150, "kept_of_1000_after_kill": 1_000, "version": "1"}
    process |= {figure.path: 1.0 for figure in table.PROCESS}
    report = {
        "date": "2026-11-24T10:00:00+00:00",
        "minutes": 20.0,
        "machine": {"cores": 2, "memory_gb": 24, "system": "Linux", "python": "3.11"},
        "trackers": {"nbtrack": {"label": "nbtrack", **process}, "aim": {"label": "aim", **process}},
        "stores": [
            row("nbtrack", 500, 10.0),
            row("aim", 500, 25.0),
            row("nbtrack", 10_000, 20.0) | {"synthetic": True},
            {"tracker": "aim", "size": 10_000, "reason": "not filled in 10 min (about 60 at its pace)"},
            row("nbtrack", 100_000, 60.0) | {"synthetic": True},
        ],
    }
    text = table.render(report)
    cells = {tuple(part.strip() for part in line.split("|")[1:4]): line for line in text.splitlines() if "|" in line}
    assert "25.0 ms (2.5×)" in cells["aim", "500", "0.5 M"]
    assert ("nbtrack, synthetic", "100,000", "100.0 M") in cells
    assert "×3 " in cells["nbtrack: 10,000 → 100,000 runs", "×10.0", "×10.0"]
    assert any("aim: not filled in 10 min (about 60 at its pace)" in key for key in cells for key in key)
