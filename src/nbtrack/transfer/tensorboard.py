"""TensorBoard event files. Each folder that contains some is a run, named by its path.

Scalars, texts, images and hparams are imported. The messages are read with the definitions that tensorboardX ships.
Their frames (TFRecord) are a length, a checksum of the length, the message and a checksum of the message.

A training that was resumed at a step writes an event with `SessionLog.START` and that step. As in TensorBoard, it hides
what the folder's earlier events have from that step on.
"""

from __future__ import annotations

import functools
import importlib
import math
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..entities import RunStatus
from ..errors import InvalidParameter, NotSupported
from ..tags import PARENT
from .cleaning import skipping_errors
from .records import Points, SourceExperiment, SourceModel, SourceParam, SourceRun, run_id_for
from .report import Report

KIND = "tensorboard"
_PATTERN = "*tfevents*"
_POINTS = 20_000
_CHECKED = 4096
"""The largest event in bytes whose checksum is checked: it is computed in Python, at 0.15 s for each megabyte."""
_ENDED = {1: RunStatus.FINISHED, 2: RunStatus.FAILED, 3: RunStatus.RUNNING}


def is_tensorboard_folder(path: Path) -> bool:
    """Return whether there are event files in the folder or below it."""
    return next(path.rglob(_PATTERN), None) is not None


@dataclass(slots=True)
class _Summary:
    """The content of a run's event files besides scalars, and the times of the first and the last event."""

    first: float = 0.0
    last: float = 0.0
    status: str = RunStatus.FINISHED
    params: dict[str, str] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    """The step of each of the contents."""
    restarts: list[int] = field(default_factory=list)
    """The steps at which the training was resumed, in the order of the events."""


