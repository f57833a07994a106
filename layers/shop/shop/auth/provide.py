"""The authorizer, put together on first use."""

from functools import cache

from shop.auth import access_tokens
from shop.auth.access_tokens import Claims, Issuer
from shop.auth.authorizer import Authorizer
from shop.auth.published_keys import PublishedKeys, published_jwks
from shop.clock import now
from shop.sessions.repository import SessionRepository


@cache
def authorizer() -> Authorizer:
    keys = PublishedKeys(published_jwks())
    issuer = Issuer.from_settings()

    def verify(token: str) -> Claims:
        return access_tokens.verify(token, keys.find, issuer, now())

    return Authorizer(SessionRepository(), verify, now)
