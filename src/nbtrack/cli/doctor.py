"""`nbtrack doctor`: what is damaged in a store, and bringing back what can be read.

Exit codes: 0 nothing is wrong, or all was repaired; 3 something is wrong and nothing was changed; 4 repaired as far
as it goes, with losses, which are listed.
"""

from __future__ import annotations

import argparse

from ..client import Client

HELP = "Say what is damaged in a store; with --repair, bring back all that can be read."

FOUND, LOSSES = 3, 4


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="set right what is wrong; originals are kept")
    parser.add_argument("--contents", action="store_true", help="read every artifact and compare it with its digest")
    parser.add_argument(
        "--rescue", metavar="FILE", action="append", default=[], help="a rescue file that a warning has named"
    )


def run(options: argparse.Namespace) -> int:
    report = Client().doctor(options.repair, options.rescue, contents=options.contents)
    print(report)
    if report.has_losses:
        return LOSSES
    return 0 if report.is_repaired else FOUND
