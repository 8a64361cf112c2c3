"""What a screen shows before its first request: answers that travel with the widget, or stay in a saved notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MIME = "application/vnd.nbtrack.view+json"


@dataclass(frozen=True)
class Answer:
    """A request with its reply. The buffers are float64."""

    payload: Mapping[str, Any]
    reply: Mapping[str, Any]
    buffers: Sequence[bytes] = ()

    def series(self) -> list[Series]:
        """Return the reply's series with their points."""
        arrays = [memoryview(buffer).cast("d") for buffer in self.buffers]
        return [
            Series(entry["run_id"], entry["key"], arrays[2 * i].tolist(), arrays[2 * i + 1].tolist())
            for i, entry in enumerate(self.reply.get("series", ()))
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

    def saved(self) -> dict[str, Any]:
        """Return the form for the notebook file: JSON with six digits a number, and null for one that is not finite."""
        return self._dict(
            {
                name: [_json_numbers(memoryview(buffer).cast("d").tolist()) for buffer in answer.buffers]
                for name, answer in self.answers.items()
            }
        )

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
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]
