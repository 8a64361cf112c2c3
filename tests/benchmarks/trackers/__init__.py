"""The trackers that are measured, one module each."""

from __future__ import annotations

from .aim import Aim
from .base import Tracker
from .mlflow import Mlflow
from .nbtrack import Nbtrack
from .tensorboardx import TensorboardX
from .trackio import Trackio
from .wandb import Wandb

__all__ = ["TRACKERS", "Tracker"]

TRACKERS: dict[str, type[Tracker]] = {t.name: t for t in (Nbtrack, Mlflow, Trackio, Aim, Wandb, TensorboardX)}
