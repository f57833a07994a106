"""A page of one's own in place of ours."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from shop.http.protocol_errors import ProtocolError
from shop.oauth.authorizations.page import PasskeyPages
from shop.oauth.authorizations.pages import AuthorizationPageService
from shop.oauth.authorizations.parameters import PARAMETERS
from shop.oauth.authorizations.rules import AuthorizationRequest
from shop.oauth.clients.models import OAuthClient
from tests.support.sample_items import oauth_client

CLIENT = oauth_client()
OWN_PAGE = "https://shop.example/sign-in"


class Clients:
    def get(self, client_id: str) -> OAuthClient | None:
        return CLIENT if client_id == CLIENT.id else None


def response_to(**sent: str) -> tuple[int, str]:
    """Return status and target of the response to a request with these parameters."""
    pages = AuthorizationPageService(Clients(), "https://shop.example", OWN_PAGE, PasskeyPages())
    with pytest.raises(ProtocolError) as raised:
        pages.show(AuthorizationRequest(**sent))
    return raised.value.response.status, raised.value.response.headers.get("Location", "")


SENT = {**PARAMETERS, "client_id": CLIENT.id, "redirect_uri": CLIENT.redirect_uris[0]}


def test_own_page_gets_every_parameter() -> None:
    status, target = response_to(**SENT)

    assert (status, target.partition("?")[0]) == (303, OWN_PAGE)
    assert dict(parse_qsl(urlsplit(target).query)) == SENT


def test_own_page_gets_no_invalid_request() -> None:
    assert response_to(**SENT | {"redirect_uri": "https://attacker.example"}) == (400, "")
    assert response_to(**SENT | {"scope": ""})[1].startswith(CLIENT.redirect_uris[0])
