"""`nbtrack import`: copies runs from another tracker or another store into this one."""

from __future__ import annotations

import argparse

from ..client.moving import import_runs
from ..transfer.sources import KINDS

HELP = "Import runs from MLflow, TensorBoard, W&B (offline runs) or another nbtrack store."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="an MLflow folder or database (mlruns, mlflow.db, sqlite:///mlflow.db), or the folder of another source",
    )
    parser.add_argument("--kind", choices=KINDS, help="the kind of the source, if it is not detected")
    parser.add_argument("--experiment", metavar="NAME", help="import all runs into this experiment")
    parser.add_argument(
        "--artifacts", metavar="FOLDER", help="where the artifacts of an MLflow store are, if they were moved"
    )
    parser.add_argument(
        "--follow-links",
        action="store_true",
        help="also import files outside a run's folder if a symbolic link in the folder points to them",
    )


def run(options: argparse.Namespace) -> int:
    print(
        import_runs(
            options.source,
            kind=options.kind,
            experiment=options.experiment,
            artifacts=options.artifacts,
            follow_links=options.follow_links,
        )
    )
    return 0
