"""`nbtrack export`: writes runs as Parquet or CSV."""

from __future__ import annotations

import argparse

from ..client.moving import export

HELP = "Write runs, params, metrics, tags and the registry to a new folder, as Parquet or CSV."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="a new or empty folder")
    parser.add_argument("--csv", action="store_true", help="write one CSV file per table instead of Parquet")
    parser.add_argument(
        "--filter", default="", metavar="QUERY", help="export only the runs that match this filter, as in search_runs"
    )
    parser.add_argument(
        "--experiment", action="append", metavar="NAME", help="export only this experiment; can be repeated"
    )


def run(options: argparse.Namespace) -> int:
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
