"""From the name that somebody wrote to the attribute or key that it means."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import QueryError
from .tree import Key, Operand
from .vocabulary import ATTRIBUTE_SPELLINGS, Vocabulary

_SHOWN = 40
"""Characters of a name that an error repeats."""


def resolve(written: str, text: str, position: int, vocabulary: Vocabulary) -> Operand:
    """The operand meant by `written`, which stands at `position` of `text`. Raises QueryError for an unknown one."""
    if written.startswith("`"):
        return _attribute(_unquoted(written), text, position, vocabulary)
    entity, dot, rest = written.partition(".")
    if not dot:
        if vocabulary.key_table(entity) or (entity in ATTRIBUTE_SPELLINGS and not vocabulary.attribute(entity)):
            reason = f"{entity} needs the name of one of them after a dot"
            raise QueryError(reason, text, position, [f"{entity}.name", f"{entity}.`a name with spaces`"])
        return _attribute(entity, text, position, vocabulary)
    name = _unquoted(rest) if rest[0] in '`"' else rest
    if table := vocabulary.key_table(entity):
        if not name:
            raise QueryError(f"the name after {entity}. is empty", text, position + len(entity) + 1, ["a name"])
        return Key(table, name)
    if entity.casefold() in ATTRIBUTE_SPELLINGS:
        return _attribute(name, text, position + len(entity) + 1, vocabulary)
    raise _unknown_entity(entity, written, text, position, vocabulary)


def _attribute(name: str, text: str, position: int, vocabulary: Vocabulary) -> Operand:
    if attribute := vocabulary.attribute(name):
        return attribute
    names = [a.name for a in vocabulary.attributes]
    near = _nearest(name, [*names, *(alias for a in vocabulary.attributes for alias in a.aliases)])
    hint = f"; did you mean {near}?" if near else ""
    keys = [f"{table.entity}.{shown(name)}" for table in vocabulary.key_tables] if name.isidentifier() else []
    reason = f"there is no attribute {shown(name)!r}{hint}"
    raise QueryError(reason, text, position, [*([near] if near else []), *keys, *(n for n in names if n != near)])


def _unknown_entity(entity: str, written: str, text: str, position: int, vocabulary: Vocabulary) -> QueryError:
    entities = [table.entity for table in vocabulary.key_tables]
    near = _nearest(entity, [*entities, *(s for t in vocabulary.key_tables for s in t.spellings), *ATTRIBUTE_SPELLINGS])
    if near:
        table = vocabulary.key_table(near)
        hint = f"did you mean {table.entity if table else near}{shown(written[len(entity) :])}?"
    else:
        hint = f"say what it is, as in {entities[0]}.{shown(written)}"
    expected = [f"{e}.name" for e in (*entities, "attributes")]
    return QueryError(f"{shown(entity)!r} is not known here; {hint}", text, position, expected)


def _nearest(name: str, known: Sequence[str]) -> str | None:
    # difflib is quadratic, and no name that long is a slip of the pen.
    close = get_close_matches(name[:_SHOWN].casefold(), known, n=1)
    return close[0] if close else None


def _unquoted(quoted: str) -> str:
    mark = quoted[0]
    return quoted[1:-1].replace(mark * 2, mark)


def shown(text: str) -> str:
    """`text`, cut to a length that fits into a sentence."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
