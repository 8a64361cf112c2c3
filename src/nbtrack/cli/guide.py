"""`nbtrack guide`: the pages of the documentation, in the terminal."""

from __future__ import annotations

import argparse
from importlib.resources import files

from ..errors import NotFound

HELP = "List the pages of the documentation, or print one."

HOME = "index"
"""The home page of the documentation site, which lists the other pages as this command does."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", metavar="PAGE", nargs="?", help="the page to print; without it, the pages are listed")


def pages() -> dict[str, str]:
    """Return the text of each page by its name. The API reference is on the site only: here, `help()` prints it."""
    return {
        entry.name.removesuffix(".md"): entry.read_text("utf-8")
        for entry in sorted(files("nbtrack").joinpath("guide").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".md") and entry.name != f"{HOME}.md"
    }


def run(options: argparse.Namespace) -> int:
    found = pages()
    if options.page is None:
        for name, text in found.items():
            print(f"{name:<12} {text.splitlines()[0].lstrip('# ')}")
    elif options.page in found:
        print(found[options.page])
    else:
        raise NotFound(f"Page {options.page!r} does not exist. The pages are {', '.join(found)}.")
    return 0
