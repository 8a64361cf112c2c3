"""The stages of a model version, with MLflow's names."""

from __future__ import annotations

from .errors import InvalidParameter

NONE = "None"
STAGING = "Staging"
PRODUCTION = "Production"
ARCHIVED = "Archived"

ALL_STAGES = (NONE, STAGING, PRODUCTION, ARCHIVED)
ACTIVE_STAGES = (STAGING, PRODUCTION)
"""The stages whose versions a transition can archive."""

_BY_LOWER_CASE = {stage.lower(): stage for stage in ALL_STAGES}


def canonical_stage(stage: object, what: str = "stage") -> str:
    """Return the stage in its stored spelling. Upper and lower case do not matter. Raises InvalidParameter."""
    if isinstance(stage, str) and (known := _BY_LOWER_CASE.get(stage.lower())):
        return known
    raise InvalidParameter(f"{what} must be one of {', '.join(ALL_STAGES)}, not {stage!r:.80}.")
