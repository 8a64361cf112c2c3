"""Every notebook that users get runs from start to end, in a fresh folder and kernel, and is committed clean."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_under_nbval(notebook: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(notebook, tmp_path))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NBTRACK_")}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "--rootdir",
        str(tmp_path),
        "-p",
        "no:cacheprovider",
        "-q",
    ]
    done = subprocess.run([*command, str(copy)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    cells = [cell for cell in json.loads(copy.read_text())["cells"] if cell["cell_type"] == "code"]
    assert f"{len(cells)} passed" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(notebook: Path) -> None:
    """Outputs name the folder and the user of whoever ran it last; `make demo` makes fresh ones."""
    content = json.loads(notebook.read_text())
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None), cell["source"]


def test_quickstart_leaves_the_story_in_the_store(tmp_path: Path) -> None:
    """What `make demo` shows at its end is checked here: the runs, their curves and the model in production."""
    root = Path(__file__).parents[2]
    command = [sys.executable, str(root / "notebooks" / "demo.py"), str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert "models:/digits/Production is version 2" in done.stdout

    import nbtrack

    client = nbtrack.MlflowClient(tracking_uri=str(tmp_path / "demo" / ".nbtrack"))
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 31
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "val/loss")
        assert [point.step for point in history] == list(range(int(run.data.params.get("epochs", 40))))
    stages = {
        int(version.version): version.current_stage for version in client.search_model_versions("name = 'digits'")
    }
    assert stages == {1: "Archived", 2: "Production"}
    (production,) = client.get_latest_versions("digits", stages=["Production"])
    best = max(runs, key=lambda run: (run.data.metrics["val/accuracy"], -run.data.metrics["val/loss"]))
    assert production.run_id == best.info.run_id
    html = (tmp_path / "demo" / "01_quickstart.html").read_text()
    assert "held-out images are read correctly" in html
