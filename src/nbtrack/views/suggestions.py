"""The keys that a filter may have meant, if it names one that no run has."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Literal

from ..errors import QueryError
from .contract import Hint
from .source import Source

Entity = Literal["metrics", "params"]

ENTITIES: tuple[Entity, ...] = ("metrics", "params")
MOST_SUGGESTED = 3
MOST_COMPARED = 1_000
"""How many keys of the store are compared with the one in the filter."""

_WORD = re.compile(r"[\w./-]+")
_QUOTES = '`" '


def known_keys(source: Source, entity: Entity, experiment_ids: Sequence[str] | None) -> dict[str, str]:
    """Return the keys in these experiments, each with how a filter names it."""
    start = f"{entity}."
    found = source.complete(start, len(start), max_results=MOST_COMPARED, experiment_ids=experiment_ids)
    names = [each.text.strip() for each in found if each.text.startswith(start)]
    return {name.removeprefix(start).strip(_QUOTES): name for name in names}


def nearest(word: str, keys: Sequence[str]) -> list[str]:
    """Return the keys that resemble a word: its last part is the word, it contains the word, or it is spelled alike.

    A word with a prefix, such as `val/acuracy`, is compared with whole keys, too.
    """
    lower = word.lower()
    last = {key: key.rsplit("/", 1)[-1].lower() for key in keys}
    same = [key for key in keys if last[key] == lower]
    within = [key for key in keys if lower in key.lower() or (len(last[key]) > 2 and last[key] in lower)]
    alike = difflib.get_close_matches(lower, list(last.values()), MOST_SUGGESTED, 0.75)
    whole = difflib.get_close_matches(lower, [key.lower() for key in keys], MOST_SUGGESTED, 0.75)
    close = [key for key in keys if last[key] in alike or key.lower() in whole]
    return list(dict.fromkeys([*same, *within, *close]))[:MOST_SUGGESTED]


def explained(source: Source, error: QueryError, experiment_ids: Sequence[str] | None) -> QueryError:
    """Return an error about an unknown name with the metrics and params that may have been meant."""
    word = _WORD.match(error.text, error.position)
    missing = (
        {f"{entity}.{quote}{word[0]}{quote}" for entity in ("metrics", "params", "tags") for quote in ("", "`")}
        if word
        else set()
    )
    if word is None or missing.isdisjoint(error.expected):
        return error
    keys = known_keys(source, "metrics", experiment_ids) | known_keys(source, "params", experiment_ids)
    near = [keys[key] for key in nearest(word[0], list(keys))]
    if not near:
        return error
    reason = f"Attribute {word[0]!r} does not exist. Did you mean {near[0]}?"
    others = [each for each in error.expected if each not in missing]
    return QueryError(reason, error.text, error.position, [*near, *others])


def hints(
    source: Source, entity: Entity, keys: Sequence[str], experiment_ids: Sequence[str] | None = None
) -> list[Hint]:
    """Return the keys of a filter that no run of the experiments has, with those that may have been meant."""
    known = known_keys(source, entity, experiment_ids) if keys else {}
    # A key can be missing in a part of the keys of a very large store.
    unknown = [key for key in dict.fromkeys(keys) if key not in known] if len(known) < MOST_COMPARED else []
    return [{"key": f"{entity}.{key}", "near": [known[near] for near in nearest(key, list(known))]} for key in unknown]
