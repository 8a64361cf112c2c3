"""What a worker of these tests does. It is a separate module so that a spawned process can import it."""

from __future__ import annotations

import nbtrack

POINTS = 20


def train(number: int) -> str:
    """Log points to a nested run and end it."""
    with nbtrack.start_run(run_name=f"trial {number}", nested=True) as run:
        nbtrack.log_param("number", number)
        for step in range(POINTS):
            nbtrack.log_metric("m", number * POINTS + step, step=step)
    return run.info.run_id


def train_for(parent: str, number: int) -> str:
    """Do the same in a run whose parent is named."""
    with nbtrack.start_run(run_name=f"trial {number}", parent_run_id=parent) as run:
        for step in range(POINTS):
            nbtrack.log_metric("m", number * POINTS + step, step=step)
    return run.info.run_id
