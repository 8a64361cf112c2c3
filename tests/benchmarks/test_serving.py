"""That what is timed is a request which is answered, and that the table shows the ratios."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbtrack.serving import ModelServer
from tests.benchmarks import serving


@pytest.mark.slow
def test_what_is_timed_is_answered(tmp_path: Path) -> None:
    rows = serving.save_model(tmp_path / "model")
    columns = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
    with ModelServer(str(tmp_path / "model"), port=0) as server:
        port = int(server.url.rpartition(":")[2])
        got = serving.measure(port, serving.request(rows[:3], columns), clients=2, seconds=0.2)
        assert got["requests"] > 0
        assert got["median_ms"] <= got["p99_ms"]
        # A refusal is no figure.
        with pytest.raises(AssertionError, match="400"):
            serving.Connection(port).ask(serving.request(rows[:3], columns[:3]))


def test_the_table_shows_the_ratio_to_ours() -> None:
    def row(factor: float) -> dict[str, object]:
        figures = {"per_second": 1_000 * factor, "median_ms": 2 / factor, "p99_ms": 4 / factor, "requests": 50}
        return {"version": "1", "start_s": 2.0, "loads": {"1 rows, 8 clients": figures}}

    lines = serving.render({"nbtrack": row(1), "mlflow": row(0.5)}).splitlines()
    assert len(lines) == 4
    assert "| 500 (0.5×) " in lines[3]
    assert "| 4 ms (2×) " in lines[3]
    assert "| 8 ms (2×) " in lines[3]
