"""NVIDIA GPUs, read with nvidia-ml-py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

Values = dict[str, float]


class Nvml:
    """The library and the handles of all GPUs. Raises an exception if it is not installed or finds no GPU."""

    def __init__(self) -> None:
        import pynvml

        self.api: Any = pynvml
        self.error: type[Exception] = pynvml.NVMLError
        pynvml.nvmlInit()
        self.handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]


class Gpus:
    """The GPUs of this machine, whoever uses them."""

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml

    def __call__(self) -> Values:
        """Return the current readings by metric."""
        found: Values = {}
        for i, handle in enumerate(self._nvml.handles):
            for reading in (self._memory, self._utilization, self._power):
                # Not every GPU supports every reading.
                with suppress(self._nvml.error):
                    found.update((f"gpu_{i}_{name}", value) for name, value in reading(handle))
        return found

    def _memory(self, handle: Any) -> Iterator[tuple[str, float]]:
        memory = self._nvml.api.nvmlDeviceGetMemoryInfo(handle)
        yield "memory_usage_percentage", memory.used / memory.total * 100
        yield "memory_usage_megabytes", memory.used / 1e6

    def _utilization(self, handle: Any) -> Iterator[tuple[str, float]]:
        yield "utilization_percentage", self._nvml.api.nvmlDeviceGetUtilizationRates(handle).gpu

    def _power(self, handle: Any) -> Iterator[tuple[str, float]]:
        milliwatts = self._nvml.api.nvmlDeviceGetPowerUsage(handle)
        yield "power_usage_watts", milliwatts / 1000
        yield "power_usage_percentage", milliwatts / self._nvml.api.nvmlDeviceGetEnforcedPowerLimit(handle) * 100
