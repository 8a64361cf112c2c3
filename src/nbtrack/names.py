"""Identifiers: time-ordered run ids, readable run names, and the check of names and keys that users give."""

from __future__ import annotations

import os
import random
import time

from .errors import InvalidParameter

MAX_LENGTH = 500
"""Longest name or key, in characters (MLflow: 500 for experiments, 250 for keys). Values have no limit."""

SYSTEM = "system/"
"""What the keys of the machine's own metrics begin with. Screens keep them apart from what people log."""

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

_random = random.SystemRandom()


def new_id() -> str:
    """A UUID version 7 (RFC 9562) as 32 hex digits: ids sort by the millisecond that they were made in."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (tail >> 64 & 0xFFF) << 64
    value |= 0b10 << 62 | (tail & (1 << 62) - 1)
    return f"{value:032x}"


def new_run_name() -> str:
    """A name such as `keen-otter-417` for a run that was given none."""
    return f"{_random.choice(_ADJECTIVES.split())}-{_random.choice(_NOUNS.split())}-{_random.randrange(1000)}"


def check_name(name: object, what: str, *, max_length: int = MAX_LENGTH) -> str:
    """`name` if it can be a name or a key; InvalidParameter, which calls it `what`, if not."""
    if not isinstance(name, str):
        raise InvalidParameter(f"{what} must be a text, not {type(name).__name__} ({name!r:.80}).")
    if not name.strip():
        raise InvalidParameter(f"{what} is empty. Give it at least one visible character.")
    if len(name) > max_length:
        raise InvalidParameter(
            f"{what} is {len(name):,} characters long; the limit is {max_length}. It begins {name[:60]!r}. "
            "Put long texts into a param's or a tag's value, which has no limit."
        )
    return check_text(name, what)


def check_text(text: str, what: str) -> str:
    """`text` if every store can keep it: no NUL, and nothing that UTF-8 cannot carry."""
    if "\0" in text:
        raise InvalidParameter(f"{what} contains a NUL character, which cannot be stored. Remove it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidParameter(
            f"{what} contains half of a surrogate pair at character {error.start + 1}, which is no valid Unicode."
        ) from None
    return text


def storable(text: str) -> str:
    """The text with what no store keeps, NUL and halves of surrogate pairs, written as escapes."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
