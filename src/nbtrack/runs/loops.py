"""The loops of a run that say how far they are, and the time that is left of the outermost one."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from ..observed import RunProgress

T = TypeVar("T")

RECENT = 30.0
"""The rate of a loop is that of the last so many seconds, or of the last two steps if they took longer."""
_APART = 0.5
"""The fewest seconds between two measurements that are kept."""


class Bar(Protocol):
    """A loop that is running, or has ended."""

    @property
    def done(self) -> float:
        """How many steps are done."""

    @property
    def total(self) -> float | None:
        """How many steps there are, or None."""

    @property
    def label(self) -> str:
        """What the loop does. May be empty."""

    @property
    def started(self) -> float:
        """When the loop began, in seconds since the epoch."""


class LoopBar:
    """A loop over `run.progress(…)`."""

    __slots__ = ("done", "label", "started", "thread", "total")

    def __init__(self, total: float | None, label: str) -> None:
        self.done = 0
        self.total = total
        self.label = label
        self.started = time.time()
        self.thread = threading.get_ident()


class Loop(Generic[T]):
    """An iterable that counts its steps. It can be iterated as often as the one that it wraps."""

    def __init__(self, loops: Loops, iterable: Iterable[T], total: float | None, label: str) -> None:
        self._loops = loops
        self._iterable = iterable
        self._total = total
        self._label = label

    def __iter__(self) -> Iterator[T]:
        bar = LoopBar(self._total, self._label)
        self._loops.begin(bar)
        try:
            for item in self._iterable:
                yield item
                bar.done += 1
        finally:
            self._loops.end(bar)

    def __len__(self) -> int:
        if self._total is None:
            raise TypeError("The number of steps is not known.")
        return int(self._total)


class Loops:
    """The loops of one run. The outermost one is shown, with the inner ones as a part of its current step."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._open: list[LoopBar] = []
        self._others: Sequence[Bar] = ()
        self._shown: Bar | None = None
        self._step, self._part = 0.0, 0.0
        self._rate = Rate()
        self._progress: RunProgress | None = None

    def begin(self, bar: LoopBar) -> None:
        """Add a loop of the current thread."""
        with self._lock:
            self._open.append(bar)

    def end(self, bar: LoopBar) -> None:
        """Remove a loop. If it is the outermost one, its last state is still shown until another one begins."""
        with self._lock:
            self.progress()
            self._open.remove(bar)

    def show_others(self, bars: Sequence[Bar]) -> None:
        """Show progress bars of other libraries too, the outermost first."""
        with self._lock:
            self._others = bars

    def end_other(self, bar: Bar) -> None:
        """Remove a progress bar of another library, as `end` does."""
        with self._lock:
            self.progress()
            self._others = [other for other in self._others if other is not bar]

    def progress(self) -> RunProgress | None:
        """Return how far the outermost loop is, or None if there was no loop."""
        with self._lock:
            outermost = self._outermost()
            if outermost is not None:
                self._show(outermost, self._inside(outermost))
            return self._progress

    def _outermost(self) -> Bar | None:
        every: Iterator[Bar] = itertools.chain(self._open, self._others)
        return next(every, None)

    def _inside(self, outermost: Bar) -> list[Bar]:
        """Return the loops in a loop. Those of other threads run beside it."""
        inside = [bar for bar in self._open if bar is not outermost and bar.thread == getattr(outermost, "thread", 0)]
        return [*inside, *(bar for bar in self._others if bar.started > outermost.started)]

    def _show(self, bar: Bar, inside: Sequence[Bar]) -> None:
        total = bar.total
        step, part = float(bar.done), _part_done(inside) if total else 0.0
        before = self._progress
        if bar is not self._shown:
            self._shown, self._rate, before = bar, Rate(), None
        elif step == self._step:
            # The next inner loop of the same step begins from zero again.
            part = max(part, self._part)
        self._step, self._part = step, part
        done = step + part if total is None else min(step + part, max(total, step))
        if before is not None and (before.done, before.total, before.label) == (done, total, bar.label):
            return
        now = time.monotonic()
        self._rate.add(now, done)
        left = None if total is None or done >= total else self._rate.seconds(total - done)
        self._progress = RunProgress(done, total, bar.label, left, time.time_ns() // 1_000_000)


def _part_done(inside: Sequence[Bar]) -> float:
    """Return which part of a step is done, by the loops in it."""
    part = 0.0
    for bar in reversed(inside):
        total = bar.total
        part = min((bar.done + part) / total, 1.0) if total else 0.0
    return part


class Rate:
    """How fast a loop is, from when it was seen at which step."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def add(self, time: float, done: float) -> None:
        """Note that so many steps are done. Called only if their number has changed."""
        seen = self._seen
        if len(seen) > 1 and time - seen[-2][0] < _APART:
            seen.pop()
        if seen and done < seen[-1][1]:
            # The loop was set back.
            seen.clear()
        seen.append((time, done))
        while len(seen) > 3 and seen[1][0] < time - RECENT:
            seen.popleft()

    def seconds(self, steps: float) -> float | None:
        """Return how long so many steps take, or None if it is not known yet."""
        (first, low), (last, high) = self._seen[0], self._seen[-1]
        return None if high <= low or last <= first else round(steps * (last - first) / (high - low), 1)
