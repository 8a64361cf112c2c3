"""System metrics of active runs: CPU, memory, disk, network and NVIDIA GPUs, with MLflow's keys.

The same of this process alone is in `process_metrics.py`.

One thread per process samples for all active runs. It wakes up once a second while a run is active and sleeps
otherwise. A run's first sample is taken two seconds after its start, so a loop of short runs costs nothing. A forked
child has no such thread until it starts a run itself. The run of its parent is sampled by the parent.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from .. import config
from ..errors import InvalidParameter
from ..journal.stopping import without_stopping
from ..names import SYSTEM
from ..process_end import at_process_end
from .gpus import Gpus, Nvml, Values
from .process_metrics import Family, ProcessGpus

INTERVAL = 10.0
"""The default number of seconds between two samples of a run."""
FIRST = 2.0
"""The age of a run in seconds at its first sample."""
_TICK = 1.0
"""Seconds between two wake-ups of the thread. The counters are read once before the first sample, because the use of
the CPU is a difference."""


class LoggedRun(Protocol):
    """The part of an active run that is used here."""

    @property
    def is_open(self) -> bool:
        """Whether the run still takes metrics."""

    @property
    def log_metrics(self) -> Callable[[Mapping[str, Any]], None]:
        """The function that logs metrics to the run."""


# -- settings ----------------------------------------------------------------------------------------------------

_settings: dict[str, Any] = {}


def enable_system_metrics_logging() -> None:
    """Log system metrics for the runs that start from now on. This is the default.

    System metrics are the use of CPU, memory, disk, network and NVIDIA GPUs, with MLflow's keys, such as
    "system/cpu_utilization_percentage", and the CPU, memory, threads and GPUs that this process and its child processes
    use, such as "system/process_memory_megabytes". The first sample is taken two seconds after the start of a run.
    """
    _settings["enabled"] = True


def disable_system_metrics_logging() -> None:
    """Do not log system metrics for the runs that start from now on.

    `start_run(log_system_metrics=True)` logs them for a single run. The environment variable
    NBTRACK_ENABLE_SYSTEM_METRICS_LOGGING=false has the same effect as this function.
    """
    _settings["enabled"] = False


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Set how often system metrics are sampled, for the runs that start from now on.

    Args:
        interval: Seconds between two samples, a positive number. None restores the default: the environment variable
            NBTRACK_SYSTEM_METRICS_SAMPLING_INTERVAL, or else 10.

    Raises:
        InvalidParameter: If the interval is not positive or is infinite.
    """
    try:
        valid = interval is None or 0 < interval < float("inf")
    except TypeError:
        valid = False
    if not valid:
        raise InvalidParameter(f"interval must be a positive number of seconds, not {interval!r:.80}.")
    _settings["interval"] = interval


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Set how many samples are averaged for one logged point, for the runs that start from now on.

    Args:
        samples: A positive integer. None restores the default: the environment variable
            NBTRACK_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING, or else 1.

    Raises:
        InvalidParameter: If `samples` is not a positive integer.
    """
    if samples is not None and (isinstance(samples, bool) or not isinstance(samples, int) or samples < 1):
        raise InvalidParameter(f"samples must be a positive integer, not {samples!r:.80}.")
    _settings["samples"] = samples


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Set the name of this machine, so that several machines can log system metrics to one run.

    Args:
        node_id: The name. The keys then start with `system/<node_id>/`. None restores the default: the environment
            variable NBTRACK_SYSTEM_METRICS_NODE_ID, or else no name.
    """
    _settings["node_id"] = node_id


def is_enabled() -> bool:
    """Return whether system metrics are logged for runs that start now.

    Returns:
        The setting of the functions above, or else of the environment.
    """
    enabled = _settings.get("enabled")
    if enabled is None:
        enabled = config.is_on("ENABLE_SYSTEM_METRICS_LOGGING")
    return bool(enabled)


def _interval() -> float:
    return float(_settings.get("interval") or _number_in("SYSTEM_METRICS_SAMPLING_INTERVAL") or INTERVAL)


def _samples() -> int:
    return int(_settings.get("samples") or _number_in("SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING") or 1)


def _number_in(variable: str) -> float | None:
    value = config.environment(variable)
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        warnings.warn(
            f"The environment variable NBTRACK_{variable} or MLFLOW_{variable} must be a positive number, not "
            f"{value!r:.80}. nbtrack uses the default.",
            stacklevel=4,
        )
        return None
    return number


# -- sampling ----------------------------------------------------------------------------------------------------


def watch(run: LoggedRun, wanted: bool | None = None) -> None:
    """Log system metrics for a run until it ends.

    Args:
        run: The run.
        wanted: Whether to log them. None stands for the setting.
    """
    if is_enabled() if wanted is None else wanted:
        _sampler.watch(_Watched(run))


