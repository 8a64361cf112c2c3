"""`nbtrack restore`: a backup in the place of the store's database."""

from __future__ import annotations

import argparse

from ..client import Client

HELP = "Put a backup in the place of the store's database, which is kept beside it."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", metavar="FILE", help="what `nbtrack backup` has made")


def run(options: argparse.Namespace) -> int:
    kept = Client().restore_backup(options.backup)
    print(f"Restored {options.backup}." + (f" The database that was there is now {kept}." if kept else ""))
    return 0
