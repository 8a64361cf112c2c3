"""Page tokens: opaque strings that say where the next page starts (as in MLflow, `{"offset": n}` in base64)."""

from __future__ import annotations

import base64
import binascii
import json

from ...errors import InvalidParameter


def token_for(offset: int) -> str:
    """Return the token of the page that starts after `offset` results."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def offset_of(page_token: str | None) -> int:
    """Return the number of results before the page, 0 without a token. Raises InvalidParameter if it is invalid."""
    if not page_token:
        return 0
    try:
        content = json.loads(base64.b64decode(page_token, validate=True))
        offset = content["offset"]
    except (binascii.Error, ValueError, TypeError, KeyError):
        offset = None
    if type(offset) is not int or not 0 <= offset < 2**63:
        raise InvalidParameter(
            f"page_token is not a valid page token: {page_token!r:.80}. Pass the `token` of the previous page "
            "unchanged, or None for the first page."
        )
    return offset


def check_offset(offset: object) -> int:
    """Return `offset` if it is an integer from 0 to the largest one of 64 bits. Raises InvalidParameter otherwise."""
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset < 2**63:
        raise InvalidParameter(f"offset must be an integer between 0 and 2**63 - 1, not {offset!r:.80}.")
    return offset


def check_max_results(max_results: object, limit: int) -> int:
    """Return `max_results` if it is an integer from 1 to `limit`. Raises InvalidParameter otherwise."""
    if isinstance(max_results, bool) or not isinstance(max_results, int) or not 1 <= max_results <= limit:
        raise InvalidParameter(
            f"max_results must be an integer between 1 and {limit:,}, not {max_results!r:.80}. To get more results, "
            "pass the token of a page as page_token to the client's next search."
        )
    return max_results
