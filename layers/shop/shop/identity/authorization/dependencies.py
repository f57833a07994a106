"""The authorizer, created on first use."""

from functools import cache

from shop.clock import now
from shop.identity import access_tokens
from shop.identity.access_tokens import Claims, Issuer
from shop.identity.authorization.service import Authorizer
from shop.identity.keys.published_keys import PublishedKeys, published_jwks
from shop.identity.sessions.repository import SessionRepository


@cache
def authorizer() -> Authorizer:
    keys = PublishedKeys(published_jwks())
    issuer = Issuer.from_settings()

    def verify(token: str) -> Claims:
        return access_tokens.verify(token, keys.find, issuer, now())

    return Authorizer(SessionRepository(), verify, now)
