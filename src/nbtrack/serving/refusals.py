"""The errors that a server answers with, as MLflow's codes with the HTTP status of each."""

from __future__ import annotations

from ..errors import NbtrackError


class BadRequest(NbtrackError):
    """The body is in none of the forms that the server reads, or the model failed on it."""

    error_code = "BAD_REQUEST"
    http_status = 400


class TooLarge(BadRequest):
    """The body is larger than the server accepts."""

    http_status = 413


class UnknownMediaType(BadRequest):
    """The media type of the body is not one that the server reads."""

    http_status = 415


class WrongAnswer(NbtrackError):
    """The model's answer does not match its signature, or cannot be written as JSON."""
