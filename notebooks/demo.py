"""`make demo`: run the quickstart notebook with a new store, then print the runs and the model that it stored there."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

NOTEBOOK = Path(__file__).with_name("01_quickstart.ipynb")
COLUMNS = {
    "run": "tags.mlflow.runName",
    "val/accuracy": "metrics.val/accuracy",
    "val/loss": "metrics.val/loss",
    "learning_rate": "params.learning_rate",
    "width": "params.width",
    "activation": "params.activation",
    "seed": "params.seed",
}


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["NBTRACK_TRACKING_URI"] = str(folder.resolve() / ".nbtrack")
    # The matrices are small. On a busy machine, a second BLAS thread would only make the first one wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    html = execute(folder)
    print_best_runs()
    print_production_model()
    print(f"\nThe executed notebook: {html}\nTo run it yourself: make lab")


def execute(folder: Path) -> Path:
    """Run the notebook cell by cell, print the progress, save it as HTML, and return the path."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    done = 0
    start = time.monotonic()

    def progress(cell: nbformat.NotebookNode, **_: object) -> None:
        nonlocal done
        done += 1
        lines = [line for line in cell.source.splitlines() if line.strip()]
        print(f"  {time.monotonic() - start:5.1f} s  [{done}/{total}] {lines[0][:80]}", flush=True)

    print(f"Running {NOTEBOOK.name}:", flush=True)
    client = NotebookClient(
        notebook,
        timeout=170,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        on_cell_executed=progress,
    )
    client.execute()
    # The page loads nothing from the network.
    exporter = HTMLExporter(require_js_url="", mathjax_url="", mermaid_js_url="")
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": "nbtrack: quickstart"}})
    html = folder / NOTEBOOK.with_suffix(".html").name
    html.write_text(body, encoding="utf-8")
    return html.resolve()


def print_best_runs() -> None:
    import nbtrack

    order = ["metrics.`val/accuracy` DESC", "metrics.`val/loss`"]
    runs = nbtrack.search_runs(experiment_names=["digits"], order_by=order, max_results=10)
    table = runs[list(COLUMNS.values())].set_axis(list(COLUMNS), axis=1)
    print("\nThe ten best runs of the experiment digits:\n")
    print(table.to_string(index=False, float_format="{:.4f}".format))


def print_production_model() -> None:
    import nbtrack

    client = nbtrack.MlflowClient()
    (version,) = client.get_latest_versions("digits", stages=["Production"])
    run = client.get_run(version.run_id)
    print(f"\nmodels:/{version.name}/Production is version {version.version}, from run {run.info.run_name}")
    print(f"  validation accuracy {run.data.metrics['val/accuracy']:.4f}, files in {version.source}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo"))
