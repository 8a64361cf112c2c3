"""The steps of nbtrack at the end of the process, in the reverse order of their registration.

Python calls the functions that were registered last first. This module registers its own when nbtrack is imported,
before the heavy parts. So the program's own functions are called earlier, and can still log to its run.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack

_steps = ExitStack()
atexit.register(_steps.close)

at_process_end = _steps.callback
"""Register a step, as `atexit.register` does. An exception in one step does not prevent the others."""
