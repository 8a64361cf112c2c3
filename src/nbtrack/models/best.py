"""Keep only the best model of a run: each better model replaces the one before.

The metric and its value are stored in the model's folder, which is replaced in one step, so that they always match the
model. The run's tags repeat them for searches. Processes or threads that replace the model at the same time take turns
with a lock of the store.
"""

from __future__ import annotations

import inspect
import json
import math
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..artifact_store.base import check_artifact_path
from ..capture import user
from ..directions import MODES
from ..entities import ModelVersion
from ..errors import InvalidParameter, NbtrackError, NotFound
from ..journal.recorder import whole_number
from ..names import check_string
from ..tags import NBTRACK
from .flavors import find_flavor, flavor_names
from .history import add_to_history
from .info import ModelInfo
from .model import Model

if TYPE_CHECKING:
    from ..artifact_store.detour import RunArtifacts
    from ..client import Client

STATE = "nbtrack-best.json"
"""The file in the model's folder that has the metric and its value."""
_LOCK = "best"
_LOCK_SECONDS = 60.0
"""Seconds to wait for other processes that compare and replace."""
_PACKAGES = {"torch": "pytorch", "nbtrack": "pyfunc", "mlflow": "pyfunc"}
"""Packages whose flavor has another name."""


@dataclass(frozen=True, slots=True)
class StoredBest:
    """The best model that a run has, as the file in its folder describes it."""

    metric: str
    mode: str
    value: float
    step: int | None
    saved: int = 0
    """Bytes of the earlier models that were replaced."""

    def is_beaten_by(self, value: float) -> bool:
        """Return whether a value is better. NaN never is."""
        return value > self.value if self.mode == "max" else value < self.value

    def tags(self, name: str) -> dict[str, str]:
        """Return the tags of the run that describe the model."""
        of = {"metric": self.metric, "mode": self.mode, "value": repr(self.value)}
        step = {} if self.step is None else {"step": str(self.step)}
        return {f"{NBTRACK}{name}.{key}": text for key, text in {**of, **step}.items()}


@dataclass(frozen=True, slots=True)
class Best:
    """The result of `log_best`. It is true if the given model became the run's best model.

    Attributes:
        is_new: Whether the given model became the run's best model.
        model_uri: The URI of the run's best model.
        metric: The key of the metric that is compared.
        mode: "max" if larger values are better, or "min" if smaller ones are.
        value: The metric's value for the best model. If no model is stored yet because the first value is NaN, that
            value.
        step: The step of the best model, or None.
        previous: The value of the model that was replaced, or None if none was.
        freed_bytes: The bytes of disk space that the replacement freed.
        saved_bytes: The bytes that all replacements of this model freed since the run began. Keeping every better
            model would have needed this much more disk space.
        kept_for: The versions of registered models, as `name/version`, that use the replaced model. Its files are
            kept for them in another folder.
        model_info: The logged model if it is new, or None.
    """

    is_new: bool
    model_uri: str
    metric: str
    mode: str
    value: float
    step: int | None
    previous: float | None = None
    freed_bytes: int = 0
    saved_bytes: int = 0
    kept_for: tuple[str, ...] = ()
    model_info: ModelInfo | None = None

    def __bool__(self) -> bool:
        return self.is_new

    def __str__(self) -> str:
        at = "" if self.step is None else f" at step {self.step}"
        value = f"{self.metric} {self.value:.6g}{at}"
        if not self.is_new:
            if math.isnan(self.value):
                return f"{value} is not a number, so no model was saved to {self.model_uri}."
            return f"{value} is still the best. {self.model_uri} was not replaced."
        if self.previous is None:
            return f"{value} is the first value. The model was saved to {self.model_uri}."
        kept = f" The previous model is kept for {', '.join(self.kept_for)}." if self.kept_for else ""
        saved = f" {_size(self.saved_bytes)} of disk space saved so far." if self.saved_bytes else ""
        return f"{value} is better than {self.previous:.6g}. The model at {self.model_uri} was replaced.{kept}{saved}"


_known: dict[tuple[str, str, str], StoredBest] = {}
"""The best model of each run and name that this process knows. Other processes only replace it by better ones."""


