"""The part of loading a model that all flavors share: find the model's folder, and check whether to trust it.

def load_model(model_uri, dst_path=None, *, trust=False):
    opened = open_model(model_uri, FLAVOR_NAME, dst_path, trust=trust)
    return framework.load(file_of(opened.folder, opened.settings, "data"))
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifact_store.local import LocalArtifactRepository
from ..errors import InvalidParameter, NotFound
from .environment import differences
from .model import Model
from .saving import PYFUNC
from .where import locate, model_at


@dataclass(frozen=True)
class Opened:
    """A model whose files are available locally. If `trusted`, it may run code of its own while it is loaded."""

    folder: Path
    model: Model
    settings: dict[str, Any]
    trusted: bool


def open_model(
    model_uri: str | os.PathLike[str],
    flavor_name: str | None,
    dst_path: str | None = None,
    *,
    trust: bool = False,
    suppress_warnings: bool = False,
) -> Opened:
    """Return the folder and the manifest of a model, with the settings of a flavor, and make its own code importable.

    Raises NotFound if the model does not have the flavor. Warns if the installed packages differ from those that the
    model was saved with.
    """
    model_uri = os.fspath(model_uri) if isinstance(model_uri, os.PathLike) else model_uri
    location = locate(model_uri)
    model = model_at(location)
    settings = {} if flavor_name is None else model.flavor(flavor_name)
    folder = location.folder(dst_path)
    trusted = trust or location.in_store
    pyfunc = model.flavors.get(PYFUNC, {})
    _use_code(folder, settings.get("code") or pyfunc.get("code"), trusted)
    others = [] if suppress_warnings else differences(folder, pyfunc.get("python_version"))
    if others:
        warnings.warn(
            f"The model at {model_uri!r:.200} was saved in an environment that differs from this one: "
            f"{', '.join(others)}. It may fail or return different predictions. To install the packages that it was "
            f"saved with, run: pip install -r {folder / 'requirements.txt'}",
            stacklevel=3,
        )
    return Opened(folder, model, settings, trusted)


def file_of(folder: Path, settings: Mapping[str, Any], name: str, default: str | None = None) -> Path:
    """Return the file or folder that a flavor's settings name under `name`.

    The manifest may come from anyone, so it cannot name a file outside the model's folder.
    """
    path = settings.get(name) or default
    if not isinstance(path, str):
        raise InvalidParameter(
            f"The MLmodel file of the model at {str(folder)!r:.200} does not say where its {name} is."
        )
    file = LocalArtifactRepository(folder).fetch_to(path)
    if not file.exists():
        raise NotFound(f"The model at {str(folder)!r:.200} is incomplete: {path!r:.200} does not exist.")
    return file


def ask_trust(trusted: bool, folder: Path, what: str = "is a pickle") -> None:
    """Raise InvalidParameter unless the model is trusted. `what` says why loading it could run code of others."""
    if not trusted:
        raise InvalidParameter(
            f"The model at {str(folder)!r:.200} {what} and was not logged by a run of this store. Loading it can run "
            "any code that it contains. If you trust its author, call load_model(…, trust=True)."
        )


def _use_code(folder: Path, code: object, trusted: bool) -> None:
    """Make the model's own code importable, before other modules with the same names."""
    if not code:
        return
    ask_trust(trusted, folder, "contains code of its own")
    place = file_of(folder, {"code": code}, "code").resolve()
    if str(place) in sys.path:
        return
    for entry in place.iterdir():
        loaded = sys.modules.get(entry.stem)
        file = getattr(loaded, "__file__", None)
        if entry.suffix in ("", ".py") and file and not Path(file).resolve().is_relative_to(place):
            warnings.warn(
                f"The model contains its own module {entry.stem!r}, but {file} was imported under that name before "
                "and is used instead. Load the model in a new process to use its own module.",
                stacklevel=4,
            )
    sys.path.insert(0, str(place))
