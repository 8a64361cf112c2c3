"""The magics `%track` and `%%track`.

`%load_ext nbtrack` registers them, and `%track?` shows their help.
"""

from __future__ import annotations

from .extension import load_ipython_extension, unload_ipython_extension

__all__ = ["load_ipython_extension", "unload_ipython_extension"]
