"""The scikit-learn flavor: save, log and load estimators and pipelines.

The default format is skops; a pickle from outside the store takes `trust=True` (see estimators.py).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import autologging
from ..errors import InvalidParameter
from ..models import Model, ModelInfo
from ..models.loading import file_of, open_model
from ..models.requirements import required_by
from ..models.saving import new_model
from . import estimators, sklearn_autolog
from .common import log

FLAVOR_NAME = "sklearn"

_PACKAGES = ("scikit-learn", "numpy", "scipy")


def save_model(
    sk_model: Any,
    path: str,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    serialization_format: estimators.Format = "skops",
    pyfunc_predict_fn: str = "predict",
    mlflow_model: Model | None = None,
) -> None:
    """Save a fitted estimator as a folder that `load_model` reads, MLflow's as well. The folder must be new or empty.

    `signature` is what `nbtrack.models.infer_signature` returns; without it, it is inferred from `input_example`.
    `pip_requirements` is a list or a file's path; without it, the installed versions of scikit-learn and what the
    estimator imports are written down. `pyfunc_predict_fn` is the method that `nbtrack.pyfunc` predicts with.
    """
    estimators.check_format(serialization_format)
    with new_model(
        path,
        mlflow_model,
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
    ) as saving:
        file = estimators.FILES[serialization_format]
        types_in_file = estimators.dump(sk_model, saving.folder / file, serialization_format)
        saving.write_flavor(
            FLAVOR_NAME,
            {
                "pickled_model": file,
                "sklearn_version": importlib.import_module("sklearn").__version__,
                "serialization_format": serialization_format,
                # MLflow takes the file's own word for what to trust, and loads nothing without it. We do not read it.
                "skops_trusted_types": types_in_file,
            },
            loader_module="mlflow.sklearn",
            pyfunc={"model_path": file, "predict_fn": pyfunc_predict_fn},
        )
        packages = [*_PACKAGES, *estimators.packages_for(serialization_format)]
        # skops lists the types of a model; what is in a pickle is seen by making one.
        modules = required_by(sk_model) if types_in_file is None else {*types_in_file, type(sk_model).__module__}
        saving.requirements(pip_requirements, extra_pip_requirements, default=packages, modules=modules)
        saving.predict = getattr(sk_model, pyfunc_predict_fn, None)


def log_model(
    sk_model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    code_paths: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    serialization_format: estimators.Format = "skops",
    pyfunc_predict_fn: str = "predict",
) -> ModelInfo:
    """Keep a fitted estimator as an artifact of the active run, which is started where there is none.

    `name` is MLflow 3's word for `artifact_path`; without either it is "model". With `registered_model_name` the
    model becomes that model's next version. For the other arguments see `save_model`.
    """
    return log(
        sys.modules[__name__],
        artifact_path,
        name,
        registered_model_name,
        sk_model=sk_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        code_paths=code_paths,
        metadata=metadata,
        serialization_format=serialization_format,
        pyfunc_predict_fn=pyfunc_predict_fn,
    )


def load_model(model_uri: str | os.PathLike[str], dst_path: str | None = None, *, trust: bool = False) -> Any:
    """The estimator that a URI or a folder holds, with its files copied to `dst_path` on demand.

    What a run of this store logged is loaded as it is. From elsewhere, a skops file may hold scikit-learn's own types;
    other types and pickles, which can run code while they are loaded, take `trust=True`.
    """
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return _load(opened.folder, opened.settings, opened.trusted)


def load_pyfunc(folder: Path, settings: Mapping[str, Any], *, trusted: bool) -> Any:
    """The estimator as an object with `predict`."""
    return _Function(_load(folder, settings, trusted))


class _Function:
    """An estimator with its functions that predict."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        return self._model.predict(data)

    def get_raw_model(self) -> Any:
        return self._model

    def __getattr__(self, name: str) -> Any:
        # `predict_proba` and the like, which a manifest may name.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)


def _load(folder: Path, settings: Mapping[str, Any], trusted: bool) -> Any:
    file = file_of(folder, settings, "pickled_model", "model.pkl")
    return estimators.load(file, settings.get("serialization_format") or "pickle", trusted)


# -- autologging -------------------------------------------------------------------------------------------------


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    max_tuning_runs: int | None = 5,
    log_post_training_metrics: bool = True,
    serialization_format: estimators.Format | None = None,
    registered_model_name: str | None = None,
    pos_label: Any = None,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log what scikit-learn's estimators, pipelines and searches learn, from now on; `disable` ends that.

    A search gets a run for each of its best `max_tuning_runs` candidates, None for all. `serialization_format` is by
    default skops, and cloudpickle for what skops cannot write. Metrics that are computed after the training, from a
    prediction or by `score`, go to the model's run. See `nbtrack guide autologging`.

    >>> autolog(log_models=False)
    >>> autolog(disable=True)
    """
    if max_tuning_runs is not None and max_tuning_runs < 0:
        raise InvalidParameter(
            f"max_tuning_runs must be at least 0, or None for all candidates, not {max_tuning_runs!r:.80}."
        )
    if serialization_format is not None:
        estimators.check_format(serialization_format)
    autologging.switch(FLAVOR_NAME, **locals())


@autologging.autologger(FLAVOR_NAME, module="sklearn", supported=("1.5", "1.10"))
def _install(patches: autologging.Patches) -> None:
    sklearn_autolog.install(patches)
