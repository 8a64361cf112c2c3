"""Registered models: their versions by stage, and the history of their stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..client import Client
from .host import ViewWidget
from .saved import MOST_COLUMNS, MOST_ROWS, Page, number, part, time
from .snapshot import Snapshot
from .table import Table, printable

MODELS, VERSIONS, EVENTS = 50, 20, 20
"""How many models the screen shows first, and how many versions of each stage and how many events of each model."""
SAVED_MODELS = 20


class Registry(ViewWidget):
    """The versions of registered models by stage, with the run behind each and the history of the stages.

    `nbtrack.registry()` creates one. The screen can move a version to another stage, and loads further models,
    versions and events on request.

    Args:
        client: Client of the store that has the models.
        name: Name of the one model to show. None shows all models.

    Raises:
        NotFound: If the model does not exist.
    """

    screen = "registry"

    def __init__(self, client: Client, name: str | None = None) -> None:
        self._name = name
        super().__init__(client)

    def snapshot(self) -> Snapshot:
        """Read the current state of the screen."""
        return self._snapshot_of(MODELS)

    def thin_snapshot(self, share: float = 1.0) -> Snapshot:
        """Read a state of the screen that is to be kept in a notebook.

        Args:
            share: How much of what is usually kept, between 0 and 1.

        Returns:
            The same as `snapshot`, with fewer rows and points.
        """
        return self._snapshot_of(part(SAVED_MODELS, 2 * min(share, 0.5)), part(VERSIONS, share), part(EVENTS, share))

    def _snapshot_of(self, models: int, versions: int = VERSIONS, events: int = EVENTS) -> Snapshot:
        request = {"name": self._name, "offset": 0, "limit": models, "versions": versions, "events": events}
        return Snapshot(self.screen, {"name": self._name}, {"registry": self.ask("registry", request)})

    def page(self, snapshot: Snapshot) -> Page:
        """Describe a snapshot without a widget."""
        reply = snapshot.answers["registry"].reply
        models, count = reply["models"], reply["count"]
        parts: list[Table | str] = []
        for model in models:
            parts += _model(model)
        if count > len(models):
            parts.append(f"… and {_more(count - len(models), 'model')}")
        if not models:
            parts.append("Register one with nbtrack.register_model, or from nbtrack.compare().")
        return Page(f"{count:,} registered model{'' if count == 1 else 's'}", parts)


def _model(model: Mapping[str, Any]) -> list[Table | str]:
    versions = model["versions"][:MOST_ROWS]
    metrics = list(dict.fromkeys(key for version in versions for key in version["metrics"]))[:MOST_COLUMNS]
    rows = [
        [
            str(version["version"]),
            version["stage"],
            ", ".join(version["aliases"]),
            version["run_name"],
            time(version["creation_time"]),
            version["user_id"],
            *(number(version["metrics"].get(key)) for key in metrics),
        ]
        for version in versions
    ]
    columns = ["version", "stage", "aliases", "run", "registered", "by", *metrics]
    parts: list[Table | str] = [printable(model["name"]), Table(columns, rows, frozenset({"version", *metrics}))]
    more = sum(model["stages"].values()) - len(rows)
    if more:
        parts.append(f"… and {_more(more, 'version')}")
    return parts


def _more(count: int, noun: str) -> str:
    return f"{count:,} more {noun}{'' if count == 1 else 's'}"
