"""`nbtrack merge`: another nbtrack store, united with this one."""

from __future__ import annotations

import argparse

HELP = "Unite another nbtrack store with this one. The other stays as it is."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("other", metavar="OTHER", help="the other store's folder, or the project that it lies in")


def run(options: argparse.Namespace) -> int:
    from ..client.moving import merge

    print(merge(options.other))
    return 0
