"""GET /oauth/authorize: the page on which users sign in for an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.authorizations.dependencies import AuthorizationPages
from shop.oauth.authorizations.page import SignInPage
from shop.oauth.authorizations.parameters import SentAuthorization


@endpoint("GET /oauth/authorize", raises=(NotFound,), cache_control="no-store", is_page=True)
def handler(request: SentAuthorization, pages: AuthorizationPages) -> SignInPage:
    """Show a page that signs the user in and asks for consent (RFC 6749, 4.1.1)."""
    return pages.show(request)
