"""POST /oauth/token: issue tokens to an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.tokens.dependencies import TokenEndpoint
from shop.oauth.tokens.requests import Authorization, TokenForm
from shop.oauth.tokens.responses import TokenResponse


@endpoint("POST /oauth/token", raises=(NotFound,))
def handler(form: TokenForm, authorization: Authorization, tokens: TokenEndpoint) -> TokenResponse:
    """Exchange a code, a refresh token or the client's own credentials for tokens (RFC 6749)."""
    return TokenResponse.of(tokens.issue(form.request(), form.credentials(authorization)))
