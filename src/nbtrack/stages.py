"""The stages of a model version, with MLflow's names."""

from __future__ import annotations

from .errors import InvalidParameter

NONE = "None"
STAGING = "Staging"
PRODUCTION = "Production"
ARCHIVED = "Archived"

ALL_STAGES = (NONE, STAGING, PRODUCTION, ARCHIVED)
ACTIVE_STAGES = (STAGING, PRODUCTION)
"""The stages that a transition can empty by archiving what is in them."""

_BY_LOWER_CASE = {stage.lower(): stage for stage in ALL_STAGES}


def canonical_stage(stage: object) -> str:
    """The stage as it is stored, from any mix of upper and lower case. InvalidParameter names the four that exist."""
    if isinstance(stage, str) and (known := _BY_LOWER_CASE.get(stage.lower())):
        return known
    raise InvalidParameter(f"Unknown stage {stage!r:.80}. A model version's stage is one of {', '.join(ALL_STAGES)}.")
