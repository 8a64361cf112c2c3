"""The data whose check is timed beside mlflow is accepted by both, and the table shows the ratio."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import models


@pytest.mark.slow
def test_the_check_of_data_is_measured_and_rendered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models, "CHECKS", 1)
    monkeypatch.setattr(models, "ROWS", 10)
    found = models.measure_checks()
    assert list(found) == list(models.frames())
    assert all(row["nbtrack"] > 0 and row["mlflow"] > 0 for row in found.values())
    row = models.render_checks({"a tensor": {"nbtrack": 20.0, "mlflow": 50.0}}).splitlines()[2]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["a tensor", "20.0 µs", "50.0 µs (2.5×)"]
