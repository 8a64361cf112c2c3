"""`%track` and `%%track`: the tracker from inside a notebook.

`%load_ext nbtrack` brings them, `%track?` explains them.
"""

from __future__ import annotations

from .extension import load_ipython_extension, unload_ipython_extension

__all__ = ["load_ipython_extension", "unload_ipython_extension"]
