"""Registered models: versions by stage, who moved what when."""

from __future__ import annotations

from dataclasses import replace

from ..client import Client
from .host import ViewWidget
from .snapshot import Snapshot

SAVED_VERSIONS = 50
SAVED_EVENTS = 50


class Registry(ViewWidget):
    """The versions of one model, or of all, by stage, with the run behind each and the history of their stages."""

    bundle = "registry"

    def __init__(self, client: Client, name: str | None = None) -> None:
        self._model_asked = name
        super().__init__(client)

    def snapshot(self) -> Snapshot:
        name = self._model_asked
        return Snapshot("registry", {"name": name}, {"registry": self.ask("registry", {"name": name})})

    def thin_snapshot(self) -> Snapshot:
        snapshot = self.snapshot()
        answer = snapshot.answers["registry"]
        models = [
            {**model, "versions": model["versions"][:SAVED_VERSIONS], "events": model["events"][:SAVED_EVENTS]}
            for model in answer.reply["models"]
        ]
        return replace(snapshot, answers={"registry": replace(answer, reply={"models": models})})
