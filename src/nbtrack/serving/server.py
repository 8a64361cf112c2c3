"""Serve a model over HTTP, until the process ends or beside other work, as in a notebook."""

from __future__ import annotations

import signal
import socket
import threading
from types import TracebackType
from typing import Any

from ..errors import InvalidParameter, InvalidState, NotSupported
from .following import CurrentModel, Follower, check_followed
from .served import ServedModel, open_first

HOST, PORT = "127.0.0.1", 5000
GRACE_SECONDS = 30
"""How long requests that are being answered may take after the server was asked to stop."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept.

Proxies keep theirs for 60 s. With a longer time here, no proxy sends a request into a connection that was just closed.
"""


class ModelServer:
    """An HTTP server that answers MLflow's scoring requests with a model.

    As a context manager it serves from a background thread until the block ends. `run` serves until Ctrl-C or SIGTERM.
    In both cases, requests that were received before are answered, for at most 30 seconds. The address is in `url`.

    Args:
        model_uri: A `models:/` or `runs:/` URI, or the path of a model's folder. A stage or an alias is resolved once,
            unless `follow` is set.
        host: The host name or IP address to listen at. The default, "127.0.0.1", accepts requests from this machine
            only.
        port: The TCP port, 5000 by default. 0 chooses a free one.
        trust: True to load a model that can run code and that no run of this store logged.
        follow: True to switch to the newest version of the stage in `model_uri` whenever that changes. The new version
            is loaded, and predicts its input example, before it takes over.
        max_body: The largest request body in bytes. Defaults to 64,000,000.
        threads: The number of predictions that run at the same time. Defaults to the number of CPU cores, and at least
            2.

    Raises:
        InvalidParameter: If the host, the port, `max_body` or `threads` is not valid, if the port is in use, if
            `follow` is set and the URI names no stage, or if the model requires `trust`.
        NotFound: If no model exists at the URI.
        NotSupported: If starlette or uvicorn is not installed.

    Example:
        >>> with ModelServer("models:/digits/Production", port=0, follow=True) as server:  # doctest: +SKIP
        ...     requests.post(f"{server.url}/invocations", json={"inputs": [[0.0, 1.0]]})
    """

    def __init__(
        self,
        model_uri: str,
        *,
        host: str = HOST,
        port: int = PORT,
        trust: bool = False,
        follow: bool = False,
        max_body: int | None = None,
        threads: int | None = None,
    ) -> None:
        if follow:
            check_followed(model_uri)
        uvicorn = _uvicorn()
        # Starlette is an optional dependency, like uvicorn.
        from .application import MAX_BODY, application

        self._socket = _listening(host, port)
        try:
            self._current = CurrentModel(open_first(model_uri, trust=trust))
            follower = Follower(model_uri, self._current, trust=trust) if follow else None
            limit = MAX_BODY if max_body is None else max_body
            app = application(self._current, follower=follower, max_body=limit, threads=threads)
        except BaseException:
            self._socket.close()
            raise
        settings = uvicorn.Config(
            app,
            # uvicorn's own configuration would close all handlers of the program: a log file of the user, and with
            # absl's handler, which Keras adds, the stream that it writes to.
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._server: Any = uvicorn.Server(settings)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the server, for example "http://127.0.0.1:5000"."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def served(self) -> ServedModel:
        """The model that answers now."""
        return self._current.served

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # uvicorn raises the signal again after it has stopped, which would look like a failure.
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._server.run(sockets=[self._socket])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._socket.close()

    def stop(self) -> None:
        """Stop a server that runs in a thread, after the requests that it has received are answered."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> ModelServer:
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="nbtrack-serve", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            self._thread.join(timeout=0.01)
            if not self._thread.is_alive():
                raise InvalidState("The server stopped while it was starting. Its log contains the reason.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _uvicorn() -> Any:
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise NotSupported(
            f"Serving requires starlette and uvicorn, but {error.name} is not installed. Install both with "
            "`pip install 'nbtrack[serve]'`."
        ) from error
    return uvicorn


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port < 65_536:
        raise InvalidParameter(f"port must be between 0 and 65,535, not {port}.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With an explicit protocol, asyncio sends each part of an answer at once.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise InvalidParameter(f"Host {host!r:.200} cannot be resolved to an address: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise InvalidParameter(
            f"The server cannot listen at {host}:{port}: {error.strerror}. Choose another port with --port."
        ) from error
    return listener
