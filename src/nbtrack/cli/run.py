"""`nbtrack run`: runs a project and records the run."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..entities import RunStatus
from ..errors import ExecutionException
from ..projects.launching import LOCAL, Display, Plan, launch, planned
from ..projects.options import add_arguments, request_of
from ..projects.output import show
from ..projects.running import finish
from ..projects.submitted import ARTIFACTS, OUTPUT, SubmittedRun
from ..tags import ENVIRONMENT_DIGEST, GIT_COMMIT, PROJECT_ENV, SOURCE_NAME

HELP = "Run a project: a folder, a git repository or a zip file with an MLproject file or scripts."


def arguments(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "--no-run", action="store_true", help="check everything and print what would run, but create and run nothing"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object at the end, and the output of the command to stderr"
    )


def run(options: argparse.Namespace) -> int:
    request = request_of(options)
    if options.no_run:
        with planned(request) as plan:
            described = _described(plan)
            print(json.dumps(described, indent=2) if options.json else _readable(described))
        return 0
    submitted = None
    with _signals_as_interrupts():
        try:
            submitted = launch(request, Display(stream=sys.stderr if options.json else sys.stdout))
            code = _finished(submitted)
        except KeyboardInterrupt as interrupt:
            reason = str(interrupt) or "interrupted"
            # An interrupt while the output is being kept comes too late for the command.
            is_late = submitted is not None and submitted.get_status() == RunStatus.FINISHED
            show(submitted.summary if submitted is not None and is_late else f"The run was {reason}.")
            code = 128 + signal.Signals[reason.split()[-1]] if interrupt.args else 130
    if options.json and submitted is not None:
        print(json.dumps(_outcome(submitted), indent=2))
    return code


def _finished(submitted: SubmittedRun) -> int:
    """Wait for the end of the command, say how it ended, and return the exit code of `nbtrack run`."""
    try:
        finish(submitted)
    except ExecutionException as error:
        show(error.message)
        code = error.exit_code
        # As a shell does for a command that a signal has ended.
        return 1 if not code else 128 - code if code < 0 else code
    show(submitted.summary)
    return 0


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """End the command and its run if this process is told to end, and not only by Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"interrupted by {signal.Signals(number).name}")

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    try:
        # Under nohup, SIGHUP is ignored.
        chosen = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, interrupt) for number in chosen}
    except ValueError:
        # Only the main thread can set them.
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _described(plan: Plan) -> dict[str, Any]:
    return {
        "uri": plan.source.uri,
        "commit": plan.source.commit,
        "repo_url": plan.source.repo_url,
        "branch": plan.source.branch,
        "dirty": bool(plan.source.patch),
        "entry_point": plan.entry_point.name,
        "command": plan.command,
        "parameters": dict(plan.resolved.values),
        "environment": plan.environment.describe(),
        "environment_digest": plan.environment.digest,
    }


def _readable(described: dict[str, Any]) -> str:
    parameters = described["parameters"]
    rows = [
        ("project", described["uri"]),
        (
            "commit",
            f"{described['commit']}{', with changes' if described['dirty'] else ''}" if described["commit"] else "",
        ),
        ("branch", described["branch"]),
        ("entry point", described["entry_point"]),
        ("parameters", ", ".join(f"{name}={value}" for name, value in parameters.items())),
        ("environment", described["environment"]),
        ("command", described["command"]),
    ]
    return "\n".join(f"{name:<12} {_visible(value)}" for name, value in rows if value)


def _visible(value: str) -> str:
    """Return a value as it can be shown before its project is trusted: no character hides what would run."""
    escaped = (
        "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)
        for line in value.split("\n")
    )
    return f"\n{'':13}".join(escaped)


def _outcome(submitted: SubmittedRun) -> dict[str, Any]:
    client = submitted.client
    run = client.get_run(submitted.run_id)
    tags = run.data.tags
    return {
        "run_id": submitted.run_id,
        "run_name": run.info.run_name,
        "status": run.info.status,
        "exit_code": submitted.exit_code,
        "command": submitted.command,
        "experiment": client.get_experiment(run.info.experiment_id).name,
        "experiment_id": run.info.experiment_id,
        "parameters": run.data.params,
        "uri": tags.get(SOURCE_NAME),
        "commit": tags.get(GIT_COMMIT),
        "environment": tags.get(PROJECT_ENV, LOCAL),
        "environment_digest": tags.get(ENVIRONMENT_DIGEST),
        "output": f"{ARTIFACTS}/{OUTPUT}",
    }
