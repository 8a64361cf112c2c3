"""Finding the store that a tracking URI names.

A kind of store is a module with a function `open_backend(uri)` that returns a `store.protocol.Store`; a package adds
one by an entry point in the group `nbtrack.stores`, whose name is the scheme of the URIs. A module names in
`CAPABILITIES` what its stores can do beyond the protocols; its function `capability(store, name)` returns the object
that does it.
"""

from __future__ import annotations

from typing import Any

from ..config import FILE, folder_of, get_tracking_uri, scheme_of, store_schemes
from ..errors import NotSupported
from ..process_end import at_process_end
from . import folder
from .protocol import Store

_open: dict[str, Store] = {}


def open_store(uri: str | None = None) -> Store:
    """Open the store that a tracking URI names, by default the current one. It is the same object each time.

    Raises NotSupported for a scheme that no installed package has a store for.
    """
    uri = uri or get_tracking_uri()
    scheme = scheme_of(uri)
    # Two paths to one folder are one store: two would take turns on a lock that one thread may hold.
    key = str(folder_of(uri).resolve()) if scheme == FILE else uri
    store = _open.get(key)
    if store is None:
        store = _open.setdefault(key, _opened(scheme, uri))
    return store


def capability_of(store: Store, uri: str, name: str) -> Any:
    """Return what a store can do beyond the protocols. Raises NotSupported, which says which stores can do it."""
    module = _module(scheme_of(uri))
    if name in getattr(module, "CAPABILITIES", ()):
        return module.capability(store, name)
    able = [scheme for scheme in store_schemes() if name in getattr(_module(scheme), "CAPABILITIES", ())]
    raise NotSupported(
        f"The store {uri} does not support {name!r}. Stores with these schemes do: {', '.join(able) or 'none'}."
    )


def _opened(scheme: str, uri: str) -> Store:
    store: Store = _module(scheme).open_backend(uri)
    return store


def _module(scheme: str) -> Any:
    # The folder is the usual store: looking for entry points takes milliseconds.
    return folder if scheme == FILE else store_schemes()[scheme].load()


@at_process_end
def close_stores() -> None:
    """Write and apply what is left, end the threads and close the files. The next call opens what it needs anew."""
    while _open:
        _open.popitem()[1].close()
