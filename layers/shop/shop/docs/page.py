"""The documentation page, and the redirect to it."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from shop.http.response_models import ResponseModel

if TYPE_CHECKING:
    from shop.http.request import Request

# Images are data URLs in Swagger UI's style, and the icon of the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class DocsPage(ResponseModel):
    """HTML, with a policy that allows only content from the page's own origin."""

    html: str

    def as_text(self) -> str:
        return self.html

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": _POLICY,
        }


@lru_cache(maxsize=8)  # the stage, and one or two custom domains
def docs_page(prefix: str) -> DocsPage:
    """Return the page. Its assets are below this path: its own may end in a slash."""
    html = Path(__file__).with_name("page.html").read_text("utf-8")
    return DocsPage(html=html.replace("{prefix}", quote(prefix, safe="/%")))


class DocsRedirect(ResponseModel):
    """A redirect to the page."""

    location: str

    def as_text(self) -> str:
        return ""

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {"Location": self.location}


def docs_redirect(prefix: str) -> DocsRedirect:
    """Return the redirect from the root, which may be requested with or without a slash."""
    return DocsRedirect(location=f"{prefix}/docs")
