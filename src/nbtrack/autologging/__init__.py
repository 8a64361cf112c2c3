"""Autologging: log the training calls of frameworks to the active run, or to a run for each training.

`nbtrack.autolog()` switches it on for every framework, `nbtrack.<framework>.autolog()` for one. What a framework's
training logs is in its file in `integrations/`; this package has what they have in common.
"""

from __future__ import annotations

from .everything import autolog, begin_temporarily, end_temporarily, switch_off, temporarily
from .guard import guarded, is_suspended, suspended, warn, warn_once
from .patches import Patches
from .registration import autologger, switch
from .settings import Settings, known, settings
from .training import Call, Training, log_call, log_part, log_training, not_logged

__all__ = [
    "Call",
    "Patches",
    "Settings",
    "Training",
    "autolog",
    "autologger",
    "begin_temporarily",
    "end_temporarily",
    "guarded",
    "is_suspended",
    "known",
    "log_call",
    "log_part",
    "log_training",
    "not_logged",
    "settings",
    "suspended",
    "switch",
    "switch_off",
    "temporarily",
    "warn",
    "warn_once",
]
