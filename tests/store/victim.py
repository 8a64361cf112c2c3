"""Forks processes that log, or log and apply, until they are killed, and write down what a call has returned from.

python victim.py STORE, then for each process a line `ACKNOWLEDGED log|apply` on stdin; its pid comes on stdout.
"""

from __future__ import annotations

import os
import signal
import sys

import duckdb  # noqa: F401  (imported once here, not by each process)

import nbtrack
from nbtrack import fluent  # noqa: F401


def main(store: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    nbtrack.set_tracking_uri(store)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            log(*line.split())
        print(pid, flush=True)


def log(acknowledged: str, mode: str) -> None:
    file = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        run = nbtrack.start_run()
        run_id = run.info.run_id
        os.write(file, f"run {run_id}\n".encode())
        for step in range(400):
            nbtrack.log_metric("loss", step / 7, step=step)
            os.write(file, f"point {run_id} {step}\n".encode())
            if mode == "apply" and step % 50 == 49:
                nbtrack.search_runs(max_results=1, output_format="list")
        nbtrack.end_run()
        os.write(file, f"ended {run_id}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
