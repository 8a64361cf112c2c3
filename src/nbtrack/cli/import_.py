"""`nbtrack import`: what another tracker or another store holds, into this store."""

from __future__ import annotations

import argparse

HELP = "Bring runs over from MLflow, TensorBoard, W&B (offline) or another nbtrack store."


def arguments(parser: argparse.ArgumentParser) -> None:
    from ..transfer.sources import KINDS

    parser.add_argument(
        "source", metavar="SOURCE", help="mlruns, mlflow.db, sqlite:///mlflow.db, or a folder of one of the others"
    )
    parser.add_argument("--kind", choices=KINDS, help="what the source is, where it is not recognised")
    parser.add_argument("--experiment", metavar="NAME", help="put all runs into this experiment")
    parser.add_argument("--artifacts", metavar="FOLDER", help="where an MLflow store's artifacts are, if they moved")
    parser.add_argument(
        "--follow-links", action="store_true", help="take files outside a run's folder that are linked from it"
    )


def run(options: argparse.Namespace) -> int:
    from ..client.moving import import_runs

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
