"""What the live view costs the training loop: `python -m tests.benchmarks.live [--seconds 600]`.

A cell of a real kernel logs 1,000 points a second, with and without the widget, in turns. The figure is the CPU time
of the whole kernel, in percent of one core: the loop, the writing and applying of points, and everything that the
widget does there, with the sending of its messages. No page is connected, so no request of one is answered. What a page
does is measured by `tests.benchmarks.screens`.

Before, the run has few or many points, because the cost must not grow with them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from typing import Any

from jupyter_client.manager import start_new_kernel

from tests.benchmarks.__main__ import machine

POINTS = 1_000
"""Points a second."""
CASES = ((10, 6_000), (10, 600_000), (120, 6_000), (120, 600_000))
"""How many metrics the run has, and how many points of all of them it has before."""

SETUP = """
import json, time
import nbtrack
from nbtrack.widgets import LiveRun
nbtrack.set_tracking_uri({store!r})
nbtrack.disable_system_metrics_logging()
keys = ["group_%d/metric_%d" % (i // 10, i) for i in range({metrics})]

def train(seconds):
    behind, clock, cpu = 0, time.monotonic(), time.process_time()
    logged = 0
    while time.monotonic() - clock < seconds:
        nbtrack.log_metrics(dict.fromkeys(keys, 1 / (logged + 1)))
        logged += len(keys)
        pause = clock + logged / {points} - time.monotonic()
        if pause > 0:
            time.sleep(pause)
    wall = time.monotonic() - clock
    return 100 * (time.process_time() - cpu) / wall, logged / wall

run = nbtrack.start_run()
for key in keys:
    nbtrack.log_series(key, None, [0.5] * ({before} // len(keys)))
nbtrack.get_run(run.info.run_id)
"""
PLAIN = "print(json.dumps(train({seconds})))"
WATCHED = """
widget = nbtrack.live(run)
pushes = []
post = widget._post
widget._post = lambda message, buffers=(): (pushes.append(sum(map(len, buffers))), post(message, buffers))
time.sleep(3)
pushes.clear()
print(json.dumps([*train({seconds}), len(pushes) / {seconds}, sum(pushes) / max(len(pushes), 1)]))
widget.close()
time.sleep(3)
"""


def measured(metrics: int, before: int, seconds: float, repeat: int) -> dict[str, Any]:
    """Return the figures of one case."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        manager, client = start_new_kernel(kernel_name="python3")
        try:
            setup = SETUP.format(store=f"{folder}/.nbtrack", metrics=metrics, before=before, points=POINTS)
            list(_printed(client, setup))
            plain, watched = [], []
            for _ in range(repeat):
                plain.append(_figures(client, PLAIN.format(seconds=seconds)))
                watched.append(_figures(client, WATCHED.format(seconds=seconds)))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    without, with_widget = (statistics.median(each[0] for each in rows) for rows in (plain, watched))
    return {
        "metrics": metrics,
        "points before": before,
        "points per second": statistics.median(each[1] for each in watched),
        "% of a core without": without,
        "% of a core with": with_widget,
        "difference": statistics.median(b[0] - a[0] for a, b in zip(plain, watched, strict=True)),
        "pushes per second": statistics.median(each[2] for each in watched),
        "bytes of a push": statistics.median(each[3] for each in watched),
    }


def _figures(client: Any, code: str) -> list[float]:
    (figures,) = (json.loads(text) for text in "".join(_printed(client, code)).splitlines() if text.startswith("["))
    return list(figures)


def _printed(client: Any, code: str) -> Iterator[str]:
    """Run a cell to its end, and yield what it prints."""
    printed: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            printed.append(content["text"])
        elif message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))

    client.execute_interactive(code, allow_stdin=False, output_hook=hear)
    yield from printed


def main() -> None:
    """Print the figures of all cases."""
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or ""))
    parser.add_argument("--seconds", type=float, default=20, help="how long one measurement takes")
    parser.add_argument("--repeat", type=int, default=3, help="how many measurements there are of each kind")
    arguments = parser.parse_args()
    print(json.dumps(machine()), file=sys.stderr)
    for metrics, before in CASES:
        row = measured(metrics, before, arguments.seconds, arguments.repeat)
        print(json.dumps({key: round(value, 2) for key, value in row.items()}), flush=True)


if __name__ == "__main__":
    main()
