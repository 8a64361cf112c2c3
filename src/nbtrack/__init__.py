"""nbtrack: an experiment tracker that lives in the notebook.

Runs go into one embedded DuckDB file in the folder `.nbtrack`; the names and meanings are MLflow's.

>>> import nbtrack
>>> with nbtrack.start_run(run_name="baseline"):
...     nbtrack.log_param("lr", 0.1)
...     for loss in (0.9, 0.5, 0.4):
...         nbtrack.log_metric("train/loss", loss)
0.1
>>> best = nbtrack.search_runs(filter_string="metrics.`train/loss` < 0.5 AND params.lr = 0.1")
"""

from __future__ import annotations

import importlib
from typing import Any

# For what it registers, which must be now.
from . import process_end as _process_end  # noqa: F401
from .integrations import install_finder as _install_finder

# `import nbtrack.sklearn`
_install_finder()


def _read_homes() -> dict[str, str]:
    """Read the stub beside this file: the module that each public name is imported from at its first use.

    lazy_loader does the same, but importing it alone takes longer than all of `import nbtrack`.
    """
    homes = {}
    stub: bytes = __spec__.loader.get_data(f"{__path__[0]}/__init__.pyi")
    for line in stub.decode().splitlines():
        if line.startswith("from ."):
            _, home, _, name, _, _ = line.split()
            homes[name] = home
    return homes


_HOMES = _read_homes()
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name, ".")
    if home not in (".", ".integrations"):
        value = getattr(importlib.import_module(home, __name__), name)
    elif name == "__version__":
        value = importlib.import_module("._version", __name__).__version__
    elif name.startswith("_"):
        raise AttributeError(name)
    else:
        # A module, or a flavor: the import system finds both.
        try:
            value = importlib.import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"module 'nbtrack' has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
