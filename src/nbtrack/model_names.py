"""What may be a model's name, an alias, a version number, a tag in the registry."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import InvalidParameter
from .names import check_name, check_text

MAX_ALIAS_LENGTH = 255

_ALIAS = re.compile(r"[A-Za-z0-9_-]+")
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)


def check_model_name(name: object) -> str:
    """A model's name cannot hold '/' or ':', which separate the parts of a `models:/` URI, nor be '.' or '..'."""
    checked = check_name(name, "A registered model's name")
    if "/" in checked or ":" in checked:
        raise InvalidParameter(
            f"Invalid model name {checked!r:.120}: a name cannot contain '/' or ':', "
            "which separate the parts of a URI such as models:/name/3."
        )
    if checked in (".", ".."):
        raise InvalidParameter(f"A model cannot be called {checked!r}, which is a folder where names become paths.")
    return checked


def check_alias_form(alias: object) -> str:
    """Letters, digits, '_' and '-'."""
    checked = check_name(alias, "An alias", max_length=MAX_ALIAS_LENGTH)
    if not _ALIAS.fullmatch(checked):
        raise InvalidParameter(
            f"Invalid alias {checked!r}: an alias consists of letters A-Z, digits, underscores and dashes."
        )
    return checked


def check_alias(alias: object) -> str:
    """What may become an alias: not 'latest' nor 'v' and a number, which a `models:/` URI reads otherwise."""
    checked = check_alias_form(alias)
    if _RESERVED_ALIAS.fullmatch(checked):
        raise InvalidParameter(
            f"The alias {checked!r} is reserved: 'latest' and 'v' with a number could be mistaken for a version. "
            "Choose another, 'champion' for example."
        )
    return checked


def check_version(version: object) -> int:
    """A version number from an int or its text."""
    if isinstance(version, int) and not isinstance(version, bool):
        return version
    # isdecimal alone would take the digits of every script, and int() would read them.
    if isinstance(version, str) and version.isascii() and version.isdecimal():
        return int(version)
    raise InvalidParameter(f"A model version is a whole number such as 3 or '3', not {version!r:.80}.")


def check_tag(key: object, value: object) -> tuple[str, str]:
    """A tag's key, and its value as a text."""
    return check_name(key, "A tag's key"), check_text(str(value), f"The value of tag {key!r:.80}")


def check_tags(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Every key and value of `tags` checked; {} for None."""
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidParameter(f"tags must be a dict of key and value, not {type(tags).__name__}.")
    return dict(check_tag(key, value) for key, value in (tags or {}).items())


def check_reason(reason: object) -> str | None:
    """Why a change is made, as a text; None for a blank one."""
    if reason is None:
        return None
    if not isinstance(reason, str):
        raise InvalidParameter(f"A reason is a text such as 'better on the new test set', not {reason!r:.80}.")
    return check_text(reason, "The reason").strip() or None


def check_description(description: object) -> str:
    """A description as a text; '' for None."""
    if description is None:
        return ""
    if not isinstance(description, str):
        raise InvalidParameter(f"A description must be a text, not {type(description).__name__}.")
    return check_text(description, "The description")
