"""Watch a stage for changes, made by this process or by another one.

Reading the database takes milliseconds and the store's lock. Between two reads, only the store's revision is checked,
ten times a second. A read does not apply the journals: that would change the file, and the registry is not in the
journals. If another program holds the file, the next read waits for it.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ..entities import ModelVersion, StageChange
from ..errors import InvalidParameter, NbtrackError, StoreLocked, TimedOut
from ..model_names import check_model_name, check_version
from ..stages import canonical_stage
from ..store.protocol import Store

_INTERVAL = 0.1
_MAX_INTERVAL = 5.0
"""Seconds after which the database is read in any case, because file times on a network drive may come from a cache."""


class StageWatch(Iterator[StageChange]):
    """An iterator over the changes of the newest version in a stage, beginning with the version that is there.

    Changes that follow one another faster than they can be seen are combined into one, with all of its events. `stop()`
    ends the iteration from any thread. Raises NotFound, at once or during the iteration, if the model does not exist.
    """

    def __init__(self, store: Store, name: str, stage: str, timeout: float | None = None) -> None:
        self.name, self.stage = check_model_name(name), canonical_stage(stage)
        self._registry = store
        self._end = _end(timeout)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: Any = None
        self._looked = float("-inf")
        self._time = 0
        self._version: ModelVersion | None = None
        # A wrong name must raise now, not in the first turn of the loop.
        self._first: tuple[ModelVersion | None, int] | None = self._read()

    def __next__(self) -> StageChange:
        if self._first is not None:
            (version, self._time), self._first = self._first, None
            if version is not None:
                self._version = version
                return StageChange(self.name, self.stage, version)
        while self._pause():
            try:
                change = self._change()
            except StoreLocked:
                self._seen = None
                continue
            if change is not None:
                return change
        raise StopIteration

    def stop(self) -> None:
        """End the iteration, or the thread that runs the callback."""
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> StageWatch:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def call(self, callback: Callable[[StageChange], object]) -> None:
        """Call a function with each change, on a thread that ends with the process.

        If the function raises, a warning is issued and the watch continues.
        """
        self._thread = threading.Thread(target=self._call, args=[callback], name="nbtrack-watch", daemon=True)
        self._thread.start()

    def wait(self, version: int | str | None, timeout: float | None) -> ModelVersion:
        """Return as soon as this version, or any version for None, is in the stage. Raises TimedOut."""
        number = None if version is None else check_version(version)
        self._end = _end(timeout)
        while True:
            try:
                found = self._in_stage(number)
            except StoreLocked:
                self._seen = found = None
            if found is not None:
                return found
            if not self._pause():
                model, within = f"model {self.name!r:.120}", f"stage {self.stage} within {timeout} seconds."
                if number is None:
                    raise TimedOut(f"No version of {model} entered {within}")
                raise TimedOut(f"Version {number} of {model} did not enter {within}")

    def _in_stage(self, number: int | None) -> ModelVersion | None:
        with self._registry.snapshot(fresh=False):
            if number is None:
                return self._newest()
            found = self._registry.get_model_version(self.name, number)
        return found if found.current_stage == self.stage else None

    def _call(self, callback: Callable[[StageChange], object]) -> None:
        try:
            for change in self:
                try:
                    callback(change)
                except Exception as error:
                    warnings.warn(
                        f"The callback that watches stage {self.stage} of model {self.name!r} failed. It will be "
                        f"called for the next change. The error was: {type(error).__name__}: {error}",
                        RuntimeWarning,
                        stacklevel=2,
                    )
        except NbtrackError as error:
            warnings.warn(
                f"Stage {self.stage} of model {self.name!r} is no longer watched: {error}",
                RuntimeWarning,
                stacklevel=2,
            )

    def _change(self) -> StageChange | None:
        with self._registry.snapshot(fresh=False):
            version, last = self._read()
            events = self._registry.model_events(self.name, self._time)
        previous, self._time = self._version, max(last, self._time)
        if (version and version.version) == (previous and previous.version):
            return None
        self._version = version
        return StageChange(self.name, self.stage, version, previous, events)

    def _read(self) -> tuple[ModelVersion | None, int]:
        """Return the newest version in the stage, and the time of the model's last change."""
        with self._registry.snapshot(fresh=False):
            return self._newest(), self._registry.model_events(self.name)[0].timestamp

    def _newest(self) -> ModelVersion | None:
        found = self._registry.get_registered_model(self.name).latest_versions
        return next((version for version in found if version.current_stage == self.stage), None)

    def _pause(self) -> bool:
        """Wait until the store may have changed. Return False if the watch has ended instead."""
        while not self._stopped.is_set():
            remaining = self._end - time.monotonic()
            if remaining <= 0:
                return False
            # Ctrl-C ends the wait of an Event at once.
            if self._stopped.wait(min(_INTERVAL, remaining)):
                return False
            if self._may_have_changed():
                return True
        return False

    def _may_have_changed(self) -> bool:
        now = time.monotonic()
        seen = self._registry.revision()
        if seen is None or (seen == self._seen and now - self._looked < _MAX_INTERVAL):
            return False
        self._seen, self._looked = seen, now
        return True


def _end(timeout: float | None) -> float:
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout != timeout
    ):
        raise InvalidParameter(f"timeout must be a number of seconds or None, not {timeout!r:.80}.")
    return float("inf") if timeout is None else time.monotonic() + timeout
