"""Build the documentation site into build/site: `make docs`.

Zensical stops at a dead link, at an anchor or a Python name that does not exist. It does not look at pictures, nor at
what the finished pages load, so both are checked here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build/site"


def build() -> None:
    """Run Zensical, and add the pictures of the README, which are kept with the notebooks that they show."""
    shutil.rmtree(SITE, ignore_errors=True)
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([zensical, "build", "--strict", "--clean"], cwd=ROOT, check=True)
    shutil.copytree(ROOT / "notebooks/images", SITE / "images")


class Page(HTMLParser):
    """What a page of the site refers to: `links` are followed by the reader, `loaded` is fetched by the browser."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.ids: set[str] = set()
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the references and the IDs of one element."""
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(str(values["id"]))
        if tag == "link" and values.get("rel") == "canonical":
            return
        for name, found in (("href", self.links if tag == "a" else self.loaded), ("src", self.loaded)):
            if values.get(name):
                found.add(str(values[name]))


def problems() -> list[str]:
    """Return what is wrong with the finished site: files and anchors that do not exist, and files of other hosts."""
    pages = {file: Page(file) for file in sorted(SITE.rglob("*.html"))}
    found = []
    for file, page in pages.items():
        # The server shows 404.html at any address, so its references start at the site's root.
        folder = SITE if file.name == "404.html" else file.parent
        for reference in sorted(page.loaded | page.links):
            parts = urlsplit(reference)
            if parts.scheme or parts.netloc:
                if reference in page.loaded and parts.scheme != "data":
                    found.append(f"{file.name} loads {reference}, which is on another host")
                continue
            if file.name == "404.html":
                continue
            target = (folder / unquote(parts.path)).resolve() if parts.path else file
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                found.append(f"{file.name} refers to {reference}, which does not exist")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                found.append(f"{file.name} refers to {reference}, which has no such anchor")
    return found


if __name__ == "__main__":
    build()
    if wrong := problems():
        sys.exit("\n".join(wrong))
