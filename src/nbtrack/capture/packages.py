"""The imported packages and their versions."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence

_distributions: Mapping[str, Sequence[str]] | None = None
_versions: dict[str, str] = {}
_lock = threading.Lock()


def prepare() -> None:
    """Start a thread that reads which distribution each module belongs to (0.1-0.3 s, once per process)."""
    if _distributions is None and not _lock.locked():
        threading.Thread(target=_read_distributions, name="nbtrack-packages", daemon=True).start()


def imported_packages() -> dict[str, str]:
    """Return the versions of the installed packages that this process has imported, by the name of the distribution.

    Waits for the thread of `prepare`, or reads the distributions itself if that was not called.
    """
    try:
        distributions = _read_distributions()
        # list() copies in one step, because another thread may be importing.
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
    """Return the version of an installed distribution, or None if it is not installed."""
    # Versions are cached: an imported package keeps its version, even if pip has replaced its files since.
    if name not in _versions:
        from importlib import metadata

        try:
            _versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            return None
    return _versions[name]


def distributions_of(module: str) -> Sequence[str]:
    """Return the installed distributions that contain a top-level module; none for a user's own file."""
    return _read_distributions().get(module, ())
