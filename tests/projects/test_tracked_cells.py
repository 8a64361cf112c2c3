"""Test that the tracked cells of a notebook that is an entry point are nested runs of the project's run."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import nbtrack
from nbtrack import tags
from nbtrack.entities import Run
from nbtrack.errors import ExecutionException
from nbtrack.projects import run

pytestmark = pytest.mark.slow


def write(folder: Path, *sources: str) -> str:
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell("alpha = 0", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in ("%load_ext nbtrack\nimport nbtrack", *sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "train.ipynb")
    (folder / "MLproject").write_text(
        "entry_points: {main: {notebook: train.ipynb, parameters: {alpha: {type: float, default: 1}}}}\n"
    )
    return str(folder)


def runs_by_name() -> dict[str, Run]:
    client = nbtrack.Client()
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return {run.info.run_name: run for run in client.search_runs(ids)}


def test_tracked_cells_are_nested_and_other_cells_log_to_the_run(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "project",
        "%%track first\nlr = 0.1\n{'loss': alpha}",
        "%%track second\nwith nbtrack.start_run(run_name='inner', nested=True):\n    pass",
        "nbtrack.log_metric('total', alpha * 2)",
        "%%track third\n{'loss': 3}",
    )
    submitted = run(folder, parameters={"alpha": 0.25}, run_name="whole", experiment_name="cells")
    found = runs_by_name()
    assert set(found) == {"whole", "first", "second", "inner", "third"}
    parents = {name: run.data.tags.get(tags.PARENT) for name, run in found.items()}
    whole = submitted.run_id
    second = found["second"].info.run_id
    assert parents == {"whole": None, "first": whole, "second": whole, "inner": second, "third": whole}
    assert found["whole"].data.params == {"alpha": "0.25"}
    assert found["whole"].data.metrics == {"total": 0.5}
    assert found["first"].data.metrics == {"loss": 0.25}
    assert found["first"].data.params == {"lr": "0.1"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert {run.info.experiment_id for run in found.values()} == {found["whole"].info.experiment_id}
    assert found["first"].data.tags[tags.SOURCE_NAME].endswith("train.ipynb")


def test_a_tracked_cell_that_fails_fails_the_run(tmp_path: Path) -> None:
    folder = write(tmp_path / "project", "%%track bad\nraise ValueError('no')", "%%track never\n1")
    with pytest.raises(ExecutionException, match="exit code 1"):
        run(folder, run_name="whole")
    found = runs_by_name()
    assert {name: run.info.status for name, run in found.items()} == {"whole": "FAILED", "bad": "FAILED"}
    assert "ValueError: no" in found["whole"].data.tags[tags.TRACEBACK]
