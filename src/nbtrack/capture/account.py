"""The user who runs the code."""

from __future__ import annotations

import functools
import getpass
import os

from ..names import UNKNOWN_USER


@functools.cache
def user() -> str:
    """Return the login name, as MLflow records it, or the user's ID if the machine has no name for it."""
    try:
        return getpass.getuser()
    except Exception:  # which one depends on the Python version and the platform
        return str(os.getuid()) if hasattr(os, "getuid") else UNKNOWN_USER
