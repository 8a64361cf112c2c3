"""Follow a stage: load and warm up its new version beside the current one, and then switch to it.

A request is answered by the version that was served when it arrived. The switch is one assignment, and the old
version is released after its last request.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from ..client import Client
from ..entities import ModelVersion
from ..errors import InvalidParameter, NbtrackError
from ..model_registry.uris import ModelVersionUri, parse_uri
from ..model_registry.watching import StageWatch
from .served import ServedModel, open_next

_RETRY_SECONDS = 1.0


class CurrentModel:
    """The model that answers now, and what /health reports about a newer one that does not."""

    def __init__(self, served: ServedModel) -> None:
        self.served = served
        self.follows: str | None = None
        self.swaps = 0
        self.refused: dict[str, Any] | None = None
        self.trouble: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the state that `/health` reports."""
        status = "degraded" if self.refused or self.trouble else "ok"
        fields: dict[str, Any] = {"status": status, "model": self.served.to_dict()}
        if self.follows is not None:
            fields["follow"] = {"uri": self.follows, "swaps": self.swaps}
        if self.refused is not None:
            fields["refused"] = self.refused
        if self.trouble is not None:
            fields["trouble"] = self.trouble
        return fields


def check_followed(uri: str) -> ModelVersionUri:
    """Return the stage that a URI names. Raises InvalidParameter if it names none."""
    target = parse_uri(uri)
    if not isinstance(target, ModelVersionUri) or target.stage is None:
        raise InvalidParameter(
            f"To follow a stage, the URI must name one, such as models:/digits/Production, not {uri!r:.200}."
        )
    return target


class Follower:
    """A thread that keeps `current` at the newest version of a stage until `stop()` is called."""

    def __init__(self, uri: str, current: CurrentModel, *, trust: bool = False) -> None:
        self._target = check_followed(uri)
        self._current = current
        self._trust = trust
        self._stopped = threading.Event()
        self._watch: StageWatch | None = None
        self._thread = threading.Thread(target=self._follow, name="nbtrack-follow", daemon=True)
        current.follows = uri

    def start(self) -> None:
        """Start following the stage, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following. The model that is served stays."""
        self._stopped.set()
        watch = self._watch
        if watch is not None:
            watch.stop()
        # A thread that is loading a model ends with the process.
        self._thread.join(timeout=1)

    def _follow(self) -> None:
        current, name, stage = self._current, self._target.name, str(self._target.stage)
        while not self._stopped.is_set():
            try:
                with Client().watch(name, stage) as self._watch:
                    current.trouble = None
                    # The first change is the current version. If the stage is empty, no first change comes.
                    if not Client().get_latest_versions(name, [stage]):
                        self._switch_to(None)
                    for change in self._watch:
                        if self._stopped.is_set():
                            return
                        self._switch_to(change.version)
            except Exception as error:  # whatever happens to the registry, requests are answered
                current.trouble = f"Stage {stage} of model {name!r} cannot be followed: {_message_of(error)}"
                self._stopped.wait(_RETRY_SECONDS)

    def _switch_to(self, version: ModelVersion | None) -> None:
        current = self._current
        current.trouble = None
        if version is None:
            current.trouble = (
                f"Stage {self._target.stage} of model {self._target.name!r} has no version. "
                "The previous version continues to answer."
            )
            return
        if version.version == current.served.version:
            current.refused = None
            return
        uri = "/".join(filter(None, (f"models:/{version.name}/{version.version}", self._target.path)))
        try:
            served = open_next(uri, current.served, trust=self._trust)
        except Exception as error:  # whatever its files, its code or its example cause
            current.refused = {"version": version.version, "error": _message_of(error), "since": round(time.time(), 3)}
            return
        current.served, current.refused = served, None
        current.swaps += 1


def _message_of(error: Exception) -> str:
    message = error.message if isinstance(error, NbtrackError) else f"{type(error).__name__}: {error}"
    return message[:1000]
