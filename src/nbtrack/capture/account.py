"""Who is at work here."""

from __future__ import annotations

import functools
import getpass
import os


@functools.cache
def user() -> str:
    """The login name, as MLflow records it; the number of the user where the machine has no name for it."""
    try:
        return getpass.getuser()
    except Exception:  # what it raises differs by Python version and platform
        return str(os.getuid()) if hasattr(os, "getuid") else ""
