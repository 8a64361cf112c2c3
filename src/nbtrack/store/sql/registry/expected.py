"""Versions that a caller expects, so that a change is refused if others are there by now."""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import Conflict
from ....model_names import check_version
from ....names import check_list
from ...protocol import Versions


def version_numbers(versions: Versions | None, what: str) -> list[int] | None:
    """Return the numbers in order, each once. None stays None: any version is expected.

    Raises InvalidParameter with a message that starts with `what` if they are not a version or a list.
    """
    if versions is None:
        return None
    if isinstance(versions, int | str):
        versions = [versions]
    return sorted({check_version(version, what) for version in check_list(versions, what)})


def listed_versions(versions: Sequence[int]) -> str:
    """Return the versions as a message names them."""
    if not versions:
        return "no version"
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"


def require_expected(what: str, now: str, expected: str) -> None:
    """Raise Conflict if something is not as the caller expects it.

    Args:
        what: What was expected to be different, as the beginning of a sentence.
        now: What it is now.
        expected: What the caller expects it to be.
    """
    if now != expected:
        raise Conflict(f"{what} is now {now}. It was expected to be {expected}. Nothing was changed.")
