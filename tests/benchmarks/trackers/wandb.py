"""Weights & Biases, offline: files that are looked at after an upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.benchmarks import workload as w

from .base import Tracker


class Wandb(Tracker):
    name = module = "wandb"
    label = "wandb, offline"
    points = 5_000
    unreadable = "reads only what was uploaded"

    def open(self) -> Callable[[float, int], Any]:
        self.run = self._init(project="bench")
        log = self.run.log
        return lambda value, step: log({"loss": value}, step=step)

    def _init(self, **what: Any) -> Any:
        import wandb

        quiet = wandb.Settings(mode="offline", console="off", silent=True, x_disable_stats=True)
        return wandb.init(dir=str(self.folder), settings=quiet, **what)

    def close(self) -> None:
        self.run.finish()

    def kept(self) -> int:
        from wandb.proto.wandb_internal_pb2 import Record

        count = 0
        for file in self.folder.rglob("*.wandb"):
            for record in _leveldb_log(file.read_bytes()):
                count += Record.FromString(record).WhichOneof("record_type") == "history"
        return count

    def add(self, run: w.TeamRun) -> None:
        active = self._init(project=run.experiment, name=run.name, config=run.params | run.tags)
        for step, values in enumerate(zip(*run.metrics.values(), strict=True)):
            active.log(dict(zip(run.metrics, values, strict=True)), step=step)
        active.finish()


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
