"""A process that logs, or logs and applies, until it is killed. What a call has returned from it writes to a file.

python victim.py STORE ACKNOWLEDGED log|apply
"""

from __future__ import annotations

import os
import sys

import nbtrack


def main(store: str, acknowledged: str, mode: str) -> None:
    nbtrack.set_tracking_uri(store)
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
