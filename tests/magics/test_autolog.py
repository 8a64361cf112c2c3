"""Test `%%track --autolog` and `%track autolog`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.error import UsageError

from nbtrack import autologging

from .conftest import Notebook

# scikit-learn, matplotlib and skops take seconds to import.
pytestmark = pytest.mark.slow

CELL = """
from sklearn.svm import SVC
from sklearn.metrics import accuracy_score
inputs = [[0.0], [1.0], [2.0], [3.0]]
model = SVC(C=2.0).fit(inputs, [0, 0, 1, 1])
score = accuracy_score([0, 0, 1, 1], model.predict(inputs))
"""


@pytest.fixture(autouse=True)
def autolog_off() -> Iterator[None]:
    yield
    autologging.switch_off()


@pytest.fixture(autouse=True)
def only_sklearn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbtrack.autologging.everything.integration_names", lambda: ["sklearn"])


def test_a_cell_with_autolog_logs_its_training_to_its_run(notebook: Notebook) -> None:
    notebook.run("%%track fit --autolog" + CELL).raise_error()
    (run,) = notebook.runs()
    assert run.info.run_name == "fit"
    assert run.data.params["C"] == "2.0"
    assert run.data.metrics["training_score"] == 1.0
    assert run.data.tags["estimator_name"] == "SVC"
    notebook.run(CELL).raise_error()
    assert len(notebook.runs()) == 1


def test_a_failing_cell_turns_autologging_off_again(notebook: Notebook) -> None:
    notebook.run("%%track fit --autolog" + CELL + "1 / 0")
    assert notebook.runs()[0].info.status == "FAILED"
    assert all(one.disable for one in autologging.known().values())


def test_earlier_settings_are_restored_after_the_cell(notebook: Notebook) -> None:
    notebook.run("nbtrack.sklearn.autolog(log_models=False, max_tuning_runs=2)").raise_error()
    before = autologging.settings("sklearn")
    notebook.run("%%track fit --autolog" + CELL).raise_error()
    assert autologging.settings("sklearn") == before


def test_on_and_off_in_a_line(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.run("%track autolog").raise_error()
    notebook.run("%track autolog on").raise_error()
    assert capsys.readouterr().out == "nbtrack: autologging is off\nnbtrack: autologging is on for sklearn\n"
    notebook.run(CELL).raise_error()
    assert notebook.runs()[0].data.metrics["accuracy_score_inputs"] == 1.0
    notebook.run("%track autolog off").raise_error()
    notebook.run(CELL).raise_error()
    assert len(notebook.runs()) == 1
    result = notebook.run("%track autolog maybe")
    assert isinstance(result.error_in_exec, UsageError)
    assert "autolog takes on or off, not 'maybe'" in str(result.error_in_exec)
