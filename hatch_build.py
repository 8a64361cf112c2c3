"""Builds the JavaScript bundles with npm, in a source checkout only: wheels and sdists carry them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLES = ("src/nbtrack/static", "src/nbtrack/labextension")
SOURCES = ("js", "package.json", "package-lock.json", "tsconfig.json")


class JavaScriptBundles(BuildHookInterface[Any]):
    """Runs `npm ci` and `npm run build` where a bundle is missing or older than its sources."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        bundles = [_times(root / name) for name in BUNDLES]
        complete = all(bundles)
        if complete and (_is_sdist(root) or min(map(max, bundles)) >= max(_times(*(root / name for name in SOURCES)))):
            return
        npm = shutil.which("npm")
        if npm is None:
            if complete:
                self.app.display_warning("npm is not installed: the bundles in the tree are used as they are")
                return
            raise RuntimeError(
                "A source checkout of nbtrack is built with Node.js >= 20 and npm, and npm is not on the PATH. "
                "Install Node.js, or install nbtrack from its wheel or sdist, which bring the bundles along."
            )
        if not (root / "node_modules" / ".package-lock.json").exists():
            self._run(npm, "ci")
        self._run(npm, "run", "build")

    def _run(self, npm: str, *arguments: str) -> None:
        done = subprocess.run([npm, *arguments], cwd=self.root, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"npm {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")


def _is_sdist(root: Path) -> bool:
    return (root / "PKG-INFO").exists()


def _times(*paths: Path) -> list[float]:
    return [file.stat().st_mtime for path in paths for file in _files(path)]


def _files(path: Path) -> Iterable[Path]:
    return [path] if path.is_file() else (file for file in path.rglob("*") if file.is_file())
