"""Opening the store that a tracking URI names.

A kind of store is a module with a function `open_backend(uri)` that returns a `store.protocol.Store`; a package adds
one with an entry point in the group `nbtrack.stores`, whose name is the scheme of the URIs. A module lists in
`CAPABILITIES` what its stores can do beyond the protocols. Its function `capability(store, name)` returns the object
that implements a capability.
"""

from __future__ import annotations

from typing import Any

from ..config import FILE, folder_of, get_tracking_uri, scheme_of, store_schemes
from ..errors import NotSupported
from ..names import check_string
from ..process_end import at_process_end
from . import folder
from .protocol import Store

_open: dict[str, Store] = {}


def open_store(uri: str | None = None) -> Store:
    """Open the store that a tracking URI names.

    Args:
        uri: A tracking URI or a path. None stands for the current tracking URI.

    Returns:
        The store. The same URI returns the same object until `close_stores` is called.

    Raises:
        NotSupported: If no installed package provides a store for the URI's scheme.
    """
    uri = uri or get_tracking_uri()
    scheme = scheme_of(uri)
    # Two paths to one folder must be one store: two stores would wait for each other's lock in the same thread.
    key = str(folder_of(uri).resolve()) if scheme == FILE else uri
    store = _open.get(key)
    if store is None:
        store = _open.setdefault(key, _opened(scheme, uri))
    return store


def capability_of(store: Store, uri: str, name: str) -> Any:
    """Return the object that implements a capability of a store.

    Args:
        store: A store that `open_store` has returned.
        uri: The tracking URI that the store was opened with.
        name: The capability, such as "sql" or "backup".

    Raises:
        NotSupported: If the store does not have the capability. The message lists the schemes that have it.
    """
    check_string(name, "Capability name")
    module = _module(scheme_of(uri))
    if name in getattr(module, "CAPABILITIES", ()):
        return module.capability(store, name)
    able = [scheme for scheme in store_schemes() if name in getattr(_module(scheme), "CAPABILITIES", ())]
    raise NotSupported(
        f"The store {uri} does not support {name!r}. URI schemes whose stores support it: {', '.join(able) or 'none'}."
    )


def _opened(scheme: str, uri: str) -> Store:
    store: Store = _module(scheme).open_backend(uri)
    return store


def _module(scheme: str) -> Any:
    # The folder is the most common store, and reading the entry points takes milliseconds.
    return folder if scheme == FILE else store_schemes()[scheme].load()


@at_process_end
def close_stores() -> None:
    """Write and apply pending events, stop the background threads and close the files of all stores.

    The next call that needs a store opens it again.
    """
    while _open:
        _open.popitem()[1].close()
