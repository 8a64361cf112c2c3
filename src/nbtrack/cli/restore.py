"""`nbtrack restore`: replaces the database of the store with a backup."""

from __future__ import annotations

import argparse

from ..client import Client

HELP = "Replace the database of the store with a backup. The replaced database is kept in the store."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", metavar="FILE", help="a file written by `nbtrack backup`")


def run(options: argparse.Namespace) -> int:
    kept = Client().restore_backup(options.backup)
    print(f"Restored {options.backup}." + (f" The previous database is kept as {kept}." if kept else ""))
    return 0
