"""The options of `nbtrack run`, which `%track run` takes too."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ..errors import InvalidParameter
from .environments import MANAGERS
from .launching import Request


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to run."""
    parser.add_argument(
        "uri", metavar="URI", help="a folder, a git repository or a zip file, with an optional #subfolder"
    )
    parser.add_argument(
        "-e",
        "--entry-point",
        metavar="NAME",
        default="main",
        help="an entry point of MLproject, or a .py, .sh or .ipynb file of the project (default: main)",
    )
    parser.add_argument("-v", "--version", metavar="VERSION", help="a branch, tag or commit of a git repository")
    parser.add_argument(
        "-P",
        "--param-list",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter; can be repeated. Parameters that are not declared are passed on as --NAME VALUE",
    )
    parser.add_argument(
        "-A",
        "--docker-args",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an option of `docker run`, such as gpus=all, or t for a flag; can be repeated",
    )
    parser.add_argument(
        "--experiment-name", metavar="NAME", help="the experiment of the run, which is created if it does not exist"
    )
    parser.add_argument("--experiment-id", metavar="ID", help="the experiment of the run, by its ID")
    parser.add_argument("--run-name", metavar="NAME", help="the name of the run (default: a generated one)")
    parser.add_argument("--run-id", metavar="ID", help="a run to use instead of a new one")
    parser.add_argument(
        "--env-manager",
        choices=MANAGERS,
        help="what creates the environment; local uses this one (default: as the files of the project say)",
    )
    parser.add_argument(
        "-b",
        "--backend",
        choices=["local"],
        default="local",
        help="where the project runs: only local, on this machine",
    )
    parser.add_argument("--rebuild", action="store_true", help="create the environment again")
    parser.add_argument(
        "--storage-dir",
        metavar="FOLDER",
        help="where remote files of path parameters are downloaded (default: temporary)",
    )


def request_of(options: argparse.Namespace) -> Request:
    """Return what the parsed options ask for. Raises InvalidParameter for a parameter without a name or a value."""
    return Request(
        uri=options.uri,
        entry_point=options.entry_point,
        version=options.version,
        parameters=_pairs(options.param_list, "-P"),
        experiment_name=options.experiment_name,
        experiment_id=options.experiment_id,
        run_id=options.run_id,
        run_name=options.run_name,
        env_manager=options.env_manager,
        storage_dir=options.storage_dir,
        docker_args=_pairs(options.docker_args, "-A", flags=True),
        rebuild=options.rebuild,
    )


def _pairs(words: Sequence[str], option: str, *, flags: bool = False) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not (equals or flags):
            raise InvalidParameter(f"{option} takes NAME=VALUE, such as {option} alpha=0.5, not {word!r:.80}.")
        if name in pairs:
            raise InvalidParameter(f"{option} has two values for {name!r:.80}. Pass it only once.")
        pairs[name] = value if equals else True
    return pairs
