"""What nbtrack does when the process ends: the steps, in the reverse order of their registration.

Python calls first what was registered last. So this is registered when nbtrack is imported, before its heavy parts are:
what the program itself does at its end comes first, and can still log to its run.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack

_steps = ExitStack()
atexit.register(_steps.close)

at_process_end = _steps.callback
"""Register a step, as `atexit.register` does. One that raises keeps no other from its turn."""
