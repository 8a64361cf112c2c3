"""The scikit-learn flavor: save, log and load estimators and pipelines.

The default format is skops, which builds the types that it is told to trust and runs no code of the file's. Pickles
run whatever they hold, so one that did not come in by a log call of this store is loaded with `trust=True` only.
"""

from __future__ import annotations

import importlib
import platform
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from .. import fluent
from ..artifact_store import ArtifactRepository
from ..errors import InvalidParameter, NotFound
from ..models import Model, ModelInfo, locate
from ..models.environment import pinned, requirement_lines, write_environment
from ..models.example import save_input_example
from ..models.where import model_at

FLAVOR_NAME = "sklearn"

Format: TypeAlias = Literal["skops", "cloudpickle", "pickle"]

_FILES = {"skops": "model.skops", "cloudpickle": "model.pkl", "pickle": "model.pkl"}
_PACKAGES = ("scikit-learn", "numpy", "scipy")

_FUNCTIONS = ("sklearn.metrics", "sklearn.preprocessing")
"""Where scikit-learn keeps functions that compute with arrays and do nothing else, and that estimators hold."""


def save_model(
    sk_model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    metadata: dict[str, Any] | None = None,
    serialization_format: Format = "skops",
    mlflow_model: Model | None = None,
) -> None:
    """Save a fitted estimator as a folder that `load_model` reads, MLflow's as well. The folder must be new or empty.

    `signature` is anything with `to_dict()`. `pip_requirements` is a list or a file's path; without it, the installed
    versions of scikit-learn and what it stands on are written down.
    """
    if serialization_format not in _FILES:
        raise InvalidParameter(f"serialization_format is one of {', '.join(_FILES)}, not {serialization_format!r:.80}.")
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidParameter(f"{path!r:.200} is there already. Save the model to a new or an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    file = _FILES[serialization_format]
    types_in_file = _dump(sk_model, folder / file, serialization_format)
    requirements = (
        pinned([*_PACKAGES, *([] if serialization_format == "pickle" else [serialization_format])])
        if pip_requirements is None
        else requirement_lines(pip_requirements)
    )
    model = mlflow_model or Model()
    model.signature = signature
    model.metadata = dict(metadata or {})
    if input_example is not None:
        model.saved_input_example_info = save_input_example(folder, input_example)
    model.add_flavor(
        "python_function",
        loader_module="mlflow.sklearn",
        model_path=file,
        predict_fn="predict",
        python_version=platform.python_version(),
        env=write_environment(folder, requirements),
    )
    model.add_flavor(
        FLAVOR_NAME,
        pickled_model=file,
        sklearn_version=importlib.import_module("sklearn").__version__,
        serialization_format=serialization_format,
        code=None,
        # MLflow takes the file's own word for what to trust, and loads nothing without it. We do not read it.
        skops_trusted_types=types_in_file,
    )
    model.save(folder)


def log_model(
    sk_model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    metadata: dict[str, Any] | None = None,
    serialization_format: Format = "skops",
) -> ModelInfo:
    """Keep a fitted estimator as an artifact of the active run, which is started where there is none.

    `name` is MLflow 3's word for `artifact_path`; without either it is "model". With `registered_model_name` the
    model becomes that model's next version. For the other arguments see `save_model`.
    """
    if artifact_path is not None and name is not None:
        raise InvalidParameter("name and artifact_path are two words for one thing. Give one of them.")
    run = fluent.active_run() or fluent.start_run()
    return Model.log(
        artifact_path or name or "model",
        sys.modules[__name__],
        run_id=run.info.run_id,
        registered_model_name=registered_model_name,
        sk_model=sk_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        metadata=metadata,
        serialization_format=serialization_format,
    )


def load_model(model_uri: str, dst_path: str | None = None, *, trust: bool = False) -> Any:
    """The estimator that a URI or a folder holds, with its files copied to `dst_path` on demand.

    What a run of this store logged is loaded as it is. From elsewhere, a skops file may hold scikit-learn's own types;
    other types and pickles, which can run code while they are loaded, take `trust=True`.
    """
    location = locate(model_uri)
    model = model_at(location)
    settings = model.flavor(FLAVOR_NAME)
    folder = location.folder(dst_path)
    # The manifest names the file: through a repository it cannot name one outside the model's folder.
    file = ArtifactRepository(folder).local_path(str(settings.get("pickled_model") or "model.pkl"))
    if not file.is_file():
        raise NotFound(f"The model at {model_uri!r:.200} is not whole: {file.name!r} is missing.")
    serialization_format = settings.get("serialization_format") or "pickle"
    trusted = trust or location.in_store
    if serialization_format == "skops":
        return _load_skops(file, model_uri, trusted)
    if serialization_format not in _FILES:
        raise InvalidParameter(f"The model at {model_uri!r:.200} has an unknown format {serialization_format!r:.80}.")
    if not trusted:
        raise InvalidParameter(
            f"The model at {model_uri!r:.200} is a pickle that no run of this store logged. Loading a pickle runs "
            "whatever code was put into it. If you know who made it: load_model(…, trust=True)."
        )
    return _pickler(serialization_format).loads(file.read_bytes())


def _dump(sk_model: Any, file: Path, serialization_format: Format) -> list[str] | None:
    """Write the estimator; for skops, the types in it that skops does not vouch for."""
    if serialization_format != "skops":
        file.write_bytes(_pickler(serialization_format).dumps(sk_model))
        return None
    io = _skops()
    try:
        io.dump(sk_model, file)
        types_in_file: list[str] = io.get_untrusted_types(file=file)
        # It writes a lambda without a word, which nobody can load: better to know now than in production.
        io.load(file, trusted=types_in_file)
    except Exception as error:  # skops raises its own types, and what the objects' own methods raise
        raise InvalidParameter(
            f"skops cannot save this {type(sk_model).__name__}: {error} A lambda or a class that is defined in a "
            "function is a usual reason. Give it a name in a module, or pass serialization_format='cloudpickle'."
        ) from error
    return types_in_file


def _load_skops(file: Path, model_uri: str, trusted: bool) -> Any:
    io = _skops()
    found: list[str] = io.get_untrusted_types(file=file)
    foreign = [] if trusted else [name for name in found if not _is_sklearns_own(name)]
    if foreign:
        raise InvalidParameter(
            f"The model at {model_uri!r:.200} was not logged by a run of this store, and holds types that are not "
            f"scikit-learn's own: {', '.join(foreign)}. Loading it would run their code. If you know who made it: "
            "load_model(…, trust=True)."
        )
    return io.load(file, trusted=found)


def _is_sklearns_own(qualified_name: str) -> bool:
    """Whether a name in a skops file is a class that scikit-learn defines, or one of its functions on arrays.

    The name is resolved, because a module also has the names that it imports from elsewhere.
    """
    module_name, _, name = qualified_name.rpartition(".")
    parts = module_name.split(".")
    if parts[0] != "sklearn" or "tests" in parts or "conftest" in parts:
        return False
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except Exception:  # a module that cannot be imported here vouches for nothing
        return False
    home = getattr(found, "__module__", None) or ""
    if isinstance(found, type):
        return home.split(".")[0] == "sklearn"
    return isinstance(found, types.FunctionType) and home.startswith(tuple(f"{place}." for place in _FUNCTIONS))


def _skops() -> Any:
    try:
        return importlib.import_module("skops.io")
    except ImportError:
        raise InvalidParameter(
            "The format 'skops' needs the package skops: pip install skops. Or pass serialization_format='cloudpickle'."
        ) from None


def _pickler(serialization_format: str) -> Any:
    """The module `pickle` or `cloudpickle`."""
    try:
        return importlib.import_module(serialization_format)
    except ImportError:
        raise InvalidParameter(
            f"The format {serialization_format!r} needs a package: pip install {serialization_format}."
        ) from None
