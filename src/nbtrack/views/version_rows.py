"""Model versions in the form that screens know, and the filter by which they are found."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..entities import ModelVersion
from .contract import VersionRow
from .numbers import number
from .runs import own_metrics
from .source import Source


def version_filter(text: str) -> str:
    """Return the filter of model versions that a user means, who may also type a number, or "@" and an alias."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return f"version_number = {text}"
    if re.fullmatch(r"@[A-Za-z0-9_-]+", text):
        return f"aliases.alias = '{text[1:]}'"
    return text


def version_rows(source: Source, found: Sequence[ModelVersion]) -> list[VersionRow]:
    """Return model versions in the form that screens know, with the metrics of their runs."""
    run_ids = list(dict.fromkeys(version.run_id for version in found if version.run_id))
    runs = {run.info.run_id: run for run in source.reading.get_runs(run_ids)}
    rows: list[VersionRow] = []
    for version in found:
        run = runs.get(version.run_id)
        rows.append(
            {
                "name": version.name,
                "version": int(version.version),
                "stage": version.current_stage,  # type: ignore[typeddict-item]
                "creation_time": version.creation_timestamp,
                "user_id": version.user_id,
                "description": version.description,
                "source": version.source,
                "aliases": list(version.aliases),
                "tags": dict(version.tags),
                "run_id": version.run_id,
                "run_name": run.info.run_name if run else "",
                "metrics": {key: number(value) for key, value in own_metrics(run.data.metrics).items()} if run else {},
            }
        )
    return rows
