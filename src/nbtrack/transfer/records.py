"""The experiments, runs, points and models of a source, in one form for every kind of source."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..entities import LifecycleStage, ModelEvent, ModelGate

_OWN_ID = re.compile(r"[0-9a-f]{32}")
_NAMESPACE = uuid.UUID("5a1f6a0e-3f0b-5d53-9d5e-6f1f7a6b6e01")


def run_id_for(kind: str, identity: str) -> str:
    """Return the ID of a source's run in nbtrack: its own if it has 32 hex digits, else one derived from `identity`.

    The same identity gives the same ID on every machine, so that a second import finds the run.
    """
    return identity if _OWN_ID.fullmatch(identity) else uuid.uuid5(_NAMESPACE, f"{kind}:{identity}").hex


@dataclass(slots=True)
class SourceExperiment:
    """An experiment. The source's runs refer to it by `key`."""

    key: str
    name: str
    lifecycle_stage: str = LifecycleStage.ACTIVE
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SourceParam:
    """A param. `timestamp` is None if the source does not say when it was logged; the run's start is used then."""

    key: str
    value: str
    timestamp: int | None = None


@dataclass(slots=True)
class SourceInput:
    """A dataset that a run used."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    context: str | None = None
    timestamp: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    """The tags without the context."""


@dataclass(frozen=True, slots=True)
class Logged:
    """The entry of a file in a store's table: its size in bytes, and when it was logged, in milliseconds."""

    size: int
    timestamp: int


@dataclass(slots=True)
class SourceFolder:
    """A local folder whose files are artifacts of a run, below the artifact path `path`.

    `times` says when its files were logged, by artifact path. For other files, their modification time is used.
    """

    folder: Path
    path: str = ""
    times: dict[str, Logged] = field(default_factory=dict)


@dataclass(slots=True)
class SourceRun:
    """A run without its points. `key` identifies it in the source; `run_id` is its ID in nbtrack."""

    key: str
    run_id: str
    experiment: str
    name: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None = None
    lifecycle_stage: str = LifecycleStage.ACTIVE
    deleted_time: int | None = None
    params: list[SourceParam] = field(default_factory=list)
    param_history: list[SourceParam] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: list[SourceInput] = field(default_factory=list)
    folders: list[SourceFolder] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    """The content of artifacts that are not files in the source, by artifact path."""

    @property
    def recency(self) -> tuple[bool, int]:
        """How recent this state of the run is. An ended run is more recent than the same run while it was running."""
        return (self.end_time is not None, self.end_time or 0)


@dataclass(slots=True)
class Points:
    """Points of one metric in any order, as lists of the same length. Timestamps are milliseconds since the epoch."""

    key: str
    steps: list[int]
    timestamps: list[int]
    values: list[float]


@dataclass(slots=True)
class SourceVersion:
    """A model version. `source` is a URI that can be resolved in the target store, if possible."""

    version: int
    creation_time: int
    last_update_time: int
    stage: str
    description: str
    user_id: str
    source: str
    run_id: str
    run_link: str = ""
    status: str = "READY"
    status_message: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SourceModel:
    """A registered model.

    `events` is its history, if the source keeps one. Version numbers from `next_version` on were never used.
    """

    name: str
    description: str
    creation_time: int
    last_update_time: int
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    versions: list[SourceVersion] = field(default_factory=list)
    next_version: int = 1
    events: list[ModelEvent] = field(default_factory=list)
    gates: list[ModelGate] = field(default_factory=list)


class Source(Protocol):
    """A place to import runs from. It adds what it cannot provide to the report that it was created with."""

    kind: str
    name: str
    is_store: bool
    """Whether it is an nbtrack store. Then neither side takes precedence, and the two are merged."""

    def run_count(self) -> int: ...
    def experiments(self) -> Iterable[SourceExperiment]: ...
    def runs(self) -> Iterator[SourceRun]: ...
    def points(self, run: SourceRun) -> Iterator[Points]: ...
    def models(self) -> Iterable[SourceModel]: ...
    def close(self) -> None: ...
