"""The server's endpoints, as an ASGI application that any ASGI server can run."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import InvalidParameter, NbtrackError
from .following import CurrentModel, Follower
from .refusals import TooLarge

JSON = "application/json"
MAX_BODY = 64_000_000
"""The default limit of a request body in bytes."""

logger = logging.getLogger("nbtrack.serving")


def application(
    current: CurrentModel, *, follower: Follower | None = None, max_body: int = MAX_BODY, threads: int | None = None
) -> Starlette:
    """Return the ASGI application that answers with the current model. It starts and stops the follower.

    Models predict in `threads` threads, by default one per core and at least two, while everything else is answered.
    """
    for name, number in (("max_body", max_body), ("threads", threads)):
        if number is not None and number < 1:
            raise InvalidParameter(f"{name} must be at least 1, not {number}.")
    # A request that waits for a thread is answered by the model that was served when it arrived.
    pool = ThreadPoolExecutor(threads or max(2, os.cpu_count() or 2), thread_name_prefix="nbtrack-predict")

    async def ping(request: Request) -> Response:
        return Response("\n", media_type=JSON)

    async def health(request: Request) -> Response:
        return Response(orjson.dumps(current.to_dict()), media_type=JSON, headers=current.served.headers)

    async def version(request: Request) -> Response:
        # Not imported, because the package's own names are above this layer.
        return Response(sys.modules[__name__.partition(".")[0]].__version__, media_type="text/plain")

    async def openapi(request: Request) -> Response:
        served = current.served
        return Response(served.openapi, media_type=JSON, headers=served.headers)

    async def invocations(request: Request) -> Response:
        served = current.served
        try:
            body = await _body(request, max_body)
            kind = request.headers.get("content-type")
            made = await asyncio.get_running_loop().run_in_executor(pool, served.answer, body, kind)
        except NbtrackError as error:
            return _refusal(error, served.headers)
        except Exception as error:  # a request is answered whatever happens
            logger.exception("A request failed.")
            return _refusal(NbtrackError(f"{type(error).__name__}: {error}"[:2000]), served.headers)
        return Response(made, media_type=JSON, headers=served.headers)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if follower is not None:
            follower.start()
        try:
            yield
        finally:
            if follower is not None:
                await asyncio.to_thread(follower.stop)
            pool.shutdown(wait=False, cancel_futures=True)

    routes = [
        Route("/ping", ping),
        Route("/health", health),
        Route("/version", version),
        Route("/openapi.json", openapi),
        Route("/invocations", invocations, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _unknown, 405: _unknown})


async def _body(request: Request, limit: int) -> bytes:
    """Return the body of a request. Raises TooLarge as soon as it has more than `limit` bytes."""
    refusal = TooLarge(f"The request body must not be larger than {limit:,} bytes, the limit of this server.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise refusal
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise refusal
        parts.append(part)
    return b"".join(parts)


async def _unknown(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    code = "ENDPOINT_NOT_FOUND" if status == 404 else "BAD_REQUEST"
    message = f"{request.method} {request.url.path:.200} does not exist. This server has POST /invocations, GET /ping, "
    content = {"error_code": code, "message": message + "GET /health, GET /version and GET /openapi.json."}
    return Response(orjson.dumps(content), status, media_type=JSON, headers=getattr(error, "headers", None))


def _refusal(error: NbtrackError, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(error.to_dict(), default=str), error.http_status, media_type=JSON, headers=headers)
