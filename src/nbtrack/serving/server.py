"""Serving a model at an address: for good, as the command does, or beside other work, as in a notebook."""

from __future__ import annotations

import signal
import socket
import threading
from types import TracebackType
from typing import Any

from ..errors import InvalidParameter, InvalidState, NotSupported
from .following import Follower, Present, check_followed
from .served import ServedModel, open_first

HOST, PORT = "127.0.0.1", 5000
GRACE_SECONDS = 30
"""How long requests that are under way may take after the server was told to end."""
KEEP_SECONDS = 75
"""How long an idle connection is kept: longer than proxies do (60 s), so that none sends into one that just closed."""


class ModelServer:
    """A model that answers at `url`. With `port=0` a free port is taken.

        with nbtrack.serving.ModelServer("models:/digits/Production", port=0, follow=True) as server:
            requests.post(f"{server.url}/invocations", json={"inputs": […]})

    With `follow`, the newest version of the stage answers, whichever that becomes. `run()` serves until Ctrl-C or
    SIGTERM; as a context manager it serves from a thread, until the block ends. Requests that are under way then are
    answered.
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
            self._present = Present(open_first(model_uri, trust=trust))
            follower = Follower(model_uri, self._present, trust=trust) if follow else None
            app = application(self._present, follower=follower, max_body=max_body or MAX_BODY, threads=threads)
        except BaseException:
            self._socket.close()
            raise
        settings = uvicorn.Config(
            app,
            # uvicorn's own configuration would first close every handler that the program has: a log file of the
            # user's, and with absl's (Keras brings it) the stream that it writes to.
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_SECONDS,
        )
        self._server: Any = uvicorn.Server(settings)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def served(self) -> ServedModel:
        """The model that answers now."""
        return self._present.served

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # uvicorn raises the signal anew when it has ended well, which would look like a failure.
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._server.run(sockets=[self._socket])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._socket.close()

    def stop(self) -> None:
        """End a server that runs in a thread; what is under way is answered first."""
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
            f"Serving requires starlette and uvicorn, but {error.name} is not installed. Install both with: "
            "pip install 'nbtrack[serve]'"
        ) from error
    return uvicorn


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port < 65_536:
        raise InvalidParameter(f"port must be between 0 and 65,535, not {port}.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol named, asyncio sends each part of an answer at once.
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
