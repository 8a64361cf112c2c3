"""`nbtrack merge`: merges another nbtrack store into this one."""

from __future__ import annotations

import argparse

from ..client.moving import merge

HELP = "Merge another nbtrack store into this one. The other store is not changed."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "other", metavar="OTHER", help="the folder of the other store, or the project folder that contains it"
    )


def run(options: argparse.Namespace) -> int:
    print(merge(options.other))
    return 0
