"""Each tracker, driven as its documentation says, with a count of the points that it really kept.

Settings that only cost time here (console capture, system metrics, dashboards, network) are off for everybody.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar


class Tracker:
    """One run in `folder`: `open`, then `log` (the tracker's own call, bound once), then `close`."""

    name: ClassVar[str]
    label: ClassVar[str]
    module: ClassVar[str]
    points: ClassVar[int]
    """Points to log: fewer where one takes milliseconds, so that everybody is measured over some seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> Callable[[float, int], Any]:
        """Begin a run, and return the call that logs a value of the metric `loss` at a step."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def kept(self) -> int:
        """Points of `loss` found in the folder by a process that did not write them."""
        raise NotImplementedError


class Nbtrack(Tracker):
    name = module = "nbtrack"
    label = "nbtrack"
    points = 20_000

    def open(self) -> Callable[[float, int], Any]:
        import nbtrack

        nbtrack.set_tracking_uri(str(self.folder / ".nbtrack"))
        nbtrack.set_experiment("bench")
        nbtrack.start_run()
        log_metric = nbtrack.log_metric
        return lambda value, step: log_metric("loss", value, step=step)

    def close(self) -> None:
        import nbtrack

        nbtrack.end_run()

    def kept(self) -> int:
        import nbtrack

        nbtrack.set_tracking_uri(str(self.folder / ".nbtrack"))
        runs = nbtrack.search_runs(experiment_names=["bench"], output_format="list")
        client = nbtrack.MlflowClient()
        return sum(len(client.get_metric_history(run.info.run_id, "loss")) for run in runs)


class Mlflow(Tracker):
    name = module = "mlflow"
    label = "mlflow, SQLite"
    points = 1_000

    def _connect(self) -> Any:
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{self.folder}/mlflow.db")
        return mlflow

    def open(self) -> Callable[[float, int], Any]:
        mlflow = self._connect()
        mlflow.set_experiment("bench")
        mlflow.start_run()
        log_metric = mlflow.log_metric
        return lambda value, step: log_metric("loss", value, step=step)

    def close(self) -> None:
        self._connect().end_run()

    def kept(self) -> int:
        return _rows(self.folder / "mlflow.db", "metrics")


class Trackio(Tracker):
    name = label = module = "trackio"
    points = 10_000

    def open(self) -> Callable[[float, int], Any]:
        os.environ["TRACKIO_DIR"] = str(self.folder)
        import trackio

        trackio.init(project="bench", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False)
        log = trackio.log
        return lambda value, step: log({"loss": value}, step=step)

    def close(self) -> None:
        import trackio

        trackio.finish()

    def kept(self) -> int:
        return _rows(self.folder / "bench.db", "metrics")


class Aim(Tracker):
    name = label = module = "aim"
    points = 5_000

    def _run(self, run_hash: str | None = None) -> Any:
        from aim import Repo, Run

        repo = Repo.from_path(str(self.folder), init=True)
        quiet = {"system_tracking_interval": None, "log_system_params": False, "capture_terminal_logs": False}
        return Run(run_hash, repo=repo, **quiet)

    def open(self) -> Callable[[float, int], Any]:
        self.run = self._run()
        track = self.run.track
        return lambda value, step: track(value, name="loss", step=step)

    def close(self) -> None:
        self.run.close()

    def kept(self) -> int:
        hashes = [chunk.name for chunk in (self.folder / ".aim" / "meta" / "chunks").iterdir()]
        metrics = [metric for run_hash in hashes for metric in self._run(run_hash).metrics()]
        return sum(len(metric.values.sparse_numpy()[1]) for metric in metrics if metric.name == "loss")


class Wandb(Tracker):
    name = module = "wandb"
    label = "wandb, offline"
    points = 5_000

    def open(self) -> Callable[[float, int], Any]:
        import wandb

        quiet = wandb.Settings(mode="offline", console="off", silent=True, x_disable_stats=True)
        self.run = wandb.init(project="bench", dir=str(self.folder), settings=quiet)
        log = self.run.log
        return lambda value, step: log({"loss": value}, step=step)

    def close(self) -> None:
        self.run.finish()

    def kept(self) -> int:
        from wandb.proto.wandb_internal_pb2 import Record

        count = 0
        for file in self.folder.rglob("*.wandb"):
            for record in _leveldb_log(file.read_bytes()):
                count += Record.FromString(record).WhichOneof("record_type") == "history"
        return count


class TensorboardX(Tracker):
    name = label = module = "tensorboardX"
    points = 10_000

    def open(self) -> Callable[[float, int], Any]:
        from tensorboardX import SummaryWriter

        self.writer = SummaryWriter(str(self.folder))
        add_scalar = self.writer.add_scalar
        return lambda value, step: add_scalar("loss", value, step)

    def close(self) -> None:
        self.writer.close()

    def kept(self) -> int:
        from tensorboardX.proto.event_pb2 import Event

        files = self.folder.glob("events.out.*")
        return sum(
            len(Event.FromString(data).summary.value) for file in files for data in _tfrecords(file.read_bytes())
        )


def _rows(database: Path, table: str) -> int:
    """Rows of a table; none where the writer died before it made the table."""
    with sqlite3.connect(database) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
            return 0
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _tfrecords(data: bytes) -> Iterator[bytes]:
    """Records of a TensorBoard file: length (8 bytes), its checksum (4), the record, its checksum (4)."""
    position = 0
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 8], "little")
        if end + 4 > len(data):
            return
        yield data[position + 12 : end]
        position = end + 4


def _leveldb_log(data: bytes) -> Iterator[bytes]:
    """Records of a W&B file: after a header of 7 bytes, a LevelDB log of 32 KiB blocks."""
    position, record = 7, b""
    while position + 7 <= len(data):
        if (left := 32768 - position % 32768) < 7:
            position += left
            continue
        end = position + 7 + int.from_bytes(data[position + 4 : position + 6], "little")
        kind = data[position + 6]
        if end > len(data) or not kind:
            return
        full_or_first, full_or_last = kind in (1, 2), kind in (1, 4)
        record = (b"" if full_or_first else record) + data[position + 7 : end]
        if full_or_last:
            yield record
        position = end


TRACKERS: dict[str, type[Tracker]] = {t.name: t for t in (Nbtrack, Mlflow, Trackio, Aim, Wandb, TensorboardX)}
