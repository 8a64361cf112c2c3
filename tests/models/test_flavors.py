"""Flavors are found by name, ours and other packages', by attribute and by import."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import nbtrack
from nbtrack.errors import NotFound
from nbtrack.models.flavors import flavor, flavor_names


def test_one_module_under_both_names() -> None:
    from nbtrack.sklearn import load_model

    module = importlib.import_module("nbtrack.sklearn")
    assert module is nbtrack.sklearn is importlib.import_module("nbtrack.integrations.sklearn")
    assert module.__spec__.name == module.__name__ == "nbtrack.integrations.sklearn"
    assert load_model is nbtrack.sklearn.load_model


def test_a_flavor_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site"
    metadata = package / "weather-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: weather\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nbtrack.flavors]\nweather = weather_flavor\n")
    (package / "weather_flavor.py").write_text("def load_model(uri):\n    return 'sunny'\n")
    with pytest.raises(NotFound, match=r"'weather'.*sklearn"):
        flavor("weather")
    monkeypatch.syspath_prepend(str(package))
    assert {"sklearn", "weather"} <= set(flavor_names())
    from nbtrack.weather import load_model  # type: ignore[import-not-found]

    assert load_model("x") == "sunny"
    assert nbtrack.weather.__name__ == "weather_flavor"
    for name in ("nbtrack.weather", "weather_flavor"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(nbtrack, "weather")


def test_what_is_no_flavor() -> None:
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


def test_the_frameworks_wait_until_they_are_needed() -> None:
    code = "import nbtrack, nbtrack.sklearn, sys; print({'sklearn', 'skops', 'pandas'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
