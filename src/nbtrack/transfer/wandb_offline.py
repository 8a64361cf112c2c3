"""W&B offline runs: the file `run-*.wandb` of each folder, and the files beside it.

The messages are read with the definitions that the wandb package ships. Their frames have LevelDB's log format: blocks
of 32 KiB with pieces that have a checksum, a length and the part of a message that they are.
"""

from __future__ import annotations

import importlib
import json
import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..entities import RunStatus
from ..errors import InvalidParameter, NotSupported
from ..tags import GIT_COMMIT, GIT_REPO_URL, NOTE, SOURCE_NAME, USER
from .cleaning import skipping_errors
from .records import Points, SourceExperiment, SourceFolder, SourceModel, SourceParam, SourceRun, run_id_for
from .report import Report

KIND = "wandb"
_BLOCK = 32 * 1024
_MAGIC = b":W&B"
_HEAD = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_POINTS = 20_000
_UNCATEGORIZED = "uncategorized"


def is_wandb_folder(path: Path) -> bool:
    """Return whether the folder is an offline run, or contains some directly or in its folder `wandb`."""
    return bool(_transaction_logs(path))


class WandbFolder:
    """Reads offline runs. A run that was resumed offline has several folders, which become one run."""

    kind = KIND
    is_store = False

    def __init__(self, path: Path, report: Report) -> None:
        logs = _transaction_logs(path)
        if not logs:
            raise InvalidParameter(f"{path} does not contain W&B offline runs (offline-run-*/run-*.wandb).")
        self._record, self._decode_error = _messages()
        self.name = path.absolute().name
        self._report = report
        self._reported: set[tuple[str, Path]] = set()
        self._logs: dict[str, list[Path]] = {}
        self._heads: dict[str, Any] = {}
        for log in logs:
            head = next((record.run for record in self._records(log) if record.HasField("run")), None)
            if head is None:
                report.add_missing("folders without a run in their transaction log", log.parent.name)
                continue
            key = f"{head.entity}/{head.project or _UNCATEGORIZED}/{head.run_id}"
            self._logs.setdefault(key, []).append(log)
            self._heads.setdefault(key, head)

    def close(self) -> None:
        """Do nothing, because no file is kept open."""

    def run_count(self) -> int:
        return len(self._logs)

    def experiments(self) -> Iterable[SourceExperiment]:
        projects = dict.fromkeys(head.project or _UNCATEGORIZED for head in self._heads.values())
        return [SourceExperiment(project, project) for project in projects]

    def models(self) -> Iterable[SourceModel]:
        return []

    def runs(self) -> Iterator[SourceRun]:
        for key, head in sorted(self._heads.items(), key=lambda item: (_milliseconds(item[1].start_time), item[0])):
            with skipping_errors(self._report, "runs that cannot be read", key):
                yield self._run(key, head)

    def _run(self, key: str, head: Any) -> SourceRun:
        config: dict[str, Any] = {}
        tags = {"wandb.run_id": head.run_id}
        exit_code: int | None = None
        last = _milliseconds(head.start_time)
        for record in (record for log in self._logs[key] for record in self._records(log)):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                _update(config, record.run.config)
                tags |= _run_tags(record.run)
                exit_code = None
            elif kind == "config":
                _update(config, record.config)
            elif kind == "environment":
                tags |= _environment_tags(record.environment)
            elif kind == "history":
                last = max(last, _row(record.history)[1] or 0)
            elif kind == "output_raw":
                last = max(last, _milliseconds(record.output_raw.timestamp))
            elif kind == "exit":
                exit_code = record.exit.exit_code
                last = max(last, _milliseconds(head.start_time) + record.exit.runtime * 1000)
            elif kind in ("artifact", "use_artifact"):
                self._report.add_missing("W&B artifacts, whose files are in W&B's own cache", head.run_id)
        if exit_code is None:
            status = RunStatus.RUNNING
            self._report.add_note("runs that have not ended in the source and are RUNNING here", head.run_id)
        else:
            status = RunStatus.FAILED if exit_code else RunStatus.FINISHED
        folders = [log.parent / "files" for log in self._logs[key]]
        config.pop("_wandb", None)
        return SourceRun(
            key,
            run_id_for(KIND, key),
            head.project or _UNCATEGORIZED,
            head.display_name or head.run_id,
            tags.get(USER, ""),
            status,
            _milliseconds(head.start_time),
            last if status in RunStatus.ENDED else None,
            params=[SourceParam(name, _text(value)) for name, value in _flat(config)],
            tags=tags,
            folders=[SourceFolder(folder) for folder in folders if folder.is_dir()],
        )

    def points(self, run: SourceRun) -> Iterator[Points]:
        series: dict[str, Points] = {}
        summary: dict[str, tuple[float, int, int]] = {}
        known: set[str] = set()
        step, time = 0, run.start_time
        for record in (record for log in self._logs[run.key] for record in self._records(log)):
            kind = record.WhichOneof("record_type")
            if kind == "summary":
                for name, value in _flat(_nested(record.summary.update)):
                    if (number := _number(value)) is not None and not name.startswith("_"):
                        summary[name] = (number, step, time)
            if kind not in ("history", "stats"):
                continue
            if kind == "history":
                row, logged = _row(record.history)
                step, time = int(row.pop("_step", record.history.step.num)), logged or time
            else:
                row = {f"system/{item.key}": json.loads(item.value_json) for item in record.stats.item}
                logged = _milliseconds(record.stats.timestamp)
            for name, value in _flat(row):
                number = _number(value)
                if number is None:
                    self._report_skipped(row, name, value, run)
                    continue
                known.add(name)
                points = series.setdefault(name, Points(name, [], [], []))
                points.steps.append(step if kind == "history" else len(points.steps))
                points.timestamps.append(logged or time)
                points.values.append(number)
                if kind == "history" and len(points.steps) >= _POINTS:
                    yield series.pop(name)
        # A value that only the summary has, such as a best value, becomes one point at the step when it was set.
        for name, (number, at, logged) in summary.items():
            if name not in known:
                series[name] = Points(name, [at], [logged], [number])
        yield from series.values()

    def _report_skipped(self, row: dict[str, Any], name: str, value: Any, run: SourceRun) -> None:
        """Report a value that is not a number. A media object is reported once, not for each of its fields."""
        top = name.partition("/")[0]
        media = row.get(top)
        if isinstance(media, dict) and "_type" in media:
            if name.endswith("/_type") and "path" not in media:
                self._report.add_missing(f"logged values of type {media['_type']!r}", f"{run.name}: {top}")
        elif value is not None:
            self._report.add_missing("logged values that are not numbers", f"{run.name}: {name}")

    def _records(self, log: Path) -> Iterator[Any]:
        for data in self._frames(log):
            try:
                yield self._record.FromString(data)
            except self._decode_error:
                self._report.add_missing("records that cannot be decoded", log.parent.name)

    def _report_log(self, reason: str, log: Path) -> None:
        """Report a file, once although it is read several times."""
        if (reason, log) not in self._reported:
            self._reported.add((reason, log))
            self._report.add_missing(reason, log.parent.name)

    def _frames(self, log: Path) -> Iterator[bytes]:
        with log.open("rb") as file:
            if file.read(7)[:4] != _MAGIC:
                self._report.add_missing("files that are not W&B transaction logs", log.name)
                return
            message = b""
            while True:
                room = _BLOCK - file.tell() % _BLOCK
                if room < _HEAD.size:
                    file.read(room)
                head = file.read(_HEAD.size)
                if not head:
                    return
                checksum, length, part = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 1, 0)
                data = file.read(length)
                if len(data) < length:
                    # The writer is still writing it, or died while writing it.
                    self._report_log("transaction logs that end within a record", log)
                    return
                if zlib.crc32(data, zlib.crc32(bytes([part]))) != checksum or part not in (1, 2, 3, 4):
                    self._report_log("transaction logs that were read only up to a damaged place", log)
                    return
                message = data if part in (_FULL, _FIRST) else message + data
                if part in (_FULL, _LAST):
                    yield message


