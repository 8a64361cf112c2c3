"""How many examples the tests with random data try: few in `make test`, many with NBTRACK_DEEP=1."""

from __future__ import annotations

import os

IS_DEEP = os.environ.get("NBTRACK_DEEP") == "1"


def examples(usual: int, deep: int) -> int:
    """Return the number of examples for a test, each of which takes a tenth of a second or more."""
    return deep if IS_DEEP else usual
