"""The command `nbtrack`. Each module of this package is one of its commands.

The module of a command has `HELP`, `arguments(parser)` and `run(options)`, which returns the exit code. The command has
the name of the module, without the underscore that makes `import_` a valid module name.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
import warnings
from collections.abc import Collection, Sequence

from .. import config
from ..errors import NbtrackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    An NbtrackError is printed to stderr and gives exit code 1. Wrong arguments give exit code 2.

    Args:
        arguments: The command line without the program's name. None stands for `sys.argv[1:]`.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = parser(_named(given)).parse_args(given)
    usual_format = warnings.formatwarning
    # The line of code that a warning points to says nothing to users of the command line.
    warnings.formatwarning = lambda message, *_, **__: f"nbtrack: {message}\n"
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
        # The reader of the output has closed it. The interpreter would report an error when it writes the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        warnings.formatwarning = usual_format


def parser(commands_in_use: Collection[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line, with a subcommand for each module of this package.

    Args:
        commands_in_use: The commands whose modules are imported. The others have no options. None stands for all.
    """
    whole = argparse.ArgumentParser(
        prog="nbtrack", description="nbtrack, the experiment tracker that lives in the notebook."
    )
    package = importlib.import_module(__name__.partition(".")[0])
    whole.add_argument("--version", action="version", version=f"{package.__name__} {package.__version__}")
    # The option can be given before or after the command. SUPPRESS keeps the second from overriding the first.
    shared = argparse.ArgumentParser(add_help=False)
    for place, default in ((whole, None), (shared, argparse.SUPPRESS)):
        place.add_argument(
            "--store",
            metavar="FOLDER",
            default=default,
            help="the store, a folder such as .nbtrack (default: the store that a notebook in this folder would use)",
        )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, file in _commands().items():
        if commands_in_use is not None and name not in commands_in_use:
            commands.add_parser(name)
            continue
        module = importlib.import_module(f".{file}", __name__)
        command = commands.add_parser(name, help=module.HELP, description=module.HELP, parents=[shared])
        module.arguments(command)
        command.set_defaults(run=module.run)
    return whole


def _commands() -> dict[str, str]:
    """Return the name of each command's module."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name.rstrip("_"): name for name in names}


def _named(arguments: Sequence[str]) -> Collection[str] | None:
    """Return the commands that a command line can be about, or None if its help lists all of them.

    Each command imports only what it needs. An argument that is no command but has the name of one, such as that of a
    folder, only imports more.
    """
    is_help_of_all = bool(arguments) and arguments[0] in ("-h", "--help")
    return None if is_help_of_all else [name for name in _commands() if name in arguments] or None
