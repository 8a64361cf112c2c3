"""Versions that a caller expects, so that a change is refused if others are there by now."""

from __future__ import annotations

from collections.abc import Sequence

from ....model_names import check_version
from ...protocol import Versions


def version_numbers(versions: Versions | None) -> list[int] | None:
    """Return the numbers in order, each once. None stays None: any version is expected."""
    if versions is None:
        return None
    if isinstance(versions, int | str):
        versions = [versions]
    return sorted({check_version(version) for version in versions})


def listed_versions(versions: Sequence[int]) -> str:
    """Return the versions as a message names them."""
    if not versions:
        return "no version"
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"