class _Watched:
    """A run for which system metrics are logged."""

    def __init__(self, run: LoggedRun) -> None:
        self.run = run
        self.interval = _interval()
        self.samples = _samples()
        node = _settings.get("node_id") or config.environment("SYSTEM_METRICS_NODE_ID")
        self._prefix = f"{SYSTEM}{node}/" if node else SYSTEM
        self.due = time.monotonic() + min(FIRST, self.interval)
        self._network: Values = {}
        self._taken: list[Values] = []

    def begin(self, totals: Values) -> None:
        """Count the network traffic from here."""
        self._network = self._network or totals

    def take(self, values: Values, totals: Values) -> None:
        """Take one sample. When there are enough samples for a point, log their mean."""
        self.due = time.monotonic() + self.interval
        self._taken.append(values)
        if len(self._taken) < self.samples:
            return
        taken, self._taken = self._taken, []
        keys = dict.fromkeys(key for sample in taken for key in sample)
        point = {key: _mean([sample[key] for sample in taken if key in sample]) for key in keys}
        point |= {key: total - self._network.get(key, total) for key, total in totals.items()}
        if self.run.is_open:
            self.run.log_metrics({self._prefix + key: value for key, value in point.items()})


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 1)


class _Sampler:
    """The one sampling thread of this process. An error in it costs points, but never affects the training."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: list[_Watched] = []
        self._asleep = True
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._machine: Machine | None = None

    def watch(self, watched: _Watched) -> None:
        with self._changed:
            self._watched.append(watched)
            if self._thread is None and not self._stopped:
                thread = threading.Thread(target=self._loop, name="nbtrack-system-metrics", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    # The process has reached its limit of threads, or is ending.
                    self._watched.clear()
                else:
                    self._thread = thread
            elif self._asleep or watched.interval < _TICK:
                self._changed.notify()

    def stop(self) -> None:
        """Stop the thread, because nothing may be logged while the stores are being closed."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._watched = [watched for watched in self._watched if watched.run.is_open]
                self._asleep = not self._watched
                self._changed.wait(None if self._asleep else self._pause())
                if self._stopped:
                    return
                self._asleep = False
                watched = [one for one in self._watched if one.run.is_open]
            with suppress(Exception), without_stopping():
                self._sample(watched)

    def _pause(self) -> float:
        """Return the seconds until a run may be due, at most one tick, so that a new run need not wake the thread."""
        return min(_TICK, max(0.0, min(one.due for one in self._watched) - time.monotonic()))

    def _sample(self, watched: list[_Watched]) -> None:
        now = time.monotonic()
        # A run that ends within a tick causes no reading of the sensors.
        near = [one for one in watched if one.due - now < FIRST - _TICK or one.interval < FIRST]
        # Runs that are due at about the same time share this sample and all later ones.
        due = [one for one in near if one.due - now <= min(_TICK, one.interval) / 4]
        if not near:
            return
        machine = self._machine = self._machine or Machine()
        totals = machine.totals()
        if due:
            values = machine.values()
            for one in due:
                with suppress(Exception):
                    one.take(values, totals)
        elif machine.is_stale():
            machine.values()
        for one in near:
            one.begin(totals)


class Machine:
    """The sensors of this machine and this process. A sensor that fails is not read again."""

    def __init__(self) -> None:
        self._readings: list[Callable[[], Values]] = [Cpu(), _memory, _disk]
        self._totals: Callable[[], Values] | None = _network
        with suppress(Exception):
            family = Family()
            self._readings.append(family)
            nvml = Nvml()
            self._readings += [Gpus(nvml), ProcessGpus(nvml, family)]
        self._read_at = float("-inf")

    def is_stale(self) -> bool:
        """Return whether the last values are too old, so that the CPU use since then would describe another period.

        Returns:
            Whether more than two seconds have passed since `values` was called.
        """
        return time.monotonic() - self._read_at > 2 * _TICK

    def values(self) -> Values:
        """Read the values that can be averaged.

        Returns:
            Values by key.
        """
        self._read_at = time.monotonic()
        found: Values = {}
        for reading in list(self._readings):
            try:
                found.update(reading())
            except Exception:
                self._readings.remove(reading)
        return found

    def totals(self) -> Values:
        """Read the counters that have been growing since the machine was started.

        Returns:
            Values by key.
        """
        if self._totals is not None:
            try:
                return self._totals()
            except Exception:
                self._totals = None
        return {}


class Cpu:
    """The share of the time since the last reading in which the CPUs were busy. The first reading has no value."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def __call__(self) -> Values:
        """Return the current readings by metric."""
        import psutil

        times = psutil.cpu_times()
        # On Linux, `user` and `nice` already include the time of guests.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        last, self._last = self._last, (total, idle)
        if last is None or total <= last[0]:
            return {}
        busy = 1 - (idle - last[1]) / (total - last[0])
        return {"cpu_utilization_percentage": min(max(busy, 0.0), 1.0) * 100}


def _memory() -> Values:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "system_memory_usage_megabytes": memory.used / 1e6,
        "system_memory_usage_percentage": memory.used / memory.total * 100,
    }


def _disk() -> Values:
    import psutil

    disk = psutil.disk_usage(os.sep)
    return {
        "disk_usage_percentage": disk.percent,
        "disk_usage_megabytes": disk.used / 1e6,
        "disk_available_megabytes": disk.free / 1e6,
    }


def _network() -> Values:
    import psutil

    counters = psutil.net_io_counters()
    return {
        "network_receive_megabytes": counters.bytes_recv / 1e6,
        "network_transmit_megabytes": counters.bytes_sent / 1e6,
    }


_sampler = _Sampler()


def _reset_sampler() -> None:
    global _sampler
    _sampler = _Sampler()


@at_process_end
def _stop() -> None:
    _sampler.stop()


if hasattr(os, "register_at_fork"):
    # The parent's thread does not exist in the child, and its lock may have been held.
    os.register_at_fork(after_in_child=_reset_sampler)
