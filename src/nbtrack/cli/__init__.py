"""The command `nbtrack`: one module of this package for each of its commands.

A command's module has `HELP`, `arguments(parser)` and `run(options)`, which returns the exit code; the command has the
module's name, without the underscore that keeps it from being a keyword.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from types import ModuleType

from .. import config
from ..errors import NbtrackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. An NbtrackError is told on stderr and is exit code 1, a wrong call is 2."""
    options = parser().parse_args(arguments)
    try:
        if options.store is not None:
            config.set_tracking_uri(options.store)
        return int(options.run(options))
    except NbtrackError as error:
        print(f"nbtrack: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nbtrack: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough. The interpreter would complain when it writes the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """What the command understands, from the modules of this package."""
    whole = argparse.ArgumentParser(prog="nbtrack", description="The experiment tracker that lives in the notebook.")
    package = importlib.import_module(__name__.partition(".")[0])
    whole.add_argument("--version", action="version", version=f"{package.__name__} {package.__version__}")
    # Before the command or after it: what stands after it says nothing where it is left out.
    shared = argparse.ArgumentParser(add_help=False)
    for place, default in ((whole, None), (shared, argparse.SUPPRESS)):
        place.add_argument(
            "--store",
            metavar="FOLDER",
            default=default,
            help="the store, a folder .nbtrack; by default the one that a notebook in the working directory has",
        )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, module in _commands().items():
        command = commands.add_parser(name, help=module.HELP, description=module.HELP, parents=[shared])
        module.arguments(command)
        command.set_defaults(run=module.run)
    return whole


def _commands() -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name.rstrip("_"): importlib.import_module(f".{name}", __name__) for name in names}
