"""The page itself, and the way to it."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from shop.http.response_models import ResponseModel

if TYPE_CHECKING:
    from shop.http.request import Request

# Images are those that Swagger UI's style holds in itself, and the page's icon.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class DocsPage(ResponseModel):
    """HTML, and a policy that lets in what the page's own origin serves and nothing else."""

    html: str

    def as_text(self) -> str:
        return self.html

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": _POLICY,
        }


@lru_cache(maxsize=8)  # a stage and a domain or two
def docs_page(prefix: str) -> DocsPage:
    """What it loads is below this path, and not relative to its own, which may end in a slash."""
    html = Path(__file__).with_name("page.html").read_text("utf-8")
    return DocsPage(html=html.replace("{prefix}", quote(prefix, safe="/%")))


class WayToDocs(ResponseModel):
    """A redirection to the page."""

    location: str

    def as_text(self) -> str:
        return ""

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {"Location": self.location}


def way_to_docs(prefix: str) -> WayToDocs:
    """From the root below this path, which a client may ask for with or without a slash."""
    return WayToDocs(location=f"{prefix}/docs")
