"""`nbtrack doctor`: checks a store for damage, and repairs it.

Exit codes: 0 if the store is healthy or was repaired completely; 3 if damage was found and nothing was changed; 4 if
the store was repaired but some data is lost. The losses are listed.
"""

from __future__ import annotations

import argparse

from ..client import Client

HELP = "Check a store for damage. With --repair, recover everything that can still be read."

FOUND, LOSSES = 3, 4


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="repair what is damaged; the damaged files are kept")
    parser.add_argument(
        "--contents", action="store_true", help="also read every artifact and compare it with its stored digest"
    )
    parser.add_argument(
        "--rescue",
        metavar="FILE",
        action="append",
        default=[],
        help="a rescue file named in a warning; can be repeated",
    )


def run(options: argparse.Namespace) -> int:
    report = Client().doctor(options.repair, options.rescue, contents=options.contents)
    print(report)
    if report.has_losses:
        return LOSSES
    return 0 if report.is_repaired else FOUND