def log_best(
    client: Client,
    run_id: str,
    model: Any,
    metric: str,
    mode: str | None = None,
    *,
    value: Any = None,
    step: int | None = None,
    name: str = "best",
    flavor: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Best:
    """Log `model` as the run's best model if it is better than the present one. See `nbtrack.log_best`."""
    if mode not in (None, *MODES):
        raise InvalidParameter(
            f"mode must be 'max' or 'min', not {mode!r:.80}. It says whether higher or lower values are better."
        )
    check_string(metric, "metric")
    number, step = _value_and_step(client, run_id, metric, value, step)
    path = str(check_artifact_path(name))
    if path == ".":
        raise InvalidParameter(
            f"name must be a folder below the run's artifacts, for example 'best', not {name!r:.80}."
        )
    key = (client.tracking_uri, run_id, path)
    uri = f"runs:/{run_id}/{path}"
    kept = _known.get(key)
    if kept is None:
        kept = _read(client._artifacts(run_id), path)
        if kept is not None:
            _known[key] = kept
            _correct_tags(client, run_id, path, kept)
    if mode is None:
        is_known = kept is not None and kept.metric == metric
        mode = kept.mode if kept is not None and is_known else client.directions.mode(metric)
    if kept is not None:
        _check_same(kept, metric, mode, path)
    if math.isnan(number) or (kept is not None and not kept.is_beaten_by(number)):
        return _unchanged(uri, metric, mode, number, step, kept)
    module = _flavor_module(model, flavor)
    with tempfile.TemporaryDirectory(prefix="nbtrack-best-") as folder:
        local = Path(folder, "model")
        manifest = Model(artifact_path=path, run_id=run_id)
        _save(module, model, local, manifest, arguments or {})
        with client.recording.exclusive(_LOCK, _LOCK_SECONDS):
            artifacts = client._artifacts(run_id)
            kept = _read(artifacts, path)
            if kept is not None:
                _check_same(kept, metric, mode, path)
                if not kept.is_beaten_by(number):
                    # Another process logged a better model in the meantime.
                    _known[key] = kept
                    return _unchanged(uri, metric, mode, number, step, kept)
            versions = _keep_for_versions(client, artifacts, run_id, path, kept)
            best = StoredBest(metric, mode, number, step, kept.saved if kept else 0)
            freed = _replace(client, artifacts, run_id, local, path, best)
            if freed:
                best = StoredBest(metric, mode, number, step, best.saved + freed)
                artifacts.put(f"{path}/{STATE}", _encoded(best))
            _known[key] = best
            _set_tags(client, run_id, path, best, kept)
            add_to_history(client, manifest)
    return Best(
        True,
        uri,
        metric,
        mode,
        number,
        step,
        None if kept is None else kept.value,
        freed,
        best.saved,
        tuple(f"{version.name}/{version.version}" for version in versions),
        manifest.get_model_info(uri),
    )


def flavor_of(model: Any) -> str:
    """Return the flavor that saves a model: that of the first class in its ancestry whose package has a flavor.

    Raises InvalidParameter if there is none.
    """
    names = flavor_names()
    if inspect.isroutine(model):
        return "pyfunc"
    for base in type(model).__mro__:
        package = base.__module__.partition(".")[0]
        name = _PACKAGES.get(package, package)
        if name in names:
            return name
    raise InvalidParameter(
        f"No installed flavor saves models of type {type(model).__module__}.{type(model).__qualname__}. "
        f"Choose one: flavor={' or '.join(map(repr, names))}."
    )


def _flavor_module(model: Any, name: str | None) -> ModuleType:
    name = name or flavor_of(model)
    module = find_flavor(name)
    if module is None:
        raise NotFound(f"Flavor {name!r:.80} does not exist. Installed flavors: {', '.join(flavor_names())}.")
    return module


def _value_and_step(client: Client, run_id: str, metric: str, value: Any, step: int | None) -> tuple[float, int | None]:
    """Return the value to compare and its step, which default to those of the metric's last point."""
    if step is not None:
        step = whole_number(step, "step")
    last = client.recorder(run_id).last(metric)
    if value is not None:
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise InvalidParameter(f"value must be a number, not {value!r:.80}.") from None
        return number, last[1] if step is None and last is not None and last[0] == number else step
    last = last or client.recording.last_points(run_id).get(metric)
    if last is None:
        raise NotFound(
            f"The run has no metric {metric!r:.80}. Log it before you call log_best, or pass the value: "
            "log_best(…, value=0.9)."
        )
    return last[0], last[1] if step is None else step


def _save(module: ModuleType, model: Any, path: Path, manifest: Model, arguments: Mapping[str, Any]) -> None:
    save_model = module.save_model
    if "python_model" in inspect.signature(save_model).parameters:
        save_model(path=str(path), python_model=model, mlflow_model=manifest, **arguments)
    else:
        save_model(model, str(path), mlflow_model=manifest, **arguments)


def _replace(client: Client, artifacts: RunArtifacts, run_id: str, local: Path, path: str, best: StoredBest) -> int:
    """Replace the stored model, and return the number of bytes that this freed.

    Files that no longer exist are removed from the store's list of artifacts.
    """
    (local / STATE).write_bytes(_encoded(best))
    replaced = artifacts.replace(path, local)
    if replaced.gone:
        client.recording.forget_artifacts(run_id, list(replaced.gone))
    return replaced.freed


def _keep_for_versions(
    client: Client, artifacts: RunArtifacts, run_id: str, path: str, kept: StoredBest | None
) -> list[ModelVersion]:
    """Copy the present model to a second folder, of the same files, for the model versions that use it.

    The files are copied before the versions are changed, so that a crash in between leaves only surplus files.
    """
    if kept is None or not client.registry.versions_from(run_id=run_id, path=path):
        return []
    base = f"{path}-{kept.step}" if kept.step is not None else f"{path}-before"
    place, number = base, 2
    while artifacts.exists(place):
        place, number = f"{base}-{number}", number + 1
    artifacts.copy(path, place)
    moved = client.registry.move_sources(run_id, path, place, user_id=user())
    with suppress(NbtrackError):
        earlier = Model.load(artifacts.fetch_to(place))
        earlier.artifact_path, earlier.run_id = place, run_id
        add_to_history(client, earlier)
    return moved


def _read(artifacts: RunArtifacts, path: str) -> StoredBest | None:
    """Return what the model's folder says. None if the folder does not exist, or if log_best did not create it."""
    try:
        fields = json.loads(artifacts.get(f"{path}/{STATE}"))
        step = fields["step"]
        return StoredBest(
            str(fields["metric"]),
            str(fields["mode"]),
            float(fields["value"]),
            None if step is None else int(step),
            int(fields.get("saved", 0)),
        )
    except (NotFound, OSError, ValueError, KeyError, TypeError):
        return None


def _encoded(best: StoredBest) -> bytes:
    fields = {"metric": best.metric, "mode": best.mode, "value": repr(best.value), "step": best.step}
    return json.dumps({**fields, "saved": best.saved}, indent=2).encode()


def _check_same(kept: StoredBest, metric: str, mode: str, path: str) -> None:
    if (kept.metric, kept.mode) != (metric, mode):
        raise InvalidParameter(
            f"{path!r} holds the run's best model by the {kept.mode} of {kept.metric!r:.80}, not by the {mode} of "
            f"{metric!r:.80}. To keep another model, choose another name: log_best(…, name='best_of_…')."
        )


def _set_tags(client: Client, run_id: str, path: str, best: StoredBest, earlier: StoredBest | None) -> None:
    recorder = client.recorder(run_id)
    recorder.tags(best.tags(path))
    if best.step is None and earlier is not None and earlier.step is not None:
        recorder.untag(f"nbtrack.{path}.step")


def _correct_tags(client: Client, run_id: str, path: str, kept: StoredBest) -> None:
    """Correct the tags, once per process: a crash right after a replacement leaves those of the previous model."""
    tags = client.get_run(run_id).data.tags
    if any(tags.get(key) != text for key, text in kept.tags(path).items()):
        client.recorder(run_id).tags(kept.tags(path))


def _unchanged(uri: str, metric: str, mode: str, number: float, step: int | None, kept: StoredBest | None) -> Best:
    if kept is None:
        # No model is stored yet, because the first value is NaN.
        return Best(False, uri, metric, mode, number, step)
    return Best(False, uri, metric, mode, kept.value, kept.step, saved_bytes=kept.saved)


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError
