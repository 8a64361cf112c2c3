"""`nbtrack models serve` beside `mlflow models serve`: the same model, the same bodies, the same connections.

`tests.benchmarks.frameworks` prints the table. A server is one process, as each makes it by itself;
mlflow's runs in this environment, without its own web server's workers. Connections are kept open, and each sends its
next request when it has the answer to the last one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks.table import markdown, rounded

OURS = "nbtrack"
ROWS, CLIENTS = (1, 100), (1, 8)
_BIN = Path(sys.executable).parent


def command(name: str, folder: Path, port: int) -> list[str]:
    shared = ["-m", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    if name == OURS:
        program = "import sys; from nbtrack.cli import main; sys.exit(main())"
        return [sys.executable, "-c", program, "models", "serve", *shared]
    return [str(_BIN / "mlflow"), "models", "serve", *shared, "--env-manager", "local"]


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, by how many connections."""

    rows: int
    clients: int

    @property
    def key(self) -> str:
        rows, clients = ("row" if self.rows == 1 else "rows"), ("client" if self.clients == 1 else "clients")
        return f"{self.rows} {rows}, {self.clients} {clients}"


def save_model(folder: Path) -> list[list[float]]:
    """The model that both serve; rows for it."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    import nbtrack

    rows, species = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=500).fit(rows, species)
    nbtrack.sklearn.save_model(model, str(folder), input_example=rows.head(2))
    return [list(map(float, row)) for row in rows.to_numpy()]


def request(rows: Sequence[Sequence[float]], columns: Sequence[str]) -> bytes:
    body = json.dumps({"dataframe_split": {"columns": columns, "data": rows}}).encode()
    head = f"POST /invocations HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Connection:
    """An open connection that sends whole requests, and costs little itself."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, message: bytes) -> bytes:
        self._socket.sendall(message)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._received()
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), got
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._received()
        return body

    def _received(self) -> bytes:
        part = self._socket.recv(1 << 16)
        assert part, "the server closed a connection"
        return part

    def close(self) -> None:
        self._socket.close()


@contextmanager
def server(name: str, folder: Path) -> Iterator[tuple[int, float]]:
    """A server in a process of its own: its port, and the seconds until it answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    # mlflow's command looks for uvicorn's there.
    environment = {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"}
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command(name, folder, port),
            stdout=said,
            stderr=said,
            cwd=folder.parent,
            env=environment,
            start_new_session=True,
        )
        try:
            ping = b"GET /ping HTTP/1.1\r\nHost: bench\r\n\r\n"
            while True:
                try:
                    connection = Connection(port)
                    connection.ask(ping)
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() - began > 180:
                        said.seek(0)
                        raise RuntimeError(f"{name} did not start:\n{said.read().decode()[-2000:]}") from None
                    time.sleep(0.05)
            connection.close()
            yield port, time.monotonic() - began
        finally:
            # mlflow's command is a shell with the server below it.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def measure(port: int, message: bytes, clients: int, seconds: float) -> dict[str, float]:
    """Requests a second, and the milliseconds that the median and the slowest hundredth of them took."""
    times: list[list[float]] = [[] for _ in range(clients)]
    barrier = threading.Barrier(clients + 1)

    def send(own: list[float]) -> None:
        connection = Connection(port)
        for _ in range(20):
            connection.ask(message)
        barrier.wait()
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            connection.ask(message)
            own.append(time.perf_counter() - start)
        connection.close()

    threads = [threading.Thread(target=send, args=[own]) for own in times]
    for thread in threads:
        thread.start()
    barrier.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    every = sorted(one for own in times for one in own)
    return {
        "per_second": len(every) / took,
        "median_ms": statistics.median(every) * 1e3,
        "p99_ms": every[len(every) * 99 // 100] * 1e3,
        "requests": len(every),
    }


def run(scratch: Path, seconds: float = 5.0, repeat: int = 3) -> dict[str, Any]:
    """The figures of both: the best of each repetition, which alternate, so that a busy moment meets both."""
    folder = scratch / "model"
    rows = save_model(folder)
    columns = json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]["columns"]
    messages = {size: request(rows[:size], columns) for size in ROWS}
    names = (OURS, "mlflow")
    found: dict[str, Any] = {name: {"version": version(name), "loads": {}, "start_s": []} for name in names}
    answers: dict[int, Any] = {}
    for _ in range(repeat):
        for name in names:
            with server(name, folder) as (port, started):
                found[name]["start_s"].append(started)
                for size, message in messages.items():
                    connection = Connection(port)
                    answer = json.loads(connection.ask(message))
                    connection.close()
                    assert answer == answers.setdefault(size, answer), (name, size)
                    assert len(answer["predictions"]) == size
                    for load in (Load(size, clients) for clients in CLIENTS):
                        got = measure(port, message, load.clients, seconds)
                        best = found[name]["loads"].setdefault(load.key, got)
                        if got["per_second"] > best["per_second"]:
                            found[name]["loads"][load.key] = got
    for row in found.values():
        row["start_s"] = min(row["start_s"])
    return found


def render(found: dict[str, Any]) -> str:
    """Both as a table, with the ratio of each figure to ours."""
    head = ["served by", "load", "requests/s", "median", "p99", "requests timed", "until it answers"]
    lines = []
    for key in found[OURS]["loads"]:
        for name, row in found.items():
            ours, own = found[OURS]["loads"][key], row["loads"][key]
            cells = [
                f"{rounded(own[figure])}{unit}" + ("" if name == OURS else f" ({rounded(own[figure] / ours[figure])}×)")
                for figure, unit in (("per_second", ""), ("median_ms", " ms"), ("p99_ms", " ms"))
            ]
            started = f"{rounded(row['start_s'])} s"
            lines.append([f"{name} {row['version']}", key, *cells, f"{int(own['requests']):,}", started])
    return "\n".join(markdown(head, lines))
