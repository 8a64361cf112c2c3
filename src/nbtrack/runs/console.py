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
from typing import Any

from ..observed import LONGEST_LINE, MOST_LINES, MOST_WARNINGS, ShownWarning

_LONGEST_TEXT = MOST_LINES * LONGEST_LINE
"""How much of the end of one call of `write` is read."""
_MOST_WAITING = 4 * _LONGEST_TEXT
"""How much may wait, in characters and 64 for each call, until it is divided into lines."""

_CONTROLS = re.compile(
    r"(\n|\r|\x1b\[\d*A)"  # what moves to another line, or to the beginning of this one
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
        for part in filter(None, _CONTROLS.split(text)):
            if part == "\n":
                if self._above is None:
                    self._add_line()
                self._above = self._above - 1 if self._above else None
                self._is_at_start = True
            elif part == "\r":
                self._is_at_start = True
            elif part[0] == "\x1b":
                self._move_up(int(part[2:-1] or 1))
            else:
                if self._above is None:
                    self._add_line()
                    self._above = 0
                line = self._own[-1 - self._above]
                # A shorter text would leave the end of the line on a terminal. Progress bars clear it before that.
                line.text = (part if self._is_at_start else line.text + part)[: LONGEST_LINE + 1]
                self._is_at_start = False

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
        self._waiting: deque[tuple[int, str]] = deque()
        self._size = 0
        self._lines: deque[_Line] = deque(maxlen=MOST_LINES)
        self._screens = (_Screen(self._lines), _Screen(self._lines))
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, stream: int, text: str) -> None:
        """Add what was written to a stream, 0 or 1."""
        if len(text) > _LONGEST_TEXT:
            text = text[-_LONGEST_TEXT:]
        self._waiting.append((stream, text))
        self._size += len(text) + 64
        if self._size > _MOST_WAITING:
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
            self._size = 0
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            for stream, parts in itertools.groupby(waiting, key=lambda each: each[0]):
                text = "".join([part for _, part in parts])
                # Of much output, only the last lines are looked at. A progress bar may go up in them.
                if text.count("\n") > 2 * MOST_LINES and "\x1b" not in text:
                    text = "\n" + "\n".join(text.rsplit("\n", MOST_LINES)[1:])
                self._screens[stream].write(text)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"


# -- what is wrapped ---------------------------------------------------------------------------------------------

_lock = threading.RLock()
_open: tuple[Console, ...] = ()
_wrapped: list[tuple[Any, Callable[..., Any]]] = []
_show: Callable[..., Any] = warnings.showwarning
"""What shows a warning without nbtrack."""


def open_console() -> Console:
    """Return a console that gets what is written and shown from now on."""
    global _open
    console = Console()
    with _lock:
        _open = (*_open, console)
        _wrap()
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
    _lock = threading.RLock()


def _wrap() -> None:
    global _show
    for number, stream in enumerate((sys.stdout, sys.stderr)):
        if stream is None or any(stream is known for known, _ in _wrapped):
            continue
        write = _writing(stream.write, number)
        try:
            stream.write = write  # type: ignore[method-assign]
        except (AttributeError, TypeError):
            # A stream that allows no attributes is left as it is.
            continue
        _wrapped.append((stream, write))
    if warnings.showwarning is not _showing:
        _show, warnings.showwarning = warnings.showwarning, _showing


def _unwrap() -> None:
    # What other code has wrapped meanwhile stays. Ours then passes everything on and keeps nothing.
    for stream, write in _wrapped:
        if getattr(stream, "__dict__", {}).get("write") is write:
            del stream.write
    _wrapped.clear()
    if warnings.showwarning is _showing:
        warnings.showwarning = _show


def _writing(write: Callable[..., Any], number: int) -> Callable[..., Any]:
    def writing(*args: Any, **kwargs: Any) -> Any:
        written = write(*args, **kwargs)
        for console in _open:
            if args and type(args[0]) is str:
                console.add(number, args[0])
        return written

    return writing


def _showing(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
    _show(message, category, *args, **kwargs)
    for console in _open:
        console.add_warning(category.__name__, str(message))
