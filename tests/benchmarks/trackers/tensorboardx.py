"""tensorboardX: TensorBoard's event files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.benchmarks import workload as w

from .base import Tracker


class TensorboardX(Tracker):
    name = label = module = "tensorboardX"
    points = 10_000
    unreadable = "only writes; TensorBoard reads"

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

    def add(self, run: w.TeamRun) -> None:
        from tensorboardX import SummaryWriter

        with SummaryWriter(str(self.folder / run.experiment / run.name)) as writer:
            writer.add_hparams(run.params | run.tags, {})
            for key, values in run.metrics.items():
                for step, value in enumerate(values):
                    writer.add_scalar(key, value, step)


def _tfrecords(data: bytes) -> Iterator[bytes]:
    """Records of a TensorBoard file: length (8 bytes), its checksum (4), the record, its checksum (4)."""
    position = 0
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 8], "little")
        if end + 4 > len(data):
            return
        yield data[position + 12 : end]
        position = end + 4
