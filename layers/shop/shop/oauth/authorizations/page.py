"""The page on which users sign in for an OAuth client, and allow it."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from shop.http.protocol_errors import ProtocolError
from shop.http.response import Response
from shop.http.response_models import ResponseModel
from shop.oauth.authorizations.rules import NoRedirect
from shop.oauth.clients.models import OAuthClient
from shop.oauth.errors import NO_STORE

if TYPE_CHECKING:
    from shop.http.request import Request

_HTML_TYPE = "text/html; charset=utf-8"
_PLACEHOLDER = re.compile("@(CLIENT|HOME|DOMAIN|ORIGINS)@")


class SignInPage(ResponseModel):
    """HTML with one script and one style, and a policy that allows only these two."""

    media_type = _HTML_TYPE

    html: str
    policy: str

    def as_text(self) -> str:
        return self.html

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {"Content-Type": self.media_type, "Content-Security-Policy": self.policy}


class PasskeyPages(NamedTuple):
    """The domain of passkeys, and the origins of pages that use them; empty while they are off."""

    domain: str = ""
    origins: str = ""  # separated by commas


class _Template(NamedTuple):
    html: str
    policy: str
    style: str
    refusal_policy: str


def sign_in_page(client: OAuthClient, passkeys: PasskeyPages) -> SignInPage:
    """Return the page with the client's name and the host of its homepage, as text."""
    template = _template()
    home = "" if client.homepage is None else urlsplit(client.homepage).hostname or ""
    values = {
        "CLIENT": client.name,
        "HOME": home,
        "DOMAIN": passkeys.domain,
        "ORIGINS": passkeys.origins if passkeys.domain else "",
    }
    # In one pass: a name may contain a placeholder.
    filled = _PLACEHOLDER.sub(lambda found: escape(values[found[1]]), template.html)
    return SignInPage(html=filled, policy=template.policy)


def refusal_page(error: NoRedirect) -> ProtocolError:
    """Return the page for a request after which nobody may be redirected."""
    template = _template()
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>This link does not work</title><style>{template.style}</style></head>\n"
        f"<body><main><h1>This link does not work</h1><p>{escape(error.message)}</p>"
        "<p>Return to the application and try again, or ask its makers.</p></main></body></html>\n"
    )
    headers = NO_STORE | {
        "Content-Type": _HTML_TYPE,
        "Content-Security-Policy": template.refusal_policy,
    }
    return ProtocolError(Response(400, headers, html), f"invalid {error.parameter}")


def redirect_to(target: str, error: str | None = None) -> ProtocolError:
    """Return a redirect, as a GET of any client of HTTP (RFC 9700, 4.12)."""
    return ProtocolError(Response(303, NO_STORE | {"Location": target}, ""), error)


@cache
def _template() -> _Template:
    html = Path(__file__).with_name("page.html").read_text("utf-8")
    script, style = _content("script", html), _content("style", html)
    policy = (
        f"default-src 'none'; script-src {_hash_of(script)}; style-src {_hash_of(style)}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    refusal_policy = f"default-src 'none'; style-src {_hash_of(style)}; frame-ancestors 'none'"
    return _Template(html, policy, style, refusal_policy)


def _content(element: str, html: str) -> str:
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return str(content)


def _hash_of(content: str) -> str:
    """Return the hash of an inline element for the Content-Security-Policy (CSP 3, 2.3.1)."""
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
