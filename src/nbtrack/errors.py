"""The exceptions of nbtrack. Each class has MLflow's error code and the HTTP status that belongs to it.

```text
NbtrackError                    INTERNAL_ERROR
├── InvalidParameter            INVALID_PARAMETER_VALUE
│   └── QueryError              … with the position, and what is allowed there
├── NotFound                    RESOURCE_DOES_NOT_EXIST
├── AlreadyExists               RESOURCE_ALREADY_EXISTS
├── InvalidState                INVALID_STATE
│   └── GateClosed              … with the gate, and the values of the run
├── Conflict                    RESOURCE_CONFLICT
├── TimedOut                    DEADLINE_EXCEEDED
├── NotSupported                NOT_IMPLEMENTED
├── ExecutionException          INTERNAL_ERROR
└── StoreError                  INTERNAL_ERROR
    ├── StoreLocked             TEMPORARILY_UNAVAILABLE
    ├── StoreNotWritable        PERMISSION_DENIED
    ├── StoreDamaged            INTERNAL_ERROR
    └── StoreTooNew             INVALID_STATE
```

`RunStopped` is not among them: like KeyboardInterrupt, it is not an error, and `except Exception` does not catch it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class NbtrackError(Exception):
    """The base class of all exceptions that nbtrack raises.

    Args:
        message: What was wrong, what is allowed and what to do.
        advice: What to do in code, such as which argument to pass. It follows the message.

    Attributes:
        error_code: The error code of MLflow's REST API.
        http_status: The HTTP status that belongs to it.
        message: The message with the advice.
        summary: The message without the advice, which is what a screen shows.
    """

    error_code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, advice: str = "") -> None:
        self.message = f"{message} {advice}" if advice else message
        self.summary = message
        super().__init__(self.message)

    def get_http_status_code(self) -> int:
        """Return the HTTP status, as MLflow's exceptions do.

        Returns:
            The attribute `http_status`.
        """
        return self.http_status

    def to_dict(self) -> dict[str, Any]:
        """Return the error as MLflow's REST API does.

        Returns:
            A dict with `error_code` and `message`.
        """
        return {"error_code": self.error_code, "message": self.message}


class InvalidParameter(NbtrackError, ValueError, TypeError):
    """An argument has a value or a type that is not allowed.

    It is both a ValueError and a TypeError, because code for MLflow catches one or the other.

    Args:
        message: Which argument is wrong, and what is allowed.
    """

    error_code = "INVALID_PARAMETER_VALUE"
    http_status = 400


class QueryError(InvalidParameter):
    """A filter or an order_by clause is not valid.

    Args:
        reason: What is wrong, without the position.
        text: The filter or the clause.
        position: Where in `text` the mistake starts, in characters from 0.
        expected: What is allowed there, in words for the user.

    Attributes:
        reason: What is wrong, without the position.
        text: The filter or the clause.
        position: Where in `text` the mistake starts, in characters from 0.
        expected: What is allowed there, in words for the user.
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
            *others, last = self.expected
            lines.append(f"Expected here: {', '.join(others)}{' or ' if others else ''}{last}.")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as MLflow's REST API does, with further fields.

        Returns:
            A dict with `error_code`, `message`, `reason`, `position` and `expected`.
        """
        return {
            **super().to_dict(),
            "reason": self.reason,
            "position": self.position,
            "expected": list(self.expected),
        }


class NotFound(NbtrackError, LookupError):
    """A run, experiment, model, version, artifact or file does not exist.

    Args:
        message: What does not exist.
    """

    error_code = "RESOURCE_DOES_NOT_EXIST"
    http_status = 404


class AlreadyExists(NbtrackError):
    """An active experiment, a registered model or a file with this name already exists.

    Args:
        message: What exists, and what to do.
    """

    error_code = "RESOURCE_ALREADY_EXISTS"
    http_status = 400


class InvalidState(NbtrackError):
    """The object exists, but its state does not allow the operation.

    Args:
        message: What the state is, and what to do.
    """

    error_code = "INVALID_STATE"
    http_status = 500


class GateClosed(InvalidState):
    """The run of a model version does not pass a gate of the stage.

    Args:
        message: What the gate requires, and what the run has.
    """

    http_status = 409


class Conflict(NbtrackError):
    """Another user or process has changed the object in the meantime.

    Args:
        message: What has changed.
    """

    error_code = "RESOURCE_CONFLICT"
    http_status = 409


class TimedOut(NbtrackError, TimeoutError):
    """An expected event did not happen in time.

    Args:
        message: What did not happen.
    """

    error_code = "DEADLINE_EXCEEDED"
    http_status = 504


class NotSupported(NbtrackError, NotImplementedError):
    """This version or installation of nbtrack does not support a feature or a URI scheme.

    Args:
        message: What is not supported, and what is.
    """

    error_code = "NOT_IMPLEMENTED"
    http_status = 501


class ExecutionException(NbtrackError):
    """The command of a project failed, or could not be started. The name is MLflow's.

    Args:
        message: Which command, and how it ended.
        run_id: ID of the run, or None if no run was created.
        exit_code: The exit code of the command, minus the number of the signal that ended it, or None.

    Attributes:
        run_id: ID of the run, or None.
        exit_code: The exit code of the command, or None.
    """

    def __init__(self, message: str, run_id: str | None = None, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.run_id = run_id
        self.exit_code = exit_code


class StoreError(NbtrackError):
    """The store cannot perform the operation.

    Args:
        message: What is wrong, and what happens to the data.
    """


class StoreLocked(StoreError):
    """Another program holds the database file.

    Logging continues: new data stays in the journal and is applied when the file is free again.

    Args:
        message: Which program holds the file, and what to do.
    """

    error_code = "TEMPORARILY_UNAVAILABLE"
    http_status = 503


class StoreNotWritable(StoreError, PermissionError):
    """The folder of the store is not writable.

    Args:
        message: What cannot be written, and why.
    """

    error_code = "PERMISSION_DENIED"
    http_status = 403


class StoreDamaged(StoreError):
    """The database file cannot be read, or not all of it. `nbtrack doctor` shows what can be recovered.

    Args:
        message: What is damaged.
    """


class StoreTooNew(StoreError):
    """The store was created by a newer version of nbtrack.

    Args:
        message: The versions, and what to do.
    """

    error_code = "INVALID_STATE"


class AlertWarning(UserWarning):
    """A metric of the run has met the condition of an alert, or is not a finite number. See `nbtrack.alert_if`.

    Args:
        message: Which run, which condition, at which step, and the value.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)


