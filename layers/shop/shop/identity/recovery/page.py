"""The recovery page: it completes a verification or password reset from an emailed link."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from shop.config import setting
from shop.http.response_models import ResponseModel
from shop.identity.passwords import MIN_CHARACTERS, password_rules

if TYPE_CHECKING:
    from shop.http.request import Request


class RecoveryPage(ResponseModel):
    """HTML with one script and one style, and a policy that allows only these two."""

    media_type = "text/html; charset=utf-8"

    html: str
    policy: str

    def as_text(self) -> str:
        return self.html

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {
            "Content-Type": self.media_type,
            "Content-Security-Policy": self.policy,
        }


def recovery_page() -> RecoveryPage:
    return page_with_link(setting("LOG_IN_PAGE"))


@cache
def page_with_link(log_in_page: str) -> RecoveryPage:
    """Return the page with a link to the page where customers log in; "" if it is not known."""
    html = Path(__file__).with_name("page.html").read_text("utf-8")
    html = html.replace("@MIN_CHARACTERS@", str(MIN_CHARACTERS))
    html = html.replace("@RULES@", "".join(f"<li>{escape(it)}</li>" for it in password_rules()))
    html = html.replace("@LOG_IN@", _log_in(log_in_page))
    policy = (
        "default-src 'none'; "
        f"script-src {_hash_of('script', html)}; "
        f"style-src {_hash_of('style', html)}; "
        "img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return RecoveryPage(html=html, policy=policy)


def _log_in(url: str) -> str:
    if not url:
        return "You log in where you shop."
    return f'<a href="{escape(url)}">Log in to the shop</a>'


def _hash_of(element: str, html: str) -> str:
    """Return the hash of an inline element for the Content-Security-Policy (CSP 3, 2.3.1)."""
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
