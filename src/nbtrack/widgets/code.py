"""The code of the widgets: a small loader that travels with each of them, and chunks that a page asks for once."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import InvalidParameter, NbtrackError

STATIC = Path(__file__).parents[1] / "static"
SETTING = "NBTRACK_WIDGET_CODE"
CHUNKS, BUNDLE = "chunks", "bundle"

refused = threading.Event()
"""Whether a page could not run code that the loader asked for. Widgets that are created then carry all of it."""


@dataclass(frozen=True)
class Code:
    """What the build wrote, read at once: an upgrade of nbtrack replaces the files under a running kernel."""

    loader: str
    bundle: str
    style: str
    chunks: Mapping[str, str]
    """Source by file name, with the stylesheet."""
    manifest: Mapping[str, Any]
    _answered: deque[str] = field(default_factory=lambda: deque(maxlen=100))

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the answer to a page's request for chunks, or None if the request was answered before.

        A page repeats a request, because its first message may wait until a cell has ended.
        """
        request = message.get("id")
        if request in self._answered:
            return None
        names = [name for name in _list(message.get("names")) if isinstance(name, str)]
        known = {**self.chunks, "bundle.js": self.bundle}
        sources = {name: known[name] for name in names if name in known}
        answer: dict[str, Any] = {"kind": "nbtrack:code", "names": names, "sources": sources}
        missing = [name for name in names if name not in sources]
        if missing:
            answer["error"] = (
                f"The kernel does not have {', '.join(missing)[:80]}: it runs another version of nbtrack than the one "
                "that created this view. Run the cell again."
            )
        if isinstance(request, str):
            self._answered.append(request)
        return answer

    def first_paint(self, screen: str) -> dict[str, str]:
        """Return the chunks that a screen needs before it shows anything."""
        found = [self.manifest["style"], self.manifest["screens"][screen]]
        for name in found:
            found += [imported for imported in self.manifest["imports"].get(name, ()) if imported not in found]
        return {name: self.chunks[name] for name in found}


@cache
def read() -> Code:
    """Read the code. Raises NbtrackError if it has not been built."""
    try:
        chunks = {file.name: file.read_text(encoding="utf-8") for file in sorted((STATIC / "chunks").iterdir())}
        texts = {name: (STATIC / name).read_text(encoding="utf-8") for name in _FILES}
    except FileNotFoundError as error:
        raise NbtrackError(
            f"The widgets' code {Path(error.filename).name} does not exist in {STATIC}. In a source checkout, run "
            "`make build/js`. An installed nbtrack contains it, so install nbtrack again."
        ) from None
    manifest = json.loads(texts["manifest.json"])
    return Code(texts["loader.js"], texts["bundle.js"], texts["style.css"], chunks, manifest)


_FILES = ("loader.js", "bundle.js", "style.css", "manifest.json")


def traits() -> dict[str, str]:
    """Return the values of `_esm` and `_css`, as NBTRACK_WIDGET_CODE or, without it, the pages of this kernel say."""
    code = read()
    chosen = os.environ.get(SETTING) or (BUNDLE if refused.is_set() else CHUNKS)
    if chosen == BUNDLE:
        return {"_esm": code.bundle, "_css": code.style}
    if chosen == CHUNKS:
        return {"_esm": code.loader, "_css": ""}
    raise InvalidParameter(f"The environment variable {SETTING} must be {CHUNKS!r} or {BUNDLE!r}, not {chosen!r:.80}.")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
