"""`nbtrack export`: runs as Parquet or CSV."""

from __future__ import annotations

import argparse

HELP = "Write runs, params, metrics, tags and the registry as Parquet (or CSV) into a new folder."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="a new or empty folder")
    parser.add_argument("--csv", action="store_true", help="one CSV file a table, in place of Parquet")
    parser.add_argument("--filter", default="", metavar="QUERY", help="only runs that match, as in search_runs")
    parser.add_argument(
        "--experiment", action="append", metavar="NAME", help="only this experiment; may be given several times"
    )


def run(options: argparse.Namespace) -> int:
    from ..client.moving import export

    rows = export(
        options.folder,
        format="csv" if options.csv else "parquet",
        filter_string=options.filter,
        experiment_names=options.experiment,
    )
    width = max(map(len, rows))
    for table, count in rows.items():
        print(f"{table:<{width}} {count:>12,}")
    return 0
