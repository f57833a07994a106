"""The authorization endpoint: it shows a page, or redirects back with an error."""

from typing import Protocol
from urllib.parse import urlencode

from shop.correlation import name_client
from shop.oauth.authorizations.page import (
    PasskeyPages,
    SignInPage,
    redirect_to,
    refusal_page,
    sign_in_page,
)
from shop.oauth.authorizations.rules import (
    AuthorizationError,
    AuthorizationRequest,
    NoRedirect,
    check_prompt,
    check_redirect,
    redirect_with_error,
    wanted_scopes,
)
from shop.oauth.clients.models import OAuthClient


class ClientStore(Protocol):
    def get(self, client_id: str) -> OAuthClient | None: ...


class AuthorizationPageService:
    """`page` is the URL of a page of one's own; empty for ours."""

    def __init__(
        self, clients: ClientStore, issuer: str, page: str, passkeys: PasskeyPages
    ) -> None:
        self._clients = clients
        self._issuer = issuer
        self._page = page
        self._passkeys = passkeys

    def show(self, request: AuthorizationRequest) -> SignInPage:
        """Return the page for a valid request; raise `ProtocolError` with another response."""
        name_client(request.client_id)
        client = None if request.client_id is None else self._clients.get(request.client_id)
        try:
            check_redirect(request, client)
        except NoRedirect as error:
            raise refusal_page(error) from None
        assert client is not None
        try:
            wanted_scopes(request, client)
            check_prompt(request)
        except AuthorizationError as error:
            target = redirect_with_error(request, self._issuer, error)
            raise redirect_to(target, error.error) from None
        if self._page:
            sent = {n: v for n, v in request._asdict().items() if isinstance(v, str)}
            raise redirect_to(f"{self._page}?{urlencode(sent)}")
        return sign_in_page(client, self._passkeys)
