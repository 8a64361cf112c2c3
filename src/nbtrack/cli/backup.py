"""`nbtrack backup`: one consistent copy of the store while runs are being written."""

from __future__ import annotations

import argparse

from ..client import Client

HELP = "Make one consistent copy of the store while runs are being written."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="FILE", help="the copy of the database; with --artifacts a folder")
    parser.add_argument(
        "--artifacts", action="store_true", help="copy the artifacts too: FILE is a folder, a whole store"
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE; of folders only an earlier backup")


def run(options: argparse.Namespace) -> int:
    path = Client().backup(options.target, artifacts=options.artifacts, force=options.force)
    print(path)
    return 0
