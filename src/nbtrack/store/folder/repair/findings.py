"""What doctor found: one finding a trouble, and the report that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOUND = "found"
REPAIRED = "repaired"
LOST = "lost"
"""Repaired as far as it goes; something could not be brought back."""


@dataclass
class Finding:
    """One trouble: what is wrong, what would be or was done about it, and whether that has happened."""

    kind: str
    text: str
    cure: str
    state: str = FOUND

    def __str__(self) -> str:
        mark = {FOUND: "!", REPAIRED: "+", LOST: "-"}[self.state]
        verb = {FOUND: "With --repair: ", REPAIRED: "Done: ", LOST: "Done: "}[self.state]
        return f"{mark} {self.kind}: {self.text}\n    {verb}{self.cure}"


@dataclass
class Report:
    """What `doctor` found in a store, and what it did."""

    store: Path
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is worth knowing and is no trouble."""
    kept: list[Path] = field(default_factory=list)
    """Where originals were moved."""

    def add(self, kind: str, text: str, cure: str) -> Finding:
        finding = Finding(kind, text, cure)
        self.findings.append(finding)
        return finding

    @property
    def is_healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def is_repaired(self) -> bool:
        """Whether all that was found is as it was before."""
        return all(finding.state == REPAIRED for finding in self.findings)

    @property
    def has_losses(self) -> bool:
        """Whether something was repaired as far as it goes, and not all came back."""
        return any(finding.state == LOST for finding in self.findings)

    def __str__(self) -> str:
        count = len(self.findings)
        what = "nothing is wrong." if not count else "1 finding" if count == 1 else f"{count} findings"
        lines = [f"The store {self.store}: {what}"]
        lines += [str(finding) for finding in self.findings]
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  The original was kept: {path}" for path in self.kept]
        return "\n".join(lines)
