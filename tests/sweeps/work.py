"""What a worker of these tests does: in a module of its own, so that a spawned process can import it."""

from __future__ import annotations

import nbtrack

POINTS = 20


def train(number: int) -> str:
    """A nested run with its points, after which the worker is out of it again."""
    with nbtrack.start_run(run_name=f"trial {number}", nested=True) as run:
        nbtrack.log_param("number", number)
        for step in range(POINTS):
            nbtrack.log_metric("m", number * POINTS + step, step=step)
    return run.info.run_id


def train_for(parent: str, number: int) -> str:
    """The same in a run that is told its parent."""
    with nbtrack.start_run(run_name=f"trial {number}", parent_run_id=parent) as run:
        for step in range(POINTS):
            nbtrack.log_metric("m", number * POINTS + step, step=step)
    return run.info.run_id
