"""The flavors of XGBoost and LightGBM: the shared tests, and their own features."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import nbtrack
from nbtrack.capture.packages import distributions_of
from nbtrack.errors import InvalidParameter
from nbtrack.serving import predict_file

from . import test_conformance as conformance
from .test_conformance import Case

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

pytestmark = pytest.mark.slow


def _rows() -> tuple[Any, Any]:
    rows, labels = conformance._iris()
    # Without characters that are not allowed in the name of a JSON feature.
    return rows.rename(columns=lambda name: name.replace(" (cm)", "").replace(" ", "_")), labels


def _xgb_booster() -> tuple[Any, Any]:
    rows, labels = _rows()
    return xgboost.train(
        {"objective": "multi:softprob", "num_class": 3, "nthread": 1}, xgboost.DMatrix(rows, labels), 3
    ), rows


def _xgb_classifier() -> tuple[Any, Any]:
    rows, labels = _rows()
    return xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(rows, labels), rows


def _lgb_booster() -> tuple[Any, Any]:
    rows, labels = _rows()
    params = {"objective": "multiclass", "num_class": 3, "num_threads": 1, "verbosity": -1}
    return lightgbm.train(params, lightgbm.Dataset(rows, labels), 3), rows


def _lgb_classifier() -> tuple[Any, Any]:
    rows, labels = _rows()
    return lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbosity=-1).fit(rows, labels), rows


_XGBOOST = distributions_of("xgboost")[0]
_PICKLE = {"serialization_format": "cloudpickle"}

CASES = {
    "xgboost-booster": Case(
        "xgboost", "xgb_model", _xgb_booster, _XGBOOST, predict=lambda model, data: model.predict(xgboost.DMatrix(data))
    ),
    "xgboost-estimator": Case(
        "xgboost",
        "xgb_model",
        _xgb_classifier,
        _XGBOOST,
        options={"model_format": "json"},
        mlflow_options={"model_format": "json"},
    ),
    "lightgbm-booster": Case("lightgbm", "lgb_model", _lgb_booster, "lightgbm"),
    "lightgbm-estimator": Case("lightgbm", "lgb_model", _lgb_classifier, "lightgbm"),
    "lightgbm-pickle": Case(
        "lightgbm",
        "lgb_model",
        _lgb_classifier,
        "scikit-learn",
        asks=True,
        mlflow_asks=True,
        options=_PICKLE,
        mlflow_options=_PICKLE,
    ),
}


@pytest.mark.parametrize("check", [one for name, one in vars(conformance).items() if name.startswith("test_")])
@pytest.mark.parametrize("name", CASES)
def test_conformance(check: Callable[..., None], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(conformance.CASES, name, CASES[name])
    monkeypatch.setattr(conformance, "NATIVE", [*conformance.NATIVE, name])
    arguments = {"name": name, "tmp_path": tmp_path}
    check(**{key: arguments[key] for key in inspect.signature(check).parameters})


@pytest.mark.parametrize("name", CASES)
def test_the_manifest_has_mlflows_fields(name: str, tmp_path: Path) -> None:
    case, model, _, _ = _made(name)
    manifests = []
    for number, (module, options) in enumerate(
        (
            (conformance.ours(case), case.options),
            (conformance.theirs(case), {"pip_requirements": [], **case.mlflow_options}),
        )
    ):
        path = conformance.save(module, case, model, tmp_path / str(number), **options)
        manifests.append(yaml.safe_load((Path(path) / "MLmodel").read_text())["flavors"])
    ours, theirs = manifests
    assert {key: value for key, value in ours["python_function"].items() if value is not None} == theirs[
        "python_function"
    ]
    # MLflow lists trusted types even for files that contain none.
    known = set(ours[case.flavor].pop("skops_trusted_types", None) or ())
    assert known <= set(theirs[case.flavor].pop("skops_trusted_types", None) or ())
    assert ours[case.flavor] == theirs[case.flavor]


def _made(name: str) -> tuple[Case, Any, Any, Any]:
    case = CASES[name]
    model, data = case.make()
    return case, model, data, case.predict(model, data)


class MyClassifier(xgboost.XGBClassifier):  # type: ignore[misc,name-defined]
    """A class of the user."""


def test_a_class_of_the_user_requires_trust_outside_the_store(tmp_path: Path) -> None:
    rows, labels = _rows()
    model = MyClassifier(n_estimators=2, n_jobs=1).fit(rows, labels)
    nbtrack.xgboost.save_model(model, str(tmp_path / "m"))
    for load in (nbtrack.xgboost.load_model, nbtrack.pyfunc.load_model):
        with pytest.raises(InvalidParameter, match=r"MyClassifier.*trust=True"):
            load(str(tmp_path / "m"))
    assert type(nbtrack.xgboost.load_model(str(tmp_path / "m"), trust=True)) is MyClassifier
    with nbtrack.start_run():
        info = nbtrack.xgboost.log_model(model)
    assert (nbtrack.xgboost.load_model(info.model_uri).predict(rows) == model.predict(rows)).all()


def test_params_are_passed_to_predict(tmp_path: Path) -> None:
    for name, params in (("xgboost-booster", {"output_margin": True}), ("lightgbm-booster", {"raw_score": True})):
        case, model, rows, predictions = _made(name)
        signature = nbtrack.models.infer_signature(rows, predictions, {**params, "unheard_of": 1})
        path = conformance.save(conformance.ours(case), case, model, tmp_path / name, signature=signature)
        function = nbtrack.pyfunc.load_model(path)
        with pytest.warns(UserWarning, match="ignored: unheard_of"):
            found = function.predict(rows, params)
        prepare = xgboost.DMatrix if case.flavor == "xgboost" else lambda data: data
        assert conformance.same(found, model.predict(prepare(rows), **params))
        assert not conformance.same(found, predictions)


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="one of ubj, json"):
        nbtrack.xgboost.save_model(None, str(tmp_path / "m"), model_format="pickle")
    with pytest.raises(InvalidParameter, match="one of skops"):
        nbtrack.lightgbm.save_model(None, str(tmp_path / "m"), serialization_format="joblib")
    assert not (tmp_path / "m").exists()


def test_categories_from_a_file_reach_lightgbm(own_store: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shops = random.choice(["north", "south", "NA"], 120)
    rows = pd.DataFrame({"size": random.normal(size=120), "shop": pd.Categorical(shops)})
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(rows, (rows["size"] > 0) ^ (rows["shop"] == "NA"))
    signature = nbtrack.models.infer_signature(rows)
    for name, saved in (("model", model), ("booster", model.booster_)):
        nbtrack.lightgbm.save_model(saved, str(tmp_path / name), signature=signature)
        loaded = nbtrack.pyfunc.load_model(tmp_path / name, trust=True)
        right = loaded.predict(rows)
        assert (right == saved.predict(rows)).all()
        # The order of the rows decides about the order of the categories, if they are inferred.
        for table in (rows.astype({"shop": object}), rows.astype({"shop": str}), rows.astype({"shop": str})[::-1]):
            expected = right[::-1] if table.index[0] else right
            assert (loaded.predict(table) == expected).all()
    rows.to_csv(tmp_path / "rows.csv", index=False)
    predict_file(str(tmp_path / "model"), tmp_path / "rows.csv", tmp_path / "out.csv", trust=True)
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].tolist() == model.predict(rows).tolist()


@pytest.mark.skipif(not hasattr(xgboost.Booster, "get_categories"), reason="XGBoost before 3.1 stores no categories")
def test_categories_from_a_file_reach_xgboost(own_store: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shops = random.choice(["north", "south", "NA"], 120)
    rows = pd.DataFrame({"size": random.normal(size=120), "shop": pd.Categorical(shops)})
    labels = ((rows["size"] > 0) ^ (rows["shop"] == "NA")).astype(int)
    model = xgboost.XGBClassifier(n_estimators=3, nthread=1, enable_categorical=True).fit(rows, labels)
    signature = nbtrack.models.infer_signature(rows)
    for name, saved in (("model", model), ("booster", model.get_booster())):
        nbtrack.xgboost.save_model(saved, str(tmp_path / name), signature=signature)
        loaded = nbtrack.pyfunc.load_model(tmp_path / name, trust=True)
        right = model.predict(rows) if saved is model else model.predict_proba(rows)[:, 1]
        for table in (rows, rows.astype({"shop": object}), rows.astype({"shop": str})[::-1]):
            assert loaded.predict(table) == pytest.approx(right[::-1] if table.index[0] else right)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    predict_file(str(tmp_path / "model"), tmp_path / "rows.csv", tmp_path / "out.csv", trust=True)
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].tolist() == model.predict(rows).tolist()
