"""Why a text is no query, in a person's words."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

from ..errors import QueryError
from .names import shown
from .times import MILLISECONDS
from .tree import Operand
from .vocabulary import Kind, Vocabulary

END = "$END"

_WORDS = {
    "PATH": "a name",
    "COMPARATOR": "a comparison such as > or =",
    "LIKE": "LIKE",
    "ILIKE": "ILIKE",
    "_IN": "IN",
    "_BETWEEN": "BETWEEN",
    "_IS": "IS NULL",
    "NOT": "NOT",
    "_NULL": "NULL",
    "NUMBER": "a number",
    "TEXT": "a quoted text",
    "DURATION": "a length of time such as 7d",
    "SIGN": "+ or -",
    "_OPEN": "(",
    "_CLOSE": ")",
    "_COMMA": "a comma",
    "_AND": "AND",
    "_OR": "OR",
    "ASC": "ASC",
    "DESC": "DESC",
    END: "the end",
}
"""The terminals of grammar.lark, in the order that an error lists them."""

TIMES = ["a number", "a date in quotes", "now() - 7d"]
DURATIONS = ["a number", "a length of time such as 2h"]
_AFTER_ORDERING = {"ASC", "DESC", END}

_INSTEAD = {
    "&&": "AND",
    "&": "AND",
    "||": "OR",
    "|": "OR",
    "=>": ">=",
    "=<": "<=",
    "!": "NOT",
    "~": "LIKE",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9:.]+)?")
_DIGITS = re.compile(r"[+-]?\s*([0-9.]+)\s*([^\W\d_]*)")
_WORD = re.compile(r"[^\s()\[\],;'\"`=<>!]+")
_IN_WORD = re.compile(r"[^\s()\[\],;'\"`=<>!]")


@dataclass(frozen=True, slots=True)
class Mistake:
    """The first character or token that cannot stand where it stands.

    `terminal` is the token's (None where no token begins there), `previous` the terminal before it, `accepted` are
    the terminals that could have come, `operand` is what the comparison at hand is about.
    """

    text: str
    position: int
    terminal: str | None
    previous: str
    accepted: Set[str]
    operand: Operand | None
    vocabulary: Vocabulary

    def error(self) -> QueryError:
        """The mistake as an exception that says what may stand there."""
        if found := self._unquoted_date():
            reason = f"a date stands in quotes: '{found[0]}'"
            return QueryError(reason, self.text, found.start(), TIMES)
        return QueryError(self._reason(), self.text, self.position, self._expected())

    def _expected(self) -> list[str]:
        wanted = set(self.accepted)
        values: list[str] = []
        if {"NUMBER", "TEXT"} <= wanted and self.operand is not None:
            values = values_of(self.operand.kind)
            wanted -= {"NUMBER", "TEXT", "DURATION"}
        elif "NUMBER" in wanted:
            wanted -= {"DURATION"}
        if self.operand is not None:
            wanted -= set() if self.operand.kind.takes_text else {"LIKE", "ILIKE"}
            wanted -= set() if self.operand.kind.takes_number else {"_BETWEEN"}
        words = [
            f"a name such as {self.vocabulary.examples}" if terminal == "PATH" else words
            for terminal, words in _WORDS.items()
            if terminal in wanted
        ]
        return values + words

    def _reason(self) -> str:
        here = self.text[self.position : self.position + 1]
        value_wanted = not {"NUMBER", "TEXT"}.isdisjoint(self.accepted)
        if self.terminal == END:
            return self._ended()
        if self.terminal is None and here in "'\"`":
            return f"this quote is not closed: there is no second {here} after it"
        if here == ";":
            return "a query is one expression, without a semicolon"
        if self.terminal == "_CLOSE":
            return self._closed()
        if self.terminal != "SIGN" and (instead := self._instead()):
            return f"write {instead[1]} instead of {instead[0]}"
        if self.terminal == "_COMMA" and self.accepted <= _AFTER_ORDERING:
            return "a clause has one name; write two names as two clauses of the list"
        if value_wanted:
            return self._wrong_value()
        if "DURATION" in self.accepted or (self.terminal == "NUMBER" and "SIGN" in self.accepted):
            return self._no_length()
        if self.previous == "NUMBER" and self.operand is not None and self.operand.kind is Kind.DURATION:
            return f"a unit follows its number without a space; the units are {', '.join(MILLISECONDS)}"
        if self.terminal in ("NUMBER", "TEXT", "DURATION", "NOW") and "PATH" in self.accepted:
            what = "a comparison" if "NOT" in self.accepted else "a clause"
            return f"{what} begins with a name, such as {self.vocabulary.examples}"
        if self.previous == "TEXT" and self.text[self.position - 1] in "'\"":
            return f"a {self.text[self.position - 1]} within a text is written twice"
        if self.previous == "PATH" and not self.text[self.position - 1].isspace() and here not in "=<>!'\"`":
            return self._needs_backticks()
        return f"{self._word() or repr(here)} cannot stand here"

    def _ended(self) -> str:
        if not self.text.strip():
            return "the query is empty"
        opened = _last_open(self.text) if "_CLOSE" in self.accepted else None
        return (
            "the query ends too early" if opened is None else f"the parenthesis at character {opened + 1} is not closed"
        )

    def _closed(self) -> str:
        if self.previous == "_OPEN":
            return "nothing stands between the parentheses"
        if END in self.accepted:
            return "this parenthesis closes none"
        return "what stands in the parentheses ends too early"

    def _instead(self) -> tuple[str, str] | None:
        # `=>` is two tokens, of which only the second is wrong; a single sign is no mistake in itself.
        for start, length in ((self.position, 2), (self.position - 1, 2), (self.position, 1)):
            written = self.text[max(start, 0) : start + length]
            if len(written) == length and written in _INSTEAD:
                return written, _INSTEAD[written]
        return None

    def _wrong_value(self) -> str:
        if self.terminal == "QUOTED_NAME":
            return "backticks are for names: a text stands in single quotes"
        if self.terminal == "NUMBER":
            return "this must be a text in quotes"
        if self.terminal == "_FUNCTION":
            return "functions are for names; on the right stands a number, a text in quotes or now()"
        word = self._word()
        if not word:
            return f"{self.text[self.position]!r} stands where a value must be"
        if self.operand is not None and self.operand.kind is Kind.TIME:
            return "now is written now()" if word.casefold() == "now" else f"{word} is no time"
        if self.operand is not None and self.operand.kind is Kind.DURATION:
            units = f"; the units are {', '.join(MILLISECONDS)}" if word[0].isdigit() else ""
            return f"{word} is no length of time{units}"
        if self.operand is not None and not self.operand.kind.takes_text:
            return f"{word} is not a number, and {shown(str(self.operand))} is compared with numbers"
        return f"{word} is not quoted: write '{word}' for a text"

    def _unquoted_date(self) -> re.Match[str] | None:
        """The date without quotes that the mistake is in: `2026-11-01` is three numbers."""
        if self.operand is None or self.operand.kind is not Kind.TIME:
            return None
        start = self.position
        while start and self.text[start - 1] in "0123456789-":
            start -= 1
        found = _DATE.match(self.text, start)
        return found if found and found.end() > self.position else None

    def _no_length(self) -> str:
        found = _DIGITS.match(self.text, self.position)
        if self.terminal == "TEXT":
            return "a length of time stands without quotes"
        if found is None:
            return f"{self._word() or repr(self.text[self.position])} is no length of time"
        if found[2]:
            return f"{shown(found[2])} is no unit of time; the units are {', '.join(MILLISECONDS)}"
        number = shown(found[1])
        return f"a length of time has a unit: {', '.join(number + unit for unit in ('s', 'm', 'h'))} or {number}d"

    def _needs_backticks(self) -> str:
        start = self.position
        while start and _IN_WORD.match(self.text, start - 1):
            start -= 1
        found = _WORD.match(self.text, start)
        entity, dot, key = found[0].partition(".") if found else ("", "", "")
        functions = [function.name for function in self.vocabulary.functions]
        if self.text[self.position] == "(" and key.casefold() in functions:
            return f"a function stands before the whole name: {key.casefold()}({entity}.name)"
        if dot and key.strip("."):
            return f"a name like this one stands in backticks: {shown(f'{entity}.`{key}`')}"
        return f"{self.text[self.position]!r} cannot stand in a name without backticks"

    def _word(self) -> str:
        found = _WORD.match(self.text, self.position)
        return shown(found[0]) if found else ""


def values_of(kind: Kind) -> list[str]:
    """What a value of this kind is compared with."""
    if kind is Kind.TIME:
        return TIMES
    if kind is Kind.DURATION:
        return DURATIONS
    return [*(["a number"] if kind.takes_number else []), *(["a quoted text"] if kind.takes_text else [])]


def _last_open(text: str) -> int | None:
    """Where the innermost parenthesis opens that is still open at the end; parentheses in quotes do not count."""
    opened: list[int] = []
    for found in re.finditer(r"'[^']*'|\"[^\"]*\"|`[^`]*`|[()]", text):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            opened.pop()
    return opened[-1] if opened else None
