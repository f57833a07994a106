"""The callers of sessions, created on first use."""

from collections.abc import Callable
from functools import cache

from shop.clock import now
from shop.identity import access_tokens
from shop.identity.access_tokens import Claims, Issuer
from shop.identity.authorization.service import AllowedCaller, SessionCallers
from shop.identity.keys.published_keys import PublishedKeys, published_jwks
from shop.identity.sessions.repository import SessionRepository


@cache
def published_keys() -> PublishedKeys:
    return PublishedKeys(published_jwks())


@cache
def session_callers() -> Callable[[str], AllowedCaller]:
    issuer = Issuer.from_settings()

    def verify(token: str) -> Claims:
        return access_tokens.verify(token, published_keys().find, issuer, now())

    return SessionCallers(SessionRepository(), verify, now).find
