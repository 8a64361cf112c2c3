"""System metrics of this process and its child processes, apart from those of the whole machine.

The keys are nbtrack's own: MLflow has none. They begin with `process_`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .gpus import Nvml, Values


class Family:
    """This process and its child processes: their CPU use, resident memory and number of threads.

    The CPU use is a share of the time since the last reading in which one core was busy, so four busy cores are 400 %.
    The first reading has no value. Child processes that have ended are counted, because their time is added to that of
    their parent.
    """

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._own = psutil.Process()
        self._processes: dict[int, Any] = {}
        self._read_at: float | None = None
        self.seconds = 0.0
        """How long all of these processes have used a core, at the last reading."""

    def pids(self) -> Collection[int]:
        """Return the IDs of the processes that were found at the last reading."""
        return self._processes.keys()

    def __call__(self) -> Values:
        """Return the current readings by metric."""
        pids = [self._own.pid, *descendants(self._own)]
        known = self._processes
        seconds = memory = threads = 0.0
        self._processes = {}
        for pid in pids:
            # A process can end at any moment.
            with suppress(self._psutil.Error):
                process = known.get(pid) or self._psutil.Process(pid)
                with process.oneshot():
                    seconds += sum(process.cpu_times()[:4])
                    memory += process.memory_info().rss
                    threads += process.num_threads()
                self._processes[pid] = process
        before, self._read_at = self._read_at, time.monotonic()
        found = {"process_memory_megabytes": memory / 1e6, "process_threads": threads}
        if before is not None and self._read_at > before:
            # A child that ends without its parent waiting for it takes its time along.
            found["process_cpu_percentage"] = max(seconds - self.seconds, 0.0) / (self._read_at - before) * 100
        self.seconds = seconds
        return found


def descendants(process: Any) -> list[int]:
    """Return the IDs of the child processes of a process, and of theirs.

    Linux knows the children of each thread. psutil would read the parents of all processes of the machine.
    """
    if sys.platform == "linux" and os.path.exists("/proc/thread-self/children"):
        found = [process.pid]
        for pid in found:
            found += _children(pid)
        return found[1:]
    return [child.pid for child in process.children(recursive=True)]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    # A process and a thread can end at any moment.
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


class ProcessGpus:
    """The NVIDIA GPUs that a family of processes uses: its memory on each, and how much of its time it takes.

    A GPU that only other processes use has no values. The driver of a container may know processes by the IDs that they
    have outside of it, and then no GPU has values.
    """

    def __init__(self, nvml: Nvml, family: Family) -> None:
        self._nvml = nvml
        self._family = family
        self._since = [0] * len(nvml.handles)
        """The time of the last sample of each GPU's use, in the driver's microseconds."""

    def __call__(self) -> Values:
        """Return the current readings by metric."""
        pids = self._family.pids()
        found: Values = {}
        for i, handle in enumerate(self._nvml.handles):
            # Not every GPU and driver supports every reading.
            with suppress(self._nvml.error):
                processes = self._nvml.api.nvmlDeviceGetComputeRunningProcesses(handle)
                own = [one for one in processes if one.pid in pids]
                if own:
                    found.update((f"process_gpu_{i}_{name}", value) for name, value in self._of(i, handle, own, pids))
        return found

    def _of(self, i: int, handle: Any, own: list[Any], pids: Collection[int]) -> Iterator[tuple[str, float]]:
        known = [one.usedGpuMemory for one in own if one.usedGpuMemory is not None]
        if known:
            yield "memory_usage_megabytes", sum(known) / 1e6
        with suppress(self._nvml.error):
            samples = self._nvml.api.nvmlDeviceGetProcessUtilization(handle, self._since[i])
            times = [sample.timeStamp for sample in samples]
            self._since[i] = max([self._since[i], *times])
            # The driver samples all processes at once. A process that was idle at a time has no sample of it.
            busy = sum(sample.smUtil for sample in samples if sample.pid in pids)
            if times:
                yield "utilization_percentage", min(busy / len(set(times)), 100.0)
