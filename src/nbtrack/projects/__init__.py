"""Projects: training runs that one command reproduces. The names are those of `mlflow.projects`."""

from __future__ import annotations

from .running import run
from .submitted import SubmittedRun

__all__ = ["SubmittedRun", "run"]
