"""What a server answers in place of predictions: MLflow's codes with the HTTP status of each."""

from __future__ import annotations

from ..errors import NbtrackError


class BadRequest(NbtrackError):
    """A body that is none of the forms which the server reads, or one that the model fails on."""

    error_code = "BAD_REQUEST"
    http_status = 400


class TooLarge(BadRequest):
    """A body with more bytes than the server takes."""

    http_status = 413


class UnknownMediaType(BadRequest):
    """A body of a type that the server does not read."""

    http_status = 415


class WrongAnswer(NbtrackError):
    """The model answered with something other than its signature says, or that JSON cannot hold."""
