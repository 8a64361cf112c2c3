"""Fork processes that work until they are killed, and record every call that has returned."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count

import duckdb  # noqa: F401  (imported once here, not by each process)

import nbtrack
from nbtrack.entities import Metric
from nbtrack.fluent import files, logging  # noqa: F401

MODEL = "digits"


def main(store: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    nbtrack.set_tracking_uri(store)
    for line in sys.stdin:
        acknowledged, mode = line.split()
        pid = os.fork()
        if pid == 0:
            MODES[mode](_writing_to(acknowledged))
        print(pid, flush=True)


def _writing_to(path: str) -> Callable[..., object]:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return lambda *words: os.write(file, f"{' '.join(map(str, words))}\n".encode())


def log(say: Callable[..., object]) -> None:
    while True:
        run = nbtrack.start_run()
        run_id = run.info.run_id
        say("run", run_id)
        for step in range(400):
            nbtrack.log_metric("loss", step / 7, step=step)
            say("point", run_id, step)
        nbtrack.end_run()
        say("ended", run_id)


def log_and_apply(say: Callable[..., object]) -> None:
    """Log like `log`, with batches large enough to be killed in the middle of an apply or a checkpoint."""
    client = nbtrack.MlflowClient()
    for number in count():
        if number % 3 == 2:
            _log_once(say, client)
        run_id = client.create_run("0").info.run_id
        say("run", run_id)
        for part in range(4):
            steps = range(part * 2000, part * 2000 + 2000)
            client.log_batch(run_id, [Metric("loss", step / 7, 1, step) for step in steps])
            say("points", run_id, steps.start, steps.stop)
            client.search_runs(max_results=1)
        client.set_terminated(run_id)
        say("ended", run_id)


def _log_once(say: Callable[..., object], client: nbtrack.MlflowClient) -> None:
    run_id = client.create_run("0").info.run_id
    say("run", run_id)
    client.log_metric(run_id, "loss", 0.0, step=0)
    say("points", run_id, 0, 1)
    client.set_terminated(run_id)
    say("ended", run_id)


def promote(say: Callable[..., object]) -> None:
    """Move versions through the stages, with an alias that follows. Each change is recorded after it was made."""
    client = nbtrack.MlflowClient()
    while True:
        version = client.create_model_version(MODEL, "source").version
        say("version", version)
        client.transition_model_version_stage(MODEL, version, "Staging")
        say("stage", version, "Staging")
        client.transition_model_version_stage(MODEL, version, "Production", archive_existing_versions=True)
        say("stage", version, "Production")
        client.set_registered_model_alias(MODEL, "champion", version)
        say("alias", version)


def rewind(say: Callable[..., object]) -> None:
    """Rewind runs from step 199 to step 99, and continue them to step 149."""
    while True:
        with nbtrack.start_run() as run:
            run_id = run.info.run_id
            say("run", run_id)
            for step in range(200):
                run.log_metric("loss", step / 7, step=step)
            say("points", run_id, 0, 200)
            run.rewind(99)
            say("rewound", run_id)
            for step in range(100, 150):
                run.log_metric("loss", step / 7, step=step)
            say("again", run_id)
        say("ended", run_id)


MODES = {"log": log, "apply": log_and_apply, "promote": promote}
if hasattr(nbtrack.ActiveRun, "rewind"):
    MODES["rewind"] = rewind


if __name__ == "__main__":
    main(*sys.argv[1:])