class TensorboardFolder:
    """Reads event files.

    A run's ID is derived from the name of its first event file and the time of the first event, so it does not change
    when the folder is moved.
    """

    kind = KIND
    is_store = False

    def __init__(self, path: Path, report: Report) -> None:
        if not is_tensorboard_folder(path):
            raise InvalidParameter(f"{path} does not contain TensorBoard event files (*tfevents*).")
        self._messages = _messages()
        self.name = path.absolute().name
        self._root = path.absolute()
        self._report = report
        self._reported: set[tuple[str, Path]] = set()
        self._sound: dict[Path, int] = {}
        """The end of the last event of a file whose checksum was checked."""
        self._damaged: set[tuple[Path, int]] = set()
        """The events whose checksum is wrong, each with its end in its file."""
        self._restarts: dict[str, list[int]] = {}
        self._files: dict[str, list[Path]] = {}
        for file in sorted(self._root.rglob(_PATTERN)):
            if file.is_file():
                self._files.setdefault(file.parent.relative_to(self._root).as_posix(), []).append(file)
            elif not file.is_dir():
                self._report_file("event files that are links without a target, or not files", file)
        # A folder comes before those in it.
        self._files = dict(sorted(self._files.items(), key=lambda item: (item[0] != ".", item[0].split("/"))))

    def close(self) -> None:
        """Do nothing, because no file is kept open."""

    def run_count(self) -> int:
        return len(self._files)

    def experiments(self) -> Iterable[SourceExperiment]:
        return [SourceExperiment(self.name, self.name)]

    def models(self) -> Iterable[SourceModel]:
        return []

    def runs(self) -> Iterator[SourceRun]:
        ids: dict[str, str] = {}
        for path, files in self._files.items():
            identity = next((f"{file.name}@{event.wall_time!r}" for file in files for event in self._events(file)), "")
            if not identity:
                self._report.add_missing("folders whose event files are empty", path)
                continue
            ids[path] = run_id_for(KIND, identity)
            with skipping_errors(self._report, "runs that cannot be read", path):
                yield self._run(path, ids)

    def _run(self, path: str, ids: dict[str, str]) -> SourceRun:
        summary = self._summary(path)
        self._restarts[path] = summary.restarts
        # add_scalars and add_hparams write to folders of their own below the run's folder.
        parent = next((ids[above] for above in _above(path) if above in ids), None)
        return SourceRun(
            path,
            ids[path],
            self.name,
            self.name if path == "." else path,
            "",
            summary.status,
            int(summary.first * 1000),
            int(summary.last * 1000) if summary.status in RunStatus.ENDED else None,
            params=[SourceParam(key, value) for key, value in summary.params.items()],
            tags={PARENT: parent} if parent else {},
            contents=summary.contents,
        )

    def points(self, run: SourceRun) -> Iterator[Points]:
        plugins: dict[str, str] = {}
        series: dict[str, Points] = {}
        restarts = self._restarts[run.key]
        # The step from which on a later restart hides points: the lowest of those that are still to come.
        hidden_from = [min(restarts[at:], default=math.inf) for at in range(len(restarts) + 1)]
        passed = 0
        for event in (event for file in self._files[run.key] for event in self._events(file)):
            passed += self._is_restart(event)
            for value in event.summary.value:
                number = self._scalar(value, plugins)
                if number is None:
                    continue
                if event.step >= hidden_from[passed]:
                    self._report.add_note(_REPLACED, f"{run.key}: {value.tag}")
                    continue
                points = series.setdefault(value.tag, Points(value.tag, [], [], []))
                points.steps.append(event.step)
                points.timestamps.append(int(event.wall_time * 1000))
                points.values.append(number)
                if len(points.steps) >= _POINTS:
                    yield series.pop(value.tag)
        yield from series.values()

    def _summary(self, path: str) -> _Summary:
        summary = _Summary()
        plugins: dict[str, str] = {}
        for event in (event for file in self._files[path] for event in self._events(file)):
            summary.first = min(summary.first or event.wall_time, event.wall_time)
            summary.last = max(summary.last, event.wall_time)
            if self._is_restart(event):
                summary.restarts.append(event.step)
                for file in [file for file, step in summary.steps.items() if step >= event.step]:
                    self._report.add_note(_REPLACED, f"{path}: {file}")
                    del summary.contents[file], summary.steps[file]
            if event.HasField("graph_def") or event.HasField("meta_graph_def"):
                self._report.add_missing("graphs", path)
            for value in event.summary.value:
                if self._scalar(value, plugins) is None:
                    self._other(path, event.step, value, plugins.get(value.tag, ""), summary)
        return summary

    def _other(self, path: str, step: int, value: Any, plugin: str, summary: _Summary) -> None:
        """Import a value that is not a scalar: hparams as params, texts and images as artifacts."""
        if plugin == "hparams":
            self._hparams(value.metadata.plugin_data.content, summary)
        elif plugin == "text" and value.tensor.string_val:
            file = f"text/{_file_name(value.tag.removesuffix('/text_summary'))}/{step}.md"
            summary.contents[file] = b"\n\n".join(value.tensor.string_val)
            summary.steps[file] = step
        elif value.HasField("image"):
            content = value.image.encoded_image_string
            kind = {b"\x89PNG": "png", b"GIF8": "gif", b"\xff\xd8\xff": "jpg"}
            suffix = next((name for start, name in kind.items() if content.startswith(start)), "img")
            file = f"images/{_file_name(value.tag)}/{step}.{suffix}"
            summary.contents[file], summary.steps[file] = content, step
        else:
            what = plugin or value.WhichOneof("value") or "value"
            self._report.add_missing(f"{_OTHERS.get(what, f'values of kind {what!r}')}", f"{path}: {value.tag}")

    def _is_restart(self, event: Any) -> bool:
        return bool(event.HasField("session_log") and event.session_log.status == event.session_log.START)

    def _hparams(self, content: bytes, summary: _Summary) -> None:
        data = self._messages.plugin_hparams_pb2.HParamsPluginData.FromString(content)
        if data.HasField("session_start_info"):
            for key, value in data.session_start_info.hparams.items():
                kind = value.WhichOneof("kind")
                summary.params[key] = "" if kind is None else _text(getattr(value, kind))
        if data.HasField("session_end_info"):
            summary.status = _ENDED.get(data.session_end_info.status, summary.status)

    def _scalar(self, value: Any, plugins: dict[str, str]) -> float | None:
        """Return the number in a value, or None if it is not a number. Only a tag's first value names its plugin."""
        if plugin := value.metadata.plugin_data.plugin_name:
            plugins.setdefault(value.tag, plugin)
        if value.HasField("simple_value"):
            return float(value.simple_value)
        if value.HasField("tensor") and plugins.get(value.tag) == "scalars":
            return _number_in(value.tensor)
        return None

    def _report_file(self, reason: str, file: Path) -> None:
        """Report a file, once although it is read several times."""
        if (reason, file) not in self._reported:
            self._reported.add((reason, file))
            self._report.add_missing(reason, file.relative_to(self._root).as_posix())

    def _is_sound(self, data: bytes, checksum: bytes, file: Path, at: int) -> bool:
        """Return whether an event that ends at a position is as it was written. Report it once if it is not."""
        if (file, at) in self._damaged:
            return False
        # A file is read several times, and may have grown since.
        if at > self._sound.get(file, 0):
            if self._messages.masked_crc32c.__wrapped__(data) != int.from_bytes(checksum, "little"):
                self._damaged.add((file, at))
                self._report.add_missing("damaged events", file.relative_to(self._root).as_posix())
                return False
            self._sound[file] = at
        return True

    def _events(self, file: Path) -> Iterator[Any]:
        """Yield the events of a file up to its end or to where it is incomplete (being written) or damaged."""
        from_bytes = self._messages.event_pb2.Event.FromString
        with file.open("rb") as frames:
            while head := frames.read(12):
                if len(head) < 12:
                    self._report_file("event files that end within an event", file)
                    return
                length, checksum = struct.unpack("<QI", head)
                if self._messages.masked_crc32c(head[:8]) != checksum:
                    self._report_file("event files that were read only up to a damaged place", file)
                    return
                data = frames.read(length)
                end = frames.read(4)
                if len(data) < length or len(end) < 4:
                    self._report_file("event files that end within an event", file)
                    return
                if length <= _CHECKED and not self._is_sound(data, end, file, frames.tell()):
                    continue
                try:
                    event = from_bytes(data)
                except self._messages.DecodeError:
                    self._report.add_missing("events that cannot be decoded", file.name)
                    continue
                yield event


