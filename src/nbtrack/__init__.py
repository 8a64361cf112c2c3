"""nbtrack, an experiment tracker that lives in the notebook.

Runs are stored in an embedded DuckDB database in the folder `.nbtrack`. Names and arguments are those of MLflow.

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

# Imported first, because it must register its function before other modules register theirs.
from . import process_end as _process_end  # noqa: F401
from .integrations import install_finder as _install_finder
from .run_display import register as _display_runs

# This makes `import nbtrack.sklearn` work.
_install_finder()
_display_runs()


def _read_modules() -> dict[str, str]:
    """Return the module of each public name, from the stub beside this file. It is imported at the name's first use.

    lazy_loader does the same, but importing it alone takes longer than all of `import nbtrack`.
    """
    modules = {}
    stub: bytes = __spec__.loader.get_data(f"{__path__[0]}/__init__.pyi")
    for line in stub.decode().splitlines():
        if line.startswith("from ."):
            _, module, _, name, _, _ = line.split()
            modules[name] = module
    return modules


_MODULES = _read_modules()
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name, ".")
    if module not in (".", ".integrations"):
        value = getattr(importlib.import_module(module, __name__), name)
    elif name == "__version__":
        value = importlib.import_module("._version", __name__).__version__
    elif name.startswith("_"):
        raise AttributeError(name)
    else:
        # This is a module or a flavor. The import system finds both.
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
