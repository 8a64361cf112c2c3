"""The kernel's end of a widget: it answers the screen's requests on its own threads, and prints as text elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from .. import views
from ..client import Client
from ..errors import NbtrackError
from .saved import Page
from .snapshot import MIME, Answer, Snapshot

_STATIC = Path(__file__).parents[1] / "static"

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="nbtrack-view")
"""Requests are not answered on the thread on which messages arrive, so that a slow query does not block the kernel."""


class ViewWidget(anywidget.AnyWidget):
    """A screen on a store.

    A subclass names its `screen` and says what it shows first (`snapshot`) and without a widget (`page`). The bundle
    `static/SCREEN.js` draws it in the browser, and the client answers its requests.
    """

    screen: ClassVar[str]
    """The screen's name in `js/screens/index.ts`, in the names of bundles and in saved notebooks."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, client: Client, scope: Sequence[str] | None = None, **state: Any) -> None:
        self._client = client
        self._scope = None if scope is None else list(scope)
        self._sending = threading.Lock()
        self._text: str | None = None
        super().__init__(
            _esm=static_text(f"{self.screen}.js"),
            _css=static_text("style.css"),
            _snapshot=self.snapshot().state(),
            **state,
        )
        self.on_msg(self._receive)

    def snapshot(self) -> Snapshot:
        """Read the current state of the screen.

        Returns:
            The options of the screen and the answers to its first requests.
        """
        raise NotImplementedError

    def thin_snapshot(self) -> Snapshot:
        """Read a state of the screen that is small enough to be kept in a notebook.

        Returns:
            The same as `snapshot`, with fewer rows and points.
        """
        return self.snapshot()

    def page(self, snapshot: Snapshot) -> Page:
        """Describe a snapshot without a widget.

        Args:
            snapshot: The state of the screen.

        Returns:
            What a terminal and a saved notebook show: a title, tables and pictures.
        """
        raise NotImplementedError

    def ask(self, name: object, payload: Any) -> Answer:
        """Answer a request, as the screen in the browser sends it.

        Args:
            name: Name of the view.
            payload: The request.

        Returns:
            The reply and its arrays.

        Raises:
            NbtrackError: If the request is not valid, or if the store cannot answer it.
        """
        reply, buffers = views.handle(self._client, name, payload, self._scope)
        return Answer(payload, reply, buffers)

    def push(self, name: str, answer: Answer) -> None:
        """Send an answer without a request to every screen that shows this widget.

        Args:
            name: Name of the view whose answer it is.
            answer: The reply and its arrays.
        """
        self._post({"kind": "nbtrack:push", "name": name, "reply": answer.reply}, answer.buffers)

    def _receive(self, _: Any, message: Any, __: Any) -> None:
        if isinstance(message, dict) and message.get("kind") == "nbtrack:request":
            _pool.submit(self._answer, message)

    def _answer(self, message: dict[str, Any]) -> None:
        head = {"kind": "nbtrack:reply", "id": message.get("id")}
        try:
            answer = self.ask(message.get("name"), message.get("payload"))
            self._post({**head, "reply": answer.reply}, answer.buffers)
        except Exception as error:  # the screen waits for an answer, whatever went wrong
            self._post({**head, "error": views.error_reply(error)})

    def _post(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        with self._sending:
            self.send(message, list(buffers))

    # ---------------------------------------------------------------- shown elsewhere

    def __repr__(self) -> str:
        return self._text or self.page(self.thin_snapshot()).text()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        snapshot = self.thin_snapshot()
        page = self.page(snapshot)
        # anywidget asks for the repr too, and the store is read only once for both.
        self._text = page.text()
        try:
            bundle: tuple[dict[str, Any], dict[str, Any]] | None = super()._repr_mimebundle_(**kwargs)
        finally:
            self._text = None
        data, metadata = bundle or ({}, {})
        return {**data, "text/html": page.html(), MIME: snapshot.saved()}, metadata


@cache
def static_text(name: str) -> str:
    """Return the content of a file of the built bundles."""
    try:
        return (_STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NbtrackError(
            f"The widgets' bundle {name} does not exist in {_STATIC}. In a source checkout, run `make build/js`. An "
            "installed nbtrack contains it, so install nbtrack again."
        ) from None