def _transaction_logs(path: Path) -> list[Path]:
    patterns = ("run-*.wandb", "offline-run-*/run-*.wandb", "wandb/offline-run-*/run-*.wandb")
    return next((found for pattern in patterns if (found := sorted(path.glob(pattern)))), [])


def _messages() -> tuple[Any, type[Exception]]:
    try:
        record = importlib.import_module("wandb.proto.wandb_internal_pb2").Record
        return record, importlib.import_module("google.protobuf.message").DecodeError
    except ImportError as error:
        raise NotSupported(
            "Importing W&B offline runs requires the wandb package, which is not installed. "
            "Install it with `pip install 'nbtrack[import-wandb]'`."
        ) from error


def _run_tags(run: Any) -> dict[str, str]:
    tags = {
        "wandb.group": run.run_group,
        "wandb.job_type": run.job_type,
        "wandb.tags": ", ".join(run.tags),
        NOTE: run.notes,
        GIT_COMMIT: run.git.commit,
        GIT_REPO_URL: run.git.remote_url,
    }
    return {key: value for key, value in tags.items() if value}


def _environment_tags(environment: Any) -> dict[str, str]:
    tags = {
        SOURCE_NAME: environment.program,
        USER: environment.username,
        GIT_COMMIT: environment.git.commit,
        GIT_REPO_URL: environment.git.remote_url,
    }
    return {key: value for key, value in tags.items() if value}


def _update(config: dict[str, Any], record: Any) -> None:
    for item in record.update:
        target = config
        *above, name = item.nested_key or [item.key]
        for part in above:
            inner = target.get(part)
            if not isinstance(inner, dict):
                inner = target[part] = {}
            target = inner
        target[name] = json.loads(item.value_json)
    for item in record.remove:
        if not item.nested_key:
            config.pop(item.key, None)


def _nested(items: Iterable[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for item in items:
        target = fields
        *above, name = item.nested_key or [item.key]
        for part in above:
            target = target.setdefault(part, {})
        target[name] = json.loads(item.value_json)
    return fields


def _row(history: Any) -> tuple[dict[str, Any], int | None]:
    """Return the values that one call logged, without W&B's own fields, and when it did."""
    row = _nested(history.item)
    seconds = row.pop("_timestamp", None)
    row.pop("_runtime", None)
    row.pop("_wandb", None)
    return row, int(seconds * 1000) if isinstance(seconds, (int, float)) and math.isfinite(seconds) else None


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.copysign(math.inf, value)
    # W&B writes numbers that JSON lacks as strings.
    if isinstance(value, str) and re.fullmatch("NaN|-?Infinity", value):
        return float(value.replace("Infinity", "inf"))
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def _milliseconds(timestamp: Any) -> int:
    return int(timestamp.seconds * 1000 + timestamp.nanos // 1_000_000)
