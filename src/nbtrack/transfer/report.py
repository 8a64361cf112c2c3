"""What an import brought and what it could not: counted while it goes on, printed at its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

_ORDER = (
    "experiments",
    "runs",
    "metric points",
    "params",
    "tags",
    "datasets",
    "artifact files",
    "registered models",
    "model versions",
    "aliases",
)
_EXAMPLES = 3


@dataclass
class Problem:
    """Something that did not come over, or came over changed: the reason, how often, and the first few."""

    reason: str
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = ", ".join(self.examples)
        more = ", …" if self.count > len(self.examples) else ""
        return f"{self.count:,} × {self.reason}" + (f" ({shown}{more})" if shown else "")


@dataclass
class Report:
    """What `import_runs` and `merge` return. `str(report)` is what the command prints.

    `found` counts what the source holds, `brought` what this call added or changed: the rest was here already.
    `missing` is what could not be brought, `notes` what came over changed.
    """

    kind: str = ""
    source: str = ""
    store: str = ""
    seconds: float = 0.0
    found: dict[str, int] = field(default_factory=dict)
    brought: dict[str, int] = field(default_factory=dict)
    missing: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic, repr=False)

    def count(self, what: str, found: int, brought: int = 0) -> None:
        """Count `found` things of the source, of which `brought` were not here yet."""
        self.found[what] = self.found.get(what, 0) + found
        self.brought[what] = self.brought.get(what, 0) + brought

    def miss(self, reason: str, example: str = "", count: int = 1) -> None:
        """Say that something could not be brought."""
        _add(self.missing, reason, example, count)

    def note(self, reason: str, example: str = "", count: int = 1) -> None:
        """Say that something came over, but not as it was."""
        _add(self.notes, reason, example, count)

    def finish(self) -> Report:
        """Take the time."""
        self.seconds = time.monotonic() - self._started
        return self

    @property
    def is_complete(self) -> bool:
        """Whether everything that was found is here now."""
        return not self.missing

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "kind": self.kind,
            "source": self.source,
            "store": self.store,
            "seconds": self.seconds,
            "found": dict(self.found),
            "brought": dict(self.brought),
            "missing": [vars(problem) for problem in self.missing],
            "notes": [vars(problem) for problem in self.notes],
        }

    def __str__(self) -> str:
        lines = [f"From {self.source} ({self.kind}) into {self.store}, in {self.seconds:.1f} s"]
        rows = [("", "in the source", "brought", "here already")]
        for what in [*_ORDER, *sorted(set(self.found) - set(_ORDER))]:
            if self.found.get(what):
                found, brought = self.found[what], self.brought[what]
                rows.append((what, f"{found:,}", f"{brought:,}", f"{max(found - brought, 0):,}"))
        first = max(len(row[0]) for row in rows)
        lines += [f"  {row[0]:<{first}}" + "".join(f"{cell:>16}" for cell in row[1:]) for row in rows]
        for title, problems in (("Could not be brought:", self.missing), ("Worth knowing:", self.notes)):
            if problems:
                lines += [title, *(f"  {problem}" for problem in problems)]
        return "\n".join(lines)


def _add(problems: list[Problem], reason: str, example: str, count: int) -> None:
    problem = next((one for one in problems if one.reason == reason), None)
    if problem is None:
        problem = Problem(reason)
        problems.append(problem)
    problem.count += count
    if example and len(problem.examples) < _EXAMPLES and example not in problem.examples:
        problem.examples.append(example)
