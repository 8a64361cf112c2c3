"""The one tree of exceptions. Each class carries MLflow's error code and the HTTP status that goes with it.

NbtrackError                    INTERNAL_ERROR
├── InvalidParameter            INVALID_PARAMETER_VALUE
│   └── QueryError              … with the position, and what may stand there
├── NotFound                    RESOURCE_DOES_NOT_EXIST
├── AlreadyExists               RESOURCE_ALREADY_EXISTS
├── InvalidState                INVALID_STATE
│   └── GateClosed              … with the gate, and what the run has instead
├── Conflict                    RESOURCE_CONFLICT
├── TimedOut                    DEADLINE_EXCEEDED
├── NotSupported                NOT_IMPLEMENTED
└── StoreError                  INTERNAL_ERROR
    ├── StoreLocked             TEMPORARILY_UNAVAILABLE
    ├── StoreNotWritable        PERMISSION_DENIED
    ├── StoreDamaged            INTERNAL_ERROR
    └── StoreTooNew             INVALID_STATE
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class NbtrackError(Exception):
    """Root of every exception that nbtrack raises on purpose."""

    error_code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def to_dict(self) -> dict[str, Any]:
        """The error as MLflow's REST protocol writes it: `error_code` and `message`."""
        return {"error_code": self.error_code, "message": self.message}


class InvalidParameter(NbtrackError, ValueError):
    """An argument has a value that is not allowed."""

    error_code = "INVALID_PARAMETER_VALUE"
    http_status = 400


class QueryError(InvalidParameter):
    """A filter or an order_by clause cannot be understood.

    `position` is the offset in characters of the first thing that is wrong in `text`; `expected` lists what may
    stand there, in words for a person.
    """

    def __init__(self, reason: str, text: str, position: int, expected: Sequence[str] = ()) -> None:
        self.reason = reason
        self.text = text
        self.position = position
        self.expected = tuple(expected)
        super().__init__(self._render())

    def _render(self) -> str:
        before = self.text[: self.position].split("\n")[-1]
        after = self.text[self.position :].split("\n")[0]
        start = max(0, len(before) - 60)
        lines = [
            f"{self.reason} (at character {self.position + 1})",
            f"  {before[start:]}{after[:60]}",
            f"  {' ' * (len(before) - start)}^",
        ]
        if self.expected:
            lines.append(f"Expected here: {', '.join(self.expected)}.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        return {
            **super().to_dict(),
            "reason": self.reason,
            "position": self.position,
            "expected": list(self.expected),
        }


class NotFound(NbtrackError, LookupError):
    """A run, experiment, model, version, alias or artifact with this name does not exist."""

    error_code = "RESOURCE_DOES_NOT_EXIST"
    http_status = 404


class AlreadyExists(NbtrackError):
    """Something active has this name already."""

    error_code = "RESOURCE_ALREADY_EXISTS"
    http_status = 400


class InvalidState(NbtrackError):
    """The thing exists, but is not in a state that allows this."""

    error_code = "INVALID_STATE"
    http_status = 500


class GateClosed(InvalidState):
    """A model version's run does not satisfy what a stage's gate asks for."""

    http_status = 409


class Conflict(NbtrackError):
    """Somebody else has changed the thing in the meantime."""

    error_code = "RESOURCE_CONFLICT"
    http_status = 409


class TimedOut(NbtrackError, TimeoutError):
    """What was waited for did not happen in time."""

    error_code = "DEADLINE_EXCEEDED"
    http_status = 504


class NotSupported(NbtrackError, NotImplementedError):
    """A feature or a storage scheme that this version of nbtrack does not have."""

    error_code = "NOT_IMPLEMENTED"
    http_status = 501


class StoreError(NbtrackError):
    """The store itself cannot do what was asked."""


class StoreLocked(StoreError):
    """Another program holds the database file. What was logged stays in the journal and is applied later."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    http_status = 503


class StoreNotWritable(StoreError, PermissionError):
    """The store's folder cannot be written."""

    error_code = "PERMISSION_DENIED"
    http_status = 403


class StoreDamaged(StoreError):
    """The database file cannot be read, as a whole or in part. `nbtrack doctor` says what can be brought back."""


class StoreTooNew(StoreError):
    """The store was made by a newer nbtrack than this one."""

    error_code = "INVALID_STATE"
