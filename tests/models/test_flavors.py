"""Flavors of nbtrack and of other packages are found by name, by attribute and by import."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NotFound
from nbtrack.models.flavors import find_flavor, flavor, flavor_names, integration_names


def test_a_flavor_is_the_same_module_under_both_names() -> None:
    from nbtrack.sklearn import load_model

    module = importlib.import_module("nbtrack.sklearn")
    assert module is nbtrack.sklearn is importlib.import_module("nbtrack.integrations.sklearn")
    assert module.__spec__.name == module.__name__ == "nbtrack.integrations.sklearn"
    assert load_model is nbtrack.sklearn.load_model


WEATHER = """
from __future__ import annotations

import json, sys
from nbtrack.integrations.common import log
from nbtrack.models.loading import file_of, open_model
from nbtrack.models.saving import new_model

FLAVOR_NAME = "weather"


class Forecast:
    def __init__(self, offset):
        self.offset = offset

    def predict(self, data, params=None):
        return data["temperature"] + self.offset


def save_model(forecast, path, *, mlflow_model=None, pip_requirements=None, **common):
    with new_model(path, mlflow_model, **common) as saving:
        (saving.folder / "forecast.json").write_text(json.dumps(forecast.offset))
        saving.write_flavor(FLAVOR_NAME, {"data": "forecast.json"})
        saving.requirements(pip_requirements, default=["weather"])
        saving.predict = forecast.predict


def log_model(forecast, name=None, *, registered_model_name=None, **common):
    return log(sys.modules[__name__], None, name, registered_model_name, forecast=forecast, **common)


def load_pyfunc(folder, settings, *, trusted):
    return Forecast(json.loads(file_of(folder, settings, "data").read_text()))


def load_model(model_uri, dst_path=None, *, trust=False):
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return load_pyfunc(opened.folder, opened.settings, trusted=opened.trusted)
"""


def test_an_integration_without_models_is_not_a_flavor() -> None:
    """Optuna has studies, not models: `nbtrack.optuna` exists, but is not offered as a flavor."""
    assert "optuna" not in flavor_names(), "The metadata is older than pyproject.toml. Run: pip install -e ."
    assert {"optuna", "sklearn"} <= set(integration_names())
    assert find_flavor("optuna") is None
    assert nbtrack.optuna.__name__ == "nbtrack.integrations.optuna"
    with nbtrack.start_run():
        nbtrack.log_metric("m", 1)
        with pytest.raises(InvalidParameter, match=r"flavor='keras'") as caught:
            nbtrack.log_best(5, metric="m")
        assert "optuna" not in str(caught.value)
        with pytest.raises(NotFound, match="Flavor 'optuna' does not exist"):
            nbtrack.log_best(5, metric="m", flavor="optuna")


def test_a_flavor_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file and one line of metadata are enough to log, register and load models, also as a function."""
    package = tmp_path / "site"
    metadata = package / "weather-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: weather\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nbtrack.flavors]\nweather = weather_flavor\n")
    (package / "weather_flavor.py").write_text(WEATHER)
    with pytest.raises(NotFound, match=r"'weather'.*sklearn"):
        flavor("weather")
    monkeypatch.syspath_prepend(str(package))
    assert {"sklearn", "weather"} <= set(flavor_names())
    from nbtrack.weather import load_model  # type: ignore[import-not-found]

    assert nbtrack.weather.__name__ == "weather_flavor"
    frame = pd.DataFrame({"temperature": [1.5, 2.5]})
    with nbtrack.start_run():
        info = nbtrack.weather.log_model(
            nbtrack.weather.Forecast(2), "forecast", registered_model_name="berlin", input_example=frame
        )
    assert nbtrack.artifacts.load_text(f"{info.model_uri}/requirements.txt") == "weather==1.0\n"
    assert load_model("models:/berlin/1").offset == 2
    function = nbtrack.pyfunc.load_model("models:/berlin/latest")
    assert (function.loader, list(function.predict(frame))) == ("weather", [3.5, 4.5])
    with pytest.raises(InvalidParameter, match="'temperature'"):
        function.predict(frame.rename(columns={"temperature": "wind"}))

    # If the package is uninstalled, the model is still there, and the error names the flavor that can load it.
    for name in ("nbtrack.weather", "weather_flavor"):
        del sys.modules[name]
    del nbtrack.weather
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(package)])
    with pytest.raises(NotFound, match=r"weather.*Installed flavors are.*sklearn"):
        nbtrack.pyfunc.load_model(info.model_uri, suppress_warnings=True)


def test_unknown_flavors() -> None:
    with pytest.raises(AttributeError, match="nope"):
        nbtrack.nope  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match=r"nbtrack\.nope"):
        importlib.import_module("nbtrack.nope")
    assert not hasattr(nbtrack, "_repr_html_")


def test_a_part_of_nbtrack_that_cannot_be_imported_is_named() -> None:
    code = """
import sys, nbtrack
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ == "_FlavorFinder"]
try:
    import nbtrack.models
except ModuleNotFoundError as error:
    print(error.name)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (answer.stdout, answer.returncode) == ("nbtrack.models\n", 0), answer.stderr[-2000:]


@pytest.mark.slow
def test_frameworks_are_imported_lazily() -> None:
    code = "import nbtrack, nbtrack.sklearn, sys; print({'sklearn', 'skops', 'pandas'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
