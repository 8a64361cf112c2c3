"""The kernel's end of a widget: answers the screen's requests on threads of its own; elsewhere it shows as text."""

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
from . import saved
from .snapshot import MIME, Answer, Snapshot

_STATIC = Path(__file__).parents[1] / "static"

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="nbtrack-view")
"""Not the thread that the comm's messages come on: a slow query must not hold up the kernel's other messages."""


class ViewWidget(anywidget.AnyWidget):
    """A view on a store: `bundle` draws it in the browser, `client` answers its requests."""

    bundle: ClassVar[str]

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, client: Client, scope: Sequence[str] | None = None, **state: Any) -> None:
        self._client = client
        self._scope = None if scope is None else list(scope)
        self._sending = threading.Lock()
        self._text: str | None = None
        super().__init__(
            _esm=static_text(f"{self.bundle}.js"),
            _css=static_text("style.css"),
            _snapshot=self.snapshot().state(),
            **state,
        )
        self.on_msg(self._receive)

    def snapshot(self) -> Snapshot:
        """The view as it is in the store now, with the answers to the screen's first requests."""
        raise NotImplementedError

    def thin_snapshot(self) -> Snapshot:
        """The same, small enough to be kept in a notebook."""
        return self.snapshot()

    def ask(self, name: object, payload: Any) -> Answer:
        """Return what a screen gets for this request. Raises NbtrackError."""
        reply, buffers = views.handle(self._client, name, payload, self._scope)
        return Answer(payload, reply, buffers)

    def push(self, name: str, answer: Answer) -> None:
        """Send a reply that nobody asked for to every screen that shows this widget."""
        self._post({"kind": "nbtrack:push", "name": name, "reply": answer.reply}, answer.buffers)

    def _receive(self, _: Any, message: Any, __: Any) -> None:
        if isinstance(message, dict) and message.get("kind") == "nbtrack:request":
            _pool.submit(self._answer, message)

    def _answer(self, message: dict[str, Any]) -> None:
        head = {"kind": "nbtrack:reply", "id": message.get("id")}
        try:
            answer = self.ask(message.get("name"), message.get("payload"))
            self._post({**head, "reply": answer.reply}, answer.buffers)
        except Exception as error:  # whatever it is, the screen that asked has to hear of it
            self._post({**head, "error": views.error_reply(error)})

    def _post(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        with self._sending:
            self.send(message, list(buffers))

    # ---------------------------------------------------------------- shown elsewhere

    def __repr__(self) -> str:
        return self._text or saved.text(self.thin_snapshot())

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        snapshot = self.thin_snapshot()
        # anywidget asks for the repr: one look at the store serves both.
        self._text = saved.text(snapshot)
        try:
            bundle: tuple[dict[str, Any], dict[str, Any]] | None = super()._repr_mimebundle_(**kwargs)
        finally:
            self._text = None
        data, metadata = bundle or ({}, {})
        return {**data, "text/html": saved.html(snapshot), MIME: snapshot.saved()}, metadata


@cache
def static_text(name: str) -> str:
    """A file of the built bundles."""
    try:
        return (_STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NbtrackError(
            f"The widgets' bundle {name} is not there ({_STATIC}). In a source checkout run `make build/js`; "
            "an installed nbtrack brings it along, so install it again."
        ) from None
