"""Links of the built site: each leads to a file of the site, and to an element there."""

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = {"", "__search"}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None or (tag, name) == ("meta", "name"):
                continue
            if name in ("href", "src"):
                self.links.append(value)
            elif name in ("id", "name"):
                self.ids.add(value)


def broken_links(site: Path) -> list[str]:
    """Return each broken link as `page: link`."""
    pages: dict[Path, _Page] = {}
    for path in site.rglob("*.html"):
        pages[path] = _Page()
        pages[path].feed(path.read_text())
    # A file server serves the page of errors at any path, so its links are absolute.
    del pages[site / "404.html"]
    return sorted(
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        for link in _broken(path, page, pages)
    )


def _broken(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
        has_element = target not in pages or unquote(parts.fragment) in pages[target].ids
        if not target.is_file() or not has_element:
            yield link
