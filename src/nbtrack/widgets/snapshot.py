"""What a screen shows before its first request: answers that travel with the widget, or stay in a saved notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MIME = "application/vnd.nbtrack.view+json"

LONGEST_SAVED = 1_000
"""How many characters of a string are saved, if there is room."""
SHORTEST_SAVED = 64
"""How many characters of a string are always saved. IDs are shorter."""


@dataclass(frozen=True)
class Answer:
    """A request with its reply. The buffers are float64."""

    payload: Mapping[str, Any]
    reply: Mapping[str, Any]
    buffers: Sequence[bytes] = ()

    def series(self) -> list[Series]:
        """Return the reply's series with their points."""
        return self._series_after(0, "series")

    def best_series(self) -> list[Series]:
        """Return the series of the best run, with their points."""
        return self._series_after(len(self.reply.get("series", ())), "best_series")

    def _series_after(self, first: int, name: str) -> list[Series]:
        arrays = [memoryview(buffer).cast("d") for buffer in self.buffers]
        return [
            Series(entry["run_id"], entry["key"], arrays[2 * i].tolist(), arrays[2 * i + 1].tolist())
            for i, entry in enumerate(self.reply.get(name, ()), first)
        ]


@dataclass(frozen=True)
class Series:
    """A curve."""

    run_id: str
    key: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Snapshot:
    """A screen by its name, how it was opened, and the answers to its first requests by name."""

    view: str
    options: Mapping[str, Any]
    answers: Mapping[str, Answer] = field(default_factory=dict)

    def state(self) -> dict[str, Any]:
        """Return the form for the widget's model, whose buffers ipywidgets sends as binary frames."""
        return self._dict({name: list(answer.buffers) for name, answer in self.answers.items()})

    def saved(self, longest: int = LONGEST_SAVED) -> dict[str, Any]:
        """Return the form for the notebook file: JSON with six digits a number, and null for one that is not finite.

        Strings of the replies are cut to `longest` characters, which must leave IDs as they are.
        """
        saved = self._dict(
            {
                name: [_json_numbers(memoryview(buffer).cast("d").tolist()) for buffer in answer.buffers]
                for name, answer in self.answers.items()
            }
        )
        for answer in saved["answers"].values():
            answer["reply"] = _shortened(answer["reply"], longest)
        return saved

    def _dict(self, buffers: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "view": self.view,
            "options": dict(self.options),
            "answers": {
                name: {"payload": dict(answer.payload), "reply": dict(answer.reply), "buffers": buffers[name]}
                for name, answer in self.answers.items()
            },
        }


def _json_numbers(values: Sequence[float]) -> list[float | None]:
    return [_six_digits(value) if math.isfinite(value) else None for value in values]


def _six_digits(value: float) -> float:
    """Return the number with six digits, as an integer if it is one, because that is shorter in JSON."""
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _shortened(value: Any, longest: int) -> Any:
    """Return a copy of a JSON value in which strings have at most `longest` characters. Keys stay as they are."""
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, Mapping):
        return {key: _shortened(item, longest) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(item, longest) for item in value]
    return value
