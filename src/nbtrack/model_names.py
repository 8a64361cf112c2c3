"""Checks of names, aliases, version numbers, tags and reasons in the model registry."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import InvalidParameter
from .names import check_name, check_text

MAX_ALIAS_LENGTH = 255

_ALIAS = re.compile(r"[A-Za-z0-9_-]+")
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)


def check_model_name(name: object) -> str:
    """Return `name` if it can be the name of a registered model. Raises InvalidParameter.

    '/' and ':' separate the parts of a `models:/` URI, and '.' and '..' would be folders where a name becomes a path.
    """
    checked = check_name(name, "Model name")
    if "/" in checked or ":" in checked:
        raise InvalidParameter(
            f"Model name {checked!r:.120} must not contain '/' or ':', which separate the parts of a URI such as "
            "models:/name/3."
        )
    if checked in (".", ".."):
        raise InvalidParameter(f"Model name must not be {checked!r}, which is a folder in a path. Choose another name.")
    return checked


def check_alias_form(alias: object) -> str:
    """Return `alias` if it consists of letters, digits, '_' and '-'. Raises InvalidParameter."""
    checked = check_name(alias, "Alias", max_length=MAX_ALIAS_LENGTH)
    if not _ALIAS.fullmatch(checked):
        raise InvalidParameter(
            f"Alias must consist of the letters A-Z and a-z, digits, underscores and dashes, not {checked!r}."
        )
    return checked


def check_alias(alias: object) -> str:
    """Return `alias` if a version can get it. Raises InvalidParameter.

    'latest' and 'v' with a number are reserved, because a `models:/` URI gives them another meaning.
    """
    checked = check_alias_form(alias)
    if _RESERVED_ALIAS.fullmatch(checked):
        raise InvalidParameter(
            f"Alias {checked!r} is reserved, because 'latest' and 'v' with a number could be mistaken for a version. "
            "Choose another alias, for example 'champion'."
        )
    return checked


def check_version(version: object, what: str = "version") -> int:
    """Return a version number as an integer, from an integer or a string of digits.

    Raises InvalidParameter with a message that starts with `what`.
    """
    if isinstance(version, int) and not isinstance(version, bool):
        return version
    # isdecimal() alone would accept the digits of every script, and int() would convert them.
    if isinstance(version, str) and version.isascii() and version.isdecimal():
        return int(version)
    raise InvalidParameter(f"{what} must be an integer such as 3 or '3', not {version!r:.80}.")


def check_tag(key: object, value: object) -> tuple[str, str]:
    """Return a tag's key and its value as a string. Raises InvalidParameter."""
    return check_name(key, "Tag key"), check_text(str(value), f"The value of tag {key!r:.80}")


def check_tags(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Return `tags` with every key and value checked, and {} for None. Raises InvalidParameter."""
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidParameter(f"tags must be a dict, not {type(tags).__name__}.")
    return dict(check_tag(key, value) for key, value in (tags or {}).items())


def check_reason(reason: object) -> str | None:
    """Return the reason of a change, or None for a blank one. Raises InvalidParameter."""
    if reason is None:
        return None
    if not isinstance(reason, str):
        raise InvalidParameter(f"reason must be a string such as 'better on the new test set', not {reason!r:.80}.")
    return check_text(reason, "reason").strip() or None


def check_description(description: object) -> str:
    """Return a description, and '' for None. Raises InvalidParameter."""
    if description is None:
        return ""
    if not isinstance(description, str):
        raise InvalidParameter(f"description must be a string, not {type(description).__name__}.")
    return check_text(description, "description")
