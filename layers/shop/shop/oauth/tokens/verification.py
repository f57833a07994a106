"""The verification of clients' access tokens, created on first use."""

from functools import cache

from shop.clock import now
from shop.config import setting
from shop.identity.authorization.dependencies import published_keys
from shop.oauth.grants.repository import GrantRepository
from shop.oauth.tokens import access_tokens
from shop.oauth.tokens.access_tokens import AppClaims, AppTokenIssuer
from shop.oauth.tokens.callers import AppCallers


def verify_app_token(token: str) -> AppClaims:
    """Return the claims of an access token of a client; raise `InvalidToken`."""
    issuer = AppTokenIssuer(setting("OAUTH_ISSUER"), setting("TOKEN_AUDIENCE"))
    return access_tokens.verify(token, published_keys().find, issuer, now())


@cache
def app_callers() -> AppCallers:
    return AppCallers(GrantRepository(), verify_app_token, now)
