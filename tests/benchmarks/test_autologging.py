"""What the table of autologging's overhead stands on works, with one training."""

from __future__ import annotations

import pytest

from nbtrack import autologging as core
from tests.benchmarks import autologging


@pytest.mark.slow
def test_a_training_is_measured_and_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autologging, "REPEAT", 1)
    name, train = next(autologging.sklearn())
    seen = []

    def watched() -> object:
        seen.append(not core.settings("sklearn").disable)
        return train()

    monkeypatch.setitem(autologging.FRAMEWORKS, "sklearn", lambda: iter([(name, watched)]))
    found = autologging.measure("nbtrack", "sklearn")
    assert seen == [False, True] * 3
    assert found[name]["off"] > 0
    ours, theirs = {name: {"off": 10.0, "more": 4.0}}, {name: {"off": 10.0, "more": 200.0}}
    row = autologging.render({"sklearn": {"nbtrack": ours, "mlflow": theirs}}).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [f"sklearn: {name}", "10.0 ms", "4 ms", "200 ms (50.0×)"]
