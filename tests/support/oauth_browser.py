"""The browser of a user at the authorization endpoint."""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from shop.json_names import to_camel
from tests.support.deployed_shop import DeployedShop, Person
from tests.support.oauth_requests import SENT_BY_PAGE

SCOPE = "openid profile email orders:read"
# With characters that an encoding could lose
STATE = "two words & a=b + 100% #1 – ünïcode ✓"


class RegisteredClient(NamedTuple):
    """A client that sends users there; a public one has no secret."""

    id: str
    redirect_uri: str
    secret: str | None = None


def authorize(shop: DeployedShop, person: Person, url: str, consent: str = "given") -> str:
    """Open a URL, and answer the page unless the server redirects at once; return the redirect."""
    opened = shop.anonymous.get(url)
    if opened.status_code == 303:
        target = opened.headers["Location"]
    else:
        assert opened.status_code == 200, opened.text
        sent = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
        body: dict[str, Any] = {to_camel(name): sent[name] for name in SENT_BY_PAGE & sent.keys()}
        answered = person.http.post("/api/authorizations", json=body | {"consent": consent})
        assert answered.status_code == 200, answered.text
        target = answered.json()["redirectTo"]
    # The libraries for Python leave this check to the application (RFC 9207).
    assert dict(parse_qsl(urlsplit(target).query))["iss"] == shop.url_of_issuer
    return str(target)
