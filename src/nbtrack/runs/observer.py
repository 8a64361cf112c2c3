"""Watches the active runs of this process: their progress, their output and their warnings.

Screens of this process read them at once (`nbtrack.observed`). For other processes, and for the time after the end, one
thread keeps them in the store: progress and warnings as tags, and the last lines of output as an artifact. The thread
wakes up once a second while a run is active and sleeps otherwise.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from .. import config, observed
from ..client import Client
from ..errors import InvalidParameter
from ..journal.recorder import tag_lines
from ..names import check_string
from ..observed import OUTPUT_FILE, RunProgress, ShownWarning, warnings_to_json
from ..process_end import at_process_end, stop_before_duckdb
from ..tags import OUTPUT, PROGRESS, WARNINGS
from . import console
from .loops import Loop, Loops
from .tqdm_bars import TqdmBar, TqdmBars

T = TypeVar("T")

TICK = 1.0
"""Seconds between two looks at the runs."""
PROGRESS_INTERVAL = 2.0
"""The fewest seconds between two values of the progress that are kept. It grows to five times of this in a long run, so
that an hour adds about 80 kB to the journal."""
OUTPUT_INTERVAL = 10.0
"""The fewest seconds between two times that output and warnings are kept. Those of a shorter run are not kept: its
screens in this process have them, and a sweep of thousands of runs shall not write thousands of files."""


class Observer:
    """What is seen of one active run.

    Args:
        client: The client of the run's store.
        run_id: ID of the run.
        keeps_output: Whether to keep the output in the store. What launched the process may keep it already.
    """

    def __init__(self, client: Client, run_id: str, *, keeps_output: bool) -> None:
        self.run_id = run_id
        self.loops = Loops()
        self.started = time.time()
        self.watches_tqdm = config.is_on("LOG_TQDM")
        self.is_open = True
        self._client = client
        self._keeping = threading.Lock()
        self._console = console.open_console() if config.is_on("LOG_OUTPUT") else None
        self._keeps_output = keeps_output
        self._final: RunProgress | None = None
        self._kept_progress: RunProgress | None = None
        self._kept_lines: list[str] = []
        self._kept_warnings: list[ShownWarning] = []
        self._born = self._progress_due = time.monotonic()
        self._output_due = self._born + OUTPUT_INTERVAL

    def progress(self) -> RunProgress | None:
        """Return how far the run is, or None if it does not say so."""
        if not self.is_open:
            return self._final
        _watch.look_at_bars()
        return self.loops.progress()

    def output(self) -> list[str]:
        """Return the last lines that the process wrote to stdout and stderr during the run."""
        return self._console.lines() if self._console else []

    def warnings(self) -> list[ShownWarning]:
        """Return the warnings that were shown during the run."""
        return self._console.warnings() if self._console else []

    def keep(self) -> None:
        """Keep in the store what has changed and is due. A store that fails is tried again later."""
        with self._keeping, suppress(Exception):
            now = time.monotonic()
            if self.is_open and now >= self._progress_due:
                self._progress_due = now + PROGRESS_INTERVAL * min(max((now - self._born) / 60, 1.0), 5.0)
                self._keep_progress(self.loops.progress())
            if self.is_open and now >= self._output_due:
                self._output_due = now + OUTPUT_INTERVAL
                self._keep_output()

    def end(self) -> None:
        """Keep the last state. The run has not been ended in the store yet."""
        last = self.progress()
        self._final = last and replace(last, seconds_left=None)
        self.is_open = False
        if self._console:
            console.close_console(self._console)
        with self._keeping:
            with suppress(Exception):
                self._keep_progress(self._final)
            with suppress(Exception):
                if time.monotonic() >= self._born + OUTPUT_INTERVAL:
                    self._keep_output()

    def _keep_progress(self, progress: RunProgress | None) -> None:
        if progress is not None and progress != self._kept_progress:
            self._kept_progress = progress
            self._set_tag(PROGRESS, progress.to_json())

    def _keep_output(self) -> None:
        if not self._keeps_output:
            return
        lines, shown = self.output(), self.warnings()
        if shown != self._kept_warnings:
            self._set_tag(WARNINGS, warnings_to_json(shown))
            self._kept_warnings = shown
        if lines != self._kept_lines:
            self._client.log_text(self.run_id, "".join(f"{line}\n" for line in lines), OUTPUT_FILE)
            # Screens read the file again when the tag has changed.
            self._set_tag(OUTPUT, str(time.time_ns() // 1_000_000))
            self._kept_lines = lines

    def _set_tag(self, key: str, value: str) -> None:
        self._client.recording.append(tag_lines(self.run_id, {key: value}))


class _Watch:
    """The observers of the active runs, and the thread that looks at them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._observers: tuple[Observer, ...] = ()
        self._thread: threading.Thread | None = None
        self._is_asleep = False
        self._stopped = False
        self._looking = threading.RLock()
        self._bars = TqdmBars(self._bar_ended)
        self._owners: dict[TqdmBar, Observer] = {}

    def add(self, observer: Observer) -> None:
        with self._changed:
            self._observers = (*self._observers, observer)
            if self._thread is None and not self._stopped:
                thread = threading.Thread(target=self._loop, name="nbtrack-observer", daemon=True)
                # The process may have reached its limit of threads, or be ending. Then nothing is kept on the way.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
                    stop_before_duckdb(self)
            elif self._is_asleep:
                self._changed.notify()

    def find(self, run_id: str) -> Observer | None:
        return next((each for each in self._observers if each.run_id == run_id), None)

    def remove(self, observer: Observer) -> None:
        with self._changed:
            self._observers = tuple(each for each in self._observers if each is not observer)
            if not self._observers:
                with self._looking:
                    self._bars.close()

    def stop(self) -> None:
        """Stop the thread. At their end, runs still keep their last state."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def forget_bars(self) -> None:
        """Leave tqdm as it was, without waiting for a lock."""
        self._bars.close()

    def look_at_bars(self) -> None:
        """Find the bars of tqdm, and the run of each."""
        with self._looking:
            observers = [each for each in self._observers if each.watches_tqdm]
            bars = self._bars.open_bars() if observers else []
            owners = {bar: self._owners.get(bar) or _owner(bar, observers) for bar in bars}
            self._owners = {bar: owner for bar, owner in owners.items() if owner is not None}
            for observer in observers:
                observer.loops.show_others([bar for bar, owner in self._owners.items() if owner is observer])

    def _bar_ended(self, bar: TqdmBar) -> None:
        owner = self._owners.get(bar)
        if owner is not None:
            owner.loops.end_other(bar)

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._is_asleep = not self._observers
                self._changed.wait(None if self._is_asleep else TICK)
                if self._stopped:
                    return
                self._is_asleep = False
                observers = self._observers
            with suppress(Exception):
                self.look_at_bars()
            for observer in observers:
                observer.keep()


def _owner(bar: TqdmBar, observers: Iterable[Observer]) -> Observer | None:
    """Return the run that a bar is about: the one that was started last before the bar. A bar around runs has none."""
    return max((each for each in observers if each.started <= bar.started), key=lambda each: each.started, default=None)


_watch = _Watch()


def watch(client: Client, run_id: str, *, keeps_output: bool = True) -> None:
    """Watch a run until it ends.

    Args:
        client: The client of the run's store.
        run_id: ID of the run.
        keeps_output: Whether to keep the output in the store too.
    """
    observer = Observer(client, run_id, keeps_output=keeps_output)
    observed.add(run_id, observer)
    _watch.add(observer)


def ended(run_id: str) -> None:
    """Keep the last state of a run, before it is ended in the store."""
    observer = _watch.find(run_id)
    if observer is not None:
        observer.end()
        _watch.remove(observer)


def progress(run_id: str, iterable: Iterable[T], total: float | None, label: str) -> Loop[T]:
    """Return an iterable over `iterable` that says how far the run is. A run that is not watched shows nothing.

    Raises InvalidParameter if an argument has the wrong type.
    """
    if not isinstance(iterable, Iterable) and not hasattr(iterable, "__getitem__"):
        raise InvalidParameter(f"iterable must be an iterable, not {type(iterable).__name__}.")
    check_string(label, "label")
    if total is not None and (isinstance(total, str | bytes | bool) or observed.number(total) is None):
        raise InvalidParameter(f"total must be a number that is not negative, or None, not {total!r:.80}.")
    if total is None:
        length: Callable[[], int] | None = getattr(iterable, "__len__", None)
        # A loader over a stream has a length that cannot be asked for.
        with suppress(Exception):
            total = length() if length else None
    observer = _watch.find(run_id)
    return Loop(observer.loops if observer else Loops(), iterable, total, label)


def _reset() -> None:
    global _watch
    # The end of a bar that the child has inherited would wait for a lock that a thread of the parent held.
    _watch.forget_bars()
    _watch = _Watch()
    console.forget_all()
    observed.forget_all()


@at_process_end
def _stop() -> None:
    # Where DuckDB was never imported, nothing has stopped the thread.
    _watch.stop()


if hasattr(os, "register_at_fork"):
    # The parent's thread does not exist in the child, its locks may have been held, and the runs are the parent's.
    os.register_at_fork(after_in_child=_reset)
