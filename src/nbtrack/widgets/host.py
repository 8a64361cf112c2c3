"""The kernel's end of a widget: it answers the screen's requests on its own threads, and prints as text elsewhere."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar

import anywidget
import traitlets

from .. import views
from ..client import Client
from . import changes, code
from .output import Output
from .saved import Page
from .snapshot import LONGEST_SAVED, MIME, SHORTEST_SAVED, Answer, Snapshot

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="nbtrack-view")
"""Requests are not answered on the thread on which messages arrive, so that a slow query does not block the kernel."""

MOST_SAVED = 195_000
"""How many bytes of a widget are kept in a notebook: its text, its HTML, its picture and its data."""
MOST_IMAGE = 60_000
"""How many of these may be a PNG, in base64. A larger one is left out."""
SMALLEST_SHARE = 0.002

MOST_RECALLED = 8
"""How many answers of snapshots are kept in case that the next snapshot has the same requests."""

BUSY_SECONDS = 1.0
"""How long a screen's first message may take before its code is sent without one."""


class ViewWidget(anywidget.AnyWidget):
    """A screen on a store.

    A subclass names its `screen` and says what it shows first (`snapshot`) and without a widget (`page`). In the
    browser, a small loader asks for the screen's code once a page, and the client answers the screen's requests.
    """

    screen: ClassVar[str]
    """The screen's name in `js/screens/index.ts` and in saved notebooks."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _code = traitlets.Dict().tag(sync=True)
    """Code by its name, for a screen whose requests the kernel cannot answer yet. Otherwise empty."""
    _snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, client: Client, scope: Sequence[str] | None = None, **state: Any) -> None:
        self._client = client
        self._scope = None if scope is None else list(scope)
        self._sending = threading.Lock()
        self._text: str | None = None
        self._requests: dict[str, Future[None]] = {}
        self._recalled: dict[str, tuple[Hashable, Answer]] = {}
        self._heard = threading.Event()
        self._output = Output(self._repr_mimebundle_)
        super().__init__(**code.traits(), _snapshot=self.snapshot().state(), **state)
        _answer_beside_the_cell(self.comm)
        self.on_msg(self._receive)

    def snapshot(self) -> Snapshot:
        """Read the current state of the screen.

        Returns:
            The options of the screen and the answers to its first requests.
        """
        raise NotImplementedError

    def thin_snapshot(self, share: float = 1.0) -> Snapshot:
        """Read a state of the screen that is to be kept in a notebook.

        Args:
            share: How much of what is usually kept, between 0 and 1.

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

    def recall(self, name: str, payload: Any) -> Answer:
        """Answer a request of a snapshot. A recent answer is used again if the store has not changed since.

        Args:
            name: Name of the view.
            payload: The request.

        Returns:
            The reply and its arrays, which must not be changed.
        """
        key, revision = json.dumps([name, payload]), self.revision()
        known = self._recalled.get(key)
        if known is None or known[0] != revision:
            known = revision, self.ask(name, payload)
            self._remember(key, known)
        return known[1]

    def same_answer(self, name: str, payload: Any, other: Any) -> Answer:
        """Recall the answer to a request, which is also the answer to another one.

        Args:
            name: Name of the view.
            payload: The request.
            other: The request that need not be asked.

        Returns:
            The answer to `other`.
        """
        answer = self.recall(name, payload)
        same = Answer(other, answer.reply, answer.buffers)
        known = self._recalled.get(json.dumps([name, payload]))
        if known is not None:
            self._remember(json.dumps([name, other]), (known[0], same))
        return same

    def _remember(self, key: str, known: tuple[Hashable, Answer]) -> None:
        self._recalled.pop(key, None)
        self._recalled[key] = known
        for oldest in list(self._recalled)[:-MOST_RECALLED]:
            self._recalled.pop(oldest, None)

    def push(self, name: str, answer: Answer) -> None:
        """Send an answer without a request to every screen that shows this widget.

        Args:
            name: Name of the view whose answer it is.
            answer: The reply and its arrays.
        """
        self._post({"kind": "nbtrack:push", "name": name, "reply": answer.reply}, answer.buffers)

    def _receive(self, _: Any, message: Any, __: Any) -> None:
        if not isinstance(message, dict):
            return
        self._heard.set()
        if message.get("kind") == "nbtrack:request":
            self._begin(message)
        elif message.get("kind") == "nbtrack:cancel":
            # A request that has begun is answered, because another query may run on the same connection by now.
            waiting = self._requests.pop(str(message.get("id")), None)
            if waiting is not None:
                waiting.cancel()
        elif message.get("kind") == "nbtrack:watch":
            changes.watch(self, message.get("seconds"))
        elif message.get("kind") == "nbtrack:code":
            answer = code.read().answer(message)
            if answer:
                self._post(answer)
        elif message.get("kind") == "nbtrack:refused":
            code.refused.set()
        elif message.get("answer"):
            # A page asks whether this widget still exists.
            self._post({"kind": "nbtrack:here"})

    def revision(self) -> Hashable:
        """Read how far the store is.

        Returns:
            A value that differs if the store may have changed.
        """
        return self._client.reading.revision(pending=True)

    def say_changed(self) -> None:
        """Tell the screen that the store has changed."""
        # A page may be closed at any moment.
        with suppress(Exception):
            self._post({"kind": "nbtrack:changed"})

    def _begin(self, message: dict[str, Any]) -> None:
        """Answer a request on another thread, unless it is cancelled before it begins."""
        number = str(message.get("id"))
        waiting = self._requests[number] = _pool.submit(self._answer, message)
        waiting.add_done_callback(lambda _: self._requests.pop(number, None))
        view = views.VIEWS.get(str(message.get("name")))
        if view is not None and view.writes:
            waiting.add_done_callback(lambda _: self._output.update_later())

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

    def close(self) -> None:
        """Remove the screen from the notebook."""
        # ipywidgets also closes a widget whose constructor raised an error, which may not have an output yet.
        if hasattr(self, "_output"):
            self._output.close()
        super().close()

    # ---------------------------------------------------------------- shown elsewhere

    def _ipython_display_(self, **_: Any) -> None:
        self._output.display()

    def __repr__(self) -> str:
        return self._text or self.page(self.thin_snapshot()).text()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        page, saved, own_metadata = self._kept()
        # anywidget asks for the repr too, and the store is read only once for both.
        self._text = page.text()
        try:
            bundle: tuple[dict[str, Any], dict[str, Any]] | None = super()._repr_mimebundle_(**kwargs)
        finally:
            self._text = None
        data, metadata = bundle or ({}, {})
        self._send_code_if_busy()
        return {**data, **saved}, {**metadata, **own_metadata}

    def _kept(self) -> tuple[Page, dict[str, Any], dict[str, Any]]:
        """Return what stays in a notebook, with as much detail as fits into MOST_SAVED bytes of JSON, and metadata."""
        share = 1.0
        image: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        while True:
            snapshot = self.thin_snapshot(share)
            page = self.page(snapshot)
            longest = max(SHORTEST_SAVED, int(LONGEST_SAVED * share))
            drawn = page.png() if share == 1.0 else None
            if drawn:
                encoded = base64.b64encode(drawn[0]).decode()
                if len(encoded) <= MOST_IMAGE:
                    image = {"image/png": encoded}
                    metadata = {"image/png": {"width": drawn[1], "height": drawn[2]}}
            saved = {"text/html": page.html(), MIME: snapshot.saved(longest)}
            # The picture is the same whatever the share is, and every share that does not fit costs time.
            size, room = len(json.dumps({**saved, "text/plain": page.text()})), MOST_SAVED - len(json.dumps(image))
            if size <= room or share < SMALLEST_SHARE:
                return page, {**saved, **image}, metadata
            share *= min(0.9 * room / size, 0.8)

    def _send_code_if_busy(self) -> None:
        """Send the screen's code without a request, if the cell that shows it goes on and no request arrives.

        JupyterLab sends requests to another thread of the kernel, which answers them while a cell runs. Other front
        ends send them to the thread that runs the cell.
        """
        shell = _shell()
        if shell is None or self._heard.is_set() or self._esm != code.read().loader:
            return
        cell = shell.execution_count

        def wait() -> None:
            while shell.execution_count == cell and not self._heard.wait(BUSY_SECONDS) and self.comm is not None:
                if not self._code and shell.execution_count == cell:
                    self._code = code.read().first_paint(self.screen)
            if self._code:
                self._code = {}

        threading.Thread(target=wait, name="nbtrack-code", daemon=True).start()


def _answer_beside_the_cell(comm: Any) -> None:
    """Let a comm's messages go to the thread of the kernel that the front end names.

    Since version 7.4, ipykernel passes them to the thread from which the comm was last used. For a widget that a cell
    creates, that is the one that runs the cell, and it reads no message before the cell's end.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, subshell: subshell


def _shell() -> Any:
    """Return the shell of the kernel that runs this code, or None outside of IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None
