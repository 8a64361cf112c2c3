"""Time-ordered IDs, readable run names, and checks of the names and keys that users pass."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterable
from typing import TypeVar

from .errors import InvalidParameter

T = TypeVar("T")

MAX_LENGTH = 500
"""The longest name or key, in characters (MLflow: 500 for experiments, 250 for keys). Values have no limit."""

SYSTEM = "system/"
"""The prefix of the keys of system metrics. Screens show these apart from the metrics that users log."""

UNKNOWN_USER = "unknown"
"""The user of a run that nobody is named for, as in MLflow."""

_ADJECTIVES = (
    "able amber ample bold brave brisk calm clever cosmic crisp daring deft eager early fair fluent fond gentle "
    "golden grand happy hardy honest jolly keen kind lively loyal lucid lucky mellow merry mighty modest neat nimble "
    "noble patient polite proud quick quiet rapid robust serene sharp shiny silent sincere smart smooth snappy "
    "solid spry stable steady sunny swift tidy upbeat valiant vivid warm wise witty zesty"
)
_NOUNS = (
    "auk badger bat bear beaver bee bison boar calf carp cod colt condor crab crane crow deer doe dove duck eagle eel "
    "elk falcon fawn finch fox frog gnu goat goose grouse gull hare hawk hen heron horse hound ibis jay kite koi lamb "
    "lark lion loon lynx mole moose moth mule newt otter owl ox panda pike pony puma quail ram rat raven rook seal "
    "shark shrew shrimp skink sloth snail sole squid stag stork swan tern toad trout vole wasp whale wolf wren yak"
)

_NAME = re.compile(r"([a-z]+)\.(?:`([^`]+)`|\"([^\"]+)\"|(.+))", re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_random = random.SystemRandom()


def new_id() -> str:
    """Return a UUID version 7 (RFC 9562) as 32 hex digits, so that IDs sort by the millisecond of their creation."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (tail >> 64 & 0xFFF) << 64
    value |= 0b10 << 62 | (tail & (1 << 62) - 1)
    return f"{value:032x}"


def new_run_name() -> str:
    """Return a random name such as `keen-otter-417`, for a run that was created without one."""
    return f"{_random.choice(_ADJECTIVES.split())}-{_random.choice(_NOUNS.split())}-{_random.randrange(1000)}"


def check_name(name: object, what: str, *, max_length: int = MAX_LENGTH) -> str:
    """Return `name` if it can be a name or a key.

    Raises InvalidParameter if it is not a string, is blank or too long, or contains characters that cannot be stored.
    The message starts with `what`, such as "Run name".
    """
    if not isinstance(name, str):
        raise InvalidParameter(f"{what} must be a string, not {type(name).__name__} ({name!r:.80}).")
    if not name.strip():
        raise InvalidParameter(f"{what} must not be empty or blank.")
    if len(name) > max_length:
        raise InvalidParameter(
            f"{what} must have at most {max_length} characters, not {len(name):,}. It starts with {name[:60]!r}."
            f"{' Values of params and tags have no limit.' if what.endswith(' key') else ''}"
        )
    return check_text(name, what)


def check_dict(values: object, what: str) -> None:
    """Raise InvalidParameter if `values` is not a dict. The message starts with `what`.

    Whatever has items is accepted, such as a row of a DataFrame.
    """
    if not hasattr(values, "items"):
        raise InvalidParameter(f"{what} must be a dict, not {type(values).__name__} ({values!r:.80}).")


def check_string(value: object, what: str) -> str:
    """Return `value` if it is a string. Raises InvalidParameter with a message that starts with `what`."""
    if not isinstance(value, str):
        raise InvalidParameter(f"{what} must be a string, not {type(value).__name__} ({value!r:.80}).")
    return value


def check_list(values: Iterable[T] | None, what: str) -> list[T]:
    """Return values as a list; none for None. Raises InvalidParameter if they are a string or cannot be listed."""
    if values is None:
        return []
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidParameter(f"{what} must be a list, not {type(values).__name__} ({values!r:.80}).")
    return list(values)


def check_path(path: object, what: str) -> str:
    """Return a path as a string. Raises InvalidParameter with a message that starts with `what`."""
    found = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(found, str):
        raise InvalidParameter(f"{what} must be a path, not {type(path).__name__} ({path!r:.80}).")
    return found


def check_text(text: str, what: str) -> str:
    """Return `text` if every store can keep it: it has no NUL and can be encoded as UTF-8. Raises InvalidParameter."""
    if "\0" in text:
        raise InvalidParameter(f"{what} must not contain a NUL character, which cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidParameter(
            f"{what} is not valid Unicode: character {error.start + 1} is half of a surrogate pair."
        ) from None
    return text


def storable(text: str) -> str:
    """Return the string with NUL characters and halves of surrogate pairs, which no store can keep, as escapes."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def filter_name(entity: str, key: str) -> str:
    """Return a name as a filter has it: `params.width`, quoted if it is not an identifier, as in js/logic/order.ts."""
    if _IDENTIFIER.fullmatch(key):
        return f"{entity}.{key}"
    return f'{entity}."{key}"' if "`" in key else f"{entity}.`{key}`"


def filter_value(text: str) -> str:
    """Return a string as a filter has it: in single quotes, with those in it doubled."""
    return "'" + text.replace("'", "''") + "'"


def has_filter_name(key: str) -> bool:
    """Return whether a filter can name a key. It has no quotes for one that contains both kinds of them."""
    return "`" not in key or '"' not in key


def split_name(name: str) -> tuple[str, str] | None:
    """Return the entity and the key of a name such as params.width or tags.`my tag`, or None if it is not one.

    Unlike in a filter, a key may have any characters without being quoted, because earlier versions kept such names.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    entity, *keys = match.groups()
    return entity, next(filter(None, keys))
