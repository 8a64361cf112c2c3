"""`nbtrack guide`: the pages of the documentation, in the terminal."""

from __future__ import annotations

import argparse
from importlib.resources import files

from ..errors import NotFound

HELP = "List the pages of the documentation, or print one."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", metavar="PAGE", nargs="?", help="which one to print")


def run(options: argparse.Namespace) -> int:
    pages = {
        entry.name.removesuffix(".md"): entry.read_text("utf-8")
        for entry in sorted(files("nbtrack").joinpath("guide").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".md")
    }
    if options.page is None:
        for name, text in pages.items():
            print(f"{name:<12} {text.splitlines()[0].lstrip('# ')}")
    elif options.page in pages:
        print(pages[options.page])
    else:
        raise NotFound(f"There is no page {options.page!r}. There are {', '.join(pages)}.")
    return 0