_REPLACED = "points and files that a resumed training has replaced (TensorBoard hides them too)"
_OTHERS = {
    "histo": "histograms",
    "histograms": "histograms",
    "audio": "audio",
    "pr_curves": "PR curves",
    "mesh": "meshes",
}


@dataclass(slots=True)
class _Messages:
    event_pb2: Any
    plugin_hparams_pb2: Any
    masked_crc32c: Any
    DecodeError: type[Exception]


def _messages() -> _Messages:
    try:
        return _Messages(
            importlib.import_module("tensorboardX.proto.event_pb2"),
            importlib.import_module("tensorboardX.proto.plugin_hparams_pb2"),
            # Events have few different lengths, and tensorboardX computes the checksum in Python.
            functools.lru_cache(4096)(importlib.import_module("tensorboardX.record_writer").masked_crc32c),
            importlib.import_module("google.protobuf.message").DecodeError,
        )
    except ImportError as error:
        raise NotSupported(
            "Importing TensorBoard event files requires tensorboardX, which is not installed. "
            "Install it with `pip install 'nbtrack[import-tensorboard]'`."
        ) from error


_TYPES = {1: "f", 2: "d", 3: "i", 9: "q"}
"""TensorFlow's numbers for float32, float64, int32 and int64, with their `struct` codes."""


def _number_in(tensor: Any) -> float | None:
    """Return the single number in a tensor, from the list of its type or from packed bytes, or None."""
    for numbers in (tensor.float_val, tensor.double_val, tensor.int_val, tensor.int64_val, tensor.half_val):
        if len(numbers) == 1 and numbers is not tensor.half_val:
            return float(numbers[0])
    code = _TYPES.get(tensor.dtype)
    if code and len(tensor.tensor_content) == struct.calcsize(f"<{code}"):
        return float(struct.unpack(f"<{code}", tensor.tensor_content)[0])
    return None


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a path, the nearest first."""
    while path != ".":
        path = path.rpartition("/")[0] or "."
        yield path


def _file_name(tag: str) -> str:
    parts = (re.sub(r'[\\:*?"<>|\0]', "_", part) for part in tag.split("/"))
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def _text(value: Any) -> str:
    # Protobuf stores every number as a float, so an integer is restored.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
