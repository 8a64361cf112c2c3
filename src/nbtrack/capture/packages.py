"""Which versions of which packages are imported."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence

_distributions: Mapping[str, Sequence[str]] | None = None
_versions: dict[str, str] = {}
_lock = threading.Lock()


def prepare() -> None:
    """Begin to read, on another thread, which distribution each module belongs to (0.1-0.3 s, once a process)."""
    if _distributions is None and not _lock.locked():
        threading.Thread(target=_read_distributions, name="nbtrack-packages", daemon=True).start()


def imported_packages() -> dict[str, str]:
    """Distribution name to version of every installed package that this process has imported, by name.

    Waits for what `prepare` began; does it itself where nobody did.
    """
    try:
        distributions = _read_distributions()
        # A copy in one step: another thread may be importing.
        modules = {name.partition(".")[0] for name in list(sys.modules)} - sys.stdlib_module_names
        names = {name for module in modules for name in distributions.get(module, ())}
        found = {name: version for name in names if (version := installed_version(name))}
    except Exception:
        return {}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _read_distributions() -> Mapping[str, Sequence[str]]:
    from importlib import metadata

    global _distributions
    with _lock:
        if _distributions is None:
            _distributions = metadata.packages_distributions()
        return _distributions


def installed_version(name: str) -> str | None:
    """The version of an installed distribution; None where there is none of this name."""
    # Kept: what is imported does not change its version, even where pip has replaced the files since.
    if name not in _versions:
        from importlib import metadata

        try:
            _versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            return None
    return _versions[name]


def distributions_of(module: str) -> Sequence[str]:
    """The installed distributions that a top-level module belongs to; none for a file of the user's."""
    return _read_distributions().get(module, ())