class RunStopped(BaseException):
    """The run was asked to stop. A log call of the run raises this after it has stored its data.

    It is not an Exception, as KeyboardInterrupt is not one, so it passes through the `except Exception` of a training
    loop or a framework. Unlike a KeyboardInterrupt, it does not end an event loop or the kernel.

    Args:
        run_id: ID of the run.
        run_name: Name of the run.
        by: Who asked for it. May be empty.
        reason: Why. May be empty.

    Attributes:
        run_id: ID of the run.
        run_name: Name of the run.
        by: Who asked for it. May be empty.
        reason: Why. May be empty.
        message: What happened, in one line.

    Example:
        >>> try:
        ...     raise RunStopped("0198", "baseline", by="ada", reason="The loss is not falling")
        ... except RunStopped as stopped:
        ...     print(stopped)
        Run 'baseline' was stopped by ada: The loss is not falling
    """

    def __init__(self, run_id: str, run_name: str, by: str = "", reason: str = "") -> None:
        # All arguments, so that the exception can be pickled on its way from a worker process.
        super().__init__(run_id, run_name, by, reason)
        self.run_id = run_id
        self.run_name = run_name
        self.by = by
        self.reason = reason
        stopped = f"Run {run_name!r} was stopped{f' by {by}' if by else ''}"
        self.message = " ".join(f"{stopped}{f': {reason}' if reason else '.'}".split())

    def __str__(self) -> str:
        return self.message

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback."""
        return [self.message]
