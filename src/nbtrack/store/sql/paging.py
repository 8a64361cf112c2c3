"""Page tokens: where the next page of a search begins, as an opaque text (MLflow's: base64 of `{"offset": n}`)."""

from __future__ import annotations

import base64
import binascii
import json

from ...errors import InvalidParameter


def token_for(offset: int) -> str:
    """The token of the page that begins after `offset` results."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def offset_of(page_token: str | None) -> int:
    """How many results lie before the page; 0 without a token. Raises InvalidParameter for what is no token."""
    if not page_token:
        return 0
    try:
        content = json.loads(base64.b64decode(page_token, validate=True))
        offset = content["offset"]
    except (binascii.Error, ValueError, TypeError, KeyError):
        offset = None
    if type(offset) is not int or not 0 <= offset < 2**63:
        raise InvalidParameter(
            f"Invalid page token {page_token!r:.80}. Pass the `token` of the page before unchanged, "
            "or None for the first page."
        )
    return offset


def check_offset(offset: object) -> int:
    """`offset` if it is a whole number of at least 0 that a database can count to."""
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset < 2**63:
        raise InvalidParameter(f"offset must be a whole number of at least 0, not {offset!r:.80}.")
    return offset


def check_max_results(max_results: object, limit: int) -> int:
    """`max_results` if it is a whole number from 1 to `limit`."""
    if isinstance(max_results, bool) or not isinstance(max_results, int) or not 1 <= max_results <= limit:
        raise InvalidParameter(
            f"max_results must be a whole number from 1 to {limit:,}, not {max_results!r:.80}. "
            "For more results, pass the token of one page to get the next."
        )
    return max_results
