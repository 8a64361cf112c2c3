"""The code of the widgets: what travels with each of them, and what a page asks for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import InvalidParameter, NbtrackError
from nbtrack.widgets import Registry, code, host

from .conftest import eventually

Sent = list[tuple[dict[str, Any], list[bytes]]]


def ask(widget: host.ViewWidget, names: object, request: str = "page-1") -> None:
    widget._handle_custom_msg({"kind": "nbtrack:code", "id": request, "names": names}, [])


def test_a_widget_carries_the_loader_only(client: nbtrack.Client) -> None:
    widget = Registry(client)
    assert (widget._esm, widget._css, widget._code) == ("/* loader */", "", {})


def test_a_setting_makes_it_carry_everything(client: nbtrack.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_WIDGET_CODE", "bundle")
    widget = Registry(client)
    assert (widget._esm, widget._css) == ("/* bundle */", "/* style */")
    monkeypatch.setenv("NBTRACK_WIDGET_CODE", "all")
    with pytest.raises(InvalidParameter, match="NBTRACK_WIDGET_CODE must be 'chunks' or 'bundle', not 'all'"):
        Registry(client)


def test_after_a_page_has_refused_the_code_new_widgets_carry_everything(
    client: nbtrack.Client, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "refused", threading.Event())
    widget = Registry(client)
    ask(widget, ["bundle.js"], "page-8")
    ((message, _),) = sent
    assert message["sources"] == {"bundle.js": "/* bundle */"}
    assert Registry(client)._esm == "/* loader */"
    widget._handle_custom_msg({"kind": "nbtrack:refused"}, [])
    assert (Registry(client)._esm, Registry(client)._css) == ("/* bundle */", "/* style */")
    monkeypatch.setenv("NBTRACK_WIDGET_CODE", "chunks")
    assert Registry(client)._esm == "/* loader */"


def test_a_repeated_request_is_answered_once(client: nbtrack.Client, sent: Sent) -> None:
    widget, other = Registry(client), Registry(client)
    for asked in (widget, widget, other):
        ask(asked, ["screen.js", "style.css"], "page-7")
    ((message, _),) = sent
    assert message["sources"] == {"screen.js": "/* screen */", "style.css": "/* style */"}
    assert "error" not in message


@pytest.mark.parametrize("name", ["../_version.py", "/etc/passwd", "manifest.json", "screen", "", "x" * 1_000])
def test_only_chunks_are_sent(client: nbtrack.Client, sent: Sent, name: str) -> None:
    ask(Registry(client), ["screen.js", name], f"only-{name}")
    ((message, _),) = sent
    assert set(message["sources"]) == {"screen.js"}
    assert message["names"] == ["screen.js", name]
    assert "another version of nbtrack" in message["error"]
    assert len(message["error"]) < 300


@pytest.mark.parametrize("names", [None, "screen.js", {"screen.js": 1}, [None, 3, ["screen.js"]]])
def test_a_wrong_request_gets_no_code(client: nbtrack.Client, sent: Sent, names: object) -> None:
    ask(Registry(client), names, f"wrong-{names}")
    ((message, _),) = sent
    assert message["sources"] == {}


class Busy:
    """A kernel whose cell goes on until the test ends it."""

    execution_count = 1


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    shell = Busy()
    monkeypatch.setattr(host, "_shell", lambda: shell)
    monkeypatch.setattr(host, "BUSY_SECONDS", 0.05)
    yield shell
    shell.execution_count += 1
    for thread in threading.enumerate():
        if thread.name == "nbtrack-code":
            thread.join()


def test_a_busy_kernel_sends_the_code_without_a_request(client: nbtrack.Client, busy: Busy) -> None:
    widget = Registry(client)
    widget._repr_mimebundle_()
    sources = {"screen.js": "/* screen */", "shared.js": "/* shared */", "style.css": "/* style */"}
    assert eventually(lambda: widget._code) == sources
    busy.execution_count += 1
    eventually(lambda: widget._code == {})


def test_a_page_that_has_answered_is_sent_nothing(client: nbtrack.Client, busy: Busy, sent: Sent) -> None:
    widget = Registry(client)
    codes: list[object] = []
    widget.observe(lambda change: codes.append(change.new), "_code")
    widget._handle_custom_msg({"kind": "nbtrack:hello"}, [])
    widget._repr_mimebundle_()
    assert [thread for thread in threading.enumerate() if thread.name == "nbtrack-code"] == []
    assert codes == []


def test_missing_code_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(code, "STATIC", tmp_path)
    with pytest.raises(NbtrackError, match="make build/js"):
        code.read.__wrapped__()


def test_the_built_code_is_small_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    built = code.read()
    assert len(built.loader.encode()) <= 15_000
    assert sum(len(source.encode()) for source in built.chunks.values()) <= 350_000
    for widget in host.ViewWidget.__subclasses__():
        needed = built.first_paint(widget.screen)
        assert {"style.css", built.manifest["screens"][widget.screen]} <= set(needed)
        assert len("".join(needed.values())) < sum(map(len, built.chunks.values()))
    assert built.manifest["version"] in built.loader
