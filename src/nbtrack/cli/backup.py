"""`nbtrack backup`: copies the store while runs are being logged."""

from __future__ import annotations

import argparse

from ..client import Client

HELP = "Write a consistent copy of the store, even while runs are being logged."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="FILE", help="where to write the copy: a file, or a folder with --artifacts")
    parser.add_argument(
        "--artifacts",
        action="store_true",
        help="also copy the artifacts, so that FILE becomes a folder with a complete store",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="overwrite FILE if it exists; a folder is overwritten only if it is a backup",
    )


def run(options: argparse.Namespace) -> int:
    path = Client().backup(options.target, artifacts=options.artifacts, force=options.force)
    print(path)
    return 0
