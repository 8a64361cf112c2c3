"""The last lines that this process writes to stdout and stderr, and the warnings that it shows, while runs are active.

The `write` of both streams is wrapped, not the streams: code that replaces `sys.stdout`, such as `%%capture`, works as
without nbtrack, and what it captures is not shown and not kept. What is written to the file descriptors below Python,
or to `sys.stdout.buffer`, is not seen.
"""

from __future__ import annotations

import itertools
import re
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from typing import Any
from weakref import WeakKeyDictionary

from ..capture.cell import shell
from ..observed import LONGEST_LINE, MOST_LINES, MOST_WARNINGS, ShownWarning

_LONGEST_TEXT = MOST_LINES * LONGEST_LINE
"""How much of the end of one call of `write` is read."""
_SHORT_TEXT = 1_000
_MOST_WAITING = 2_000
"""How many short texts may wait until they are divided into lines. A longer one does not wait."""

_CONTROLS = re.compile(
    r"(\r|\x1b\[\d{0,9}A)"  # what moves to another line, or to the beginning of this one
    r"|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


class _Line:
    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = ""


class _Screen:
    """One stream as a terminal shows it, as far as progress bars need it. Its lines are among those of all streams."""

    def __init__(self, lines: deque[_Line]) -> None:
        self._all = lines
        self._own: deque[_Line] = deque(maxlen=MOST_LINES)
        self._above: int | None = None
        """How many lines the cursor is above the last one. None if it is below: the next text begins a line there."""
        self._is_at_start = True

    def write(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            if number:
                self._move_down()
            # Most lines have no control characters, and looking for them takes longer than all the rest.
            for part in (line,) if line.isprintable() else _CONTROLS.split(line):
                if not part:
                    continue
                if part == "\r":
                    self._is_at_start = True
                elif part[0] == "\x1b":
                    self._move_up(int(part[2:-1] or 1))
                else:
                    self._put(part)

    def _put(self, text: str) -> None:
        if self._above is None:
            self._add_line()
            self._above = 0
        line = self._own[-1 - self._above]
        # A shorter text would leave the end of the line on a terminal. Progress bars clear it before that.
        line.text = (text if self._is_at_start else line.text + text)[: LONGEST_LINE + 1]
        self._is_at_start = False

    def _move_down(self) -> None:
        if self._above is None:
            self._add_line()
        self._above = self._above - 1 if self._above else None
        self._is_at_start = True

    def _move_up(self, lines: int) -> None:
        if self._own:
            self._above = min((-1 if self._above is None else self._above) + lines, len(self._own) - 1)
            self._is_at_start = True

    def _add_line(self) -> None:
        line = _Line()
        self._own.append(line)
        self._all.append(line)


class Console:
    """The last lines and the warnings since it was opened."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: deque[str | tuple[str]] = deque()
        """What was written to stdout, and in tuples what was written to stderr. Most are strings, because these cost
        less: Python's garbage collector does not look at them."""
        self._lines: deque[_Line] = deque(maxlen=MOST_LINES)
        self._screens = (_Screen(self._lines), _Screen(self._lines))
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, stream: int, text: str) -> None:
        """Add what was written to a stream, 0 or 1."""
        waiting = self._waiting
        waiting.append((text,) if stream else text)
        if len(waiting) > _MOST_WAITING or len(text) > _SHORT_TEXT:
            self._divide()

    def lines(self) -> list[str]:
        """Return the last lines. Those that are not complete yet are among them."""
        with self._lock:
            self._divide()
            shown = [line.text for line in self._lines]
        while shown and not shown[-1]:
            shown.pop()
        return [_cut(text) for text in shown[-MOST_LINES:]]

    def add_warning(self, category: str, message: str) -> None:
        """Count a warning that was shown."""
        key = category, _cut(" ".join(message.split()))
        with self._lock:
            if key in self._counts or len(self._counts) < MOST_WARNINGS:
                self._counts[key] = self._counts.get(key, 0) + 1

    def warnings(self) -> list[ShownWarning]:
        """Return the warnings, in the order in which they were first shown."""
        with self._lock:
            return [ShownWarning(*key, count) for key, count in self._counts.items()]

    def _divide(self) -> None:
        with self._lock:
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            for kind, group in itertools.groupby(waiting, key=type):
                texts = [each if isinstance(each, str) else each[0] for each in group]
                text = "".join(texts)[-_LONGEST_TEXT:]
                # Of much output, only the last lines are looked at. A progress bar may go up in them.
                if text.count("\n") > 2 * MOST_LINES and "\x1b" not in text:
                    text = "\n" + "\n".join(text.rsplit("\n", MOST_LINES)[1:])
                self._screens[kind is not str].write(text)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"


# -- what is wrapped ---------------------------------------------------------------------------------------------

_ABSENT = object()
_lock = threading.RLock()
_open: tuple[Console, ...] = ()
_active: set[int] = set()
"""The threads in which a wrapped `write` is running."""
_before: WeakKeyDictionary[Callable[..., Any], Any] = WeakKeyDictionary()
"""The own `write` that a stream had before it got one of ours."""
_streams: list[Any] = []
"""The streams that were wrapped."""
_show: Callable[..., Any] = warnings.showwarning
"""What shows a warning without nbtrack."""
_shell: Any = None
"""The IPython shell whose cells are watched."""


def open_console() -> Console:
    """Return a console that gets what is written and shown from now on."""
    global _open
    console = Console()
    with _lock:
        _open = (*_open, console)
        _wrap()
        _watch_cells()
    return console


def close_console(console: Console) -> None:
    """Give a console nothing more. With the last one, the streams become as they were."""
    global _open
    with _lock:
        _open = tuple(each for each in _open if each is not console)
        if not _open:
            _unwrap()


def forget_all() -> None:
    """Give no console anything more, because the runs of a forked child are not its own."""
    global _open, _lock
    _open = ()
    _active.clear()
    _lock = threading.RLock()


def _watch_cells() -> None:
    """Wrap the streams again in each cell: IPython wraps them itself, and restores what they were before the cell."""
    global _shell
    now = shell()
    if now is not None and now is not _shell:
        _shell = now
        now.events.register("pre_run_cell", _begin_cell)


def _begin_cell(*_: object) -> None:
    with _lock:
        if _open:
            _wrap()


def _wrap() -> None:
    global _show
    for number, stream in enumerate((sys.stdout, sys.stderr)):
        if stream is None or stream.write in _before:
            continue
        # A stream that allows no attributes is left as it is.
        with suppress(AttributeError, TypeError):
            stream.write = _wrapped(stream, number)  # type: ignore[method-assign]
            if not any(stream is known for known in _streams):
                _streams.append(stream)
    if warnings.showwarning is not _showing:
        _show, warnings.showwarning = warnings.showwarning, _showing


def _unwrap() -> None:
    # What other code has wrapped meanwhile stays. Our wrapper below it passes everything on and keeps nothing.
    for stream in _streams:
        before = _before.get(stream.write)
        if before is _ABSENT:
            del stream.write
        elif before is not None:
            stream.write = before
    _streams.clear()
    if warnings.showwarning is _showing:
        warnings.showwarning = _show


def _wrapped(stream: Any, number: int) -> Callable[..., Any]:
    """Return a `write` for a stream, which passes everything on first.

    There can be several around each other, with those of other code between them. Only the outermost one adds to the
    consoles.
    """
    write = stream.write
    active = _active

    def writing(*args: Any, **kwargs: Any) -> Any:
        thread = get_ident()
        if thread in active:
            return write(*args, **kwargs)
        active.add(thread)
        try:
            written = write(*args, **kwargs)
        finally:
            active.discard(thread)
        for console in _open:
            if args and type(args[0]) is str:
                console.add(number, args[0])
        return written

    _before[writing] = vars(stream).get("write", _ABSENT)
    return writing


def _showing(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
    _show(message, category, *args, **kwargs)
    for console in _open:
        console.add_warning(category.__name__, str(message))
