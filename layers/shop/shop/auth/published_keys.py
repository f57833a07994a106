"""The public signing keys: a JWKS (RFC 7517) in Parameter Store, and values that reload."""

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Annotated

from shop.clients import parameters
from shop.config import setting
from shop.errors import ServiceUnavailable
from shop.http.parameters import Provide
from shop.observability import logger

RELOAD_AFTER = 300.0  # seconds
UNKNOWN_KID_RELOAD_AFTER = 30.0  # seconds

type Jwks = dict[str, list[dict[str, str]]]


@cache
def published_jwks() -> "Reloaded[Jwks]":
    """The JWKS that the key function publishes under JWKS_PARAMETER."""
    return Reloaded(load_jwks)


class Reloaded[T]:
    """A value loaded on first use and again when it is older than `RELOAD_AFTER`.

    A failure to load rises and is never kept, so that the next request tries again.
    """

    def __init__(self, load: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._value: T
        self._loaded_at: float | None = None

    def get(self, not_older_than: float = RELOAD_AFTER) -> T:
        now = self._clock()
        if self._loaded_at is None or now - self._loaded_at >= not_older_than:
            self._value = self._load()
            self._loaded_at = now
        return self._value


class PublishedKeys:
    """Public keys by `kid`; an unknown one reloads them, at most once in 30 s."""

    def __init__(self, keys: Reloaded[Jwks]) -> None:
        self._keys = keys

    def find(self, kid: str) -> dict[str, str] | None:
        return self._among(self._keys.get(), kid) or self._among(
            self._keys.get(not_older_than=UNKNOWN_KID_RELOAD_AFTER), kid
        )

    @staticmethod
    def _among(jwks: Jwks, kid: str) -> dict[str, str] | None:
        return next((key for key in jwks["keys"] if key["kid"] == kid), None)


def load_jwks() -> Jwks:
    """Raises `ServiceUnavailable` where the parameter holds no JWKS with keys."""
    text = parameters().get_parameter(Name=setting("JWKS_PARAMETER"))["Parameter"]["Value"]
    try:
        jwks: Jwks = json.loads(text)
        if not jwks["keys"]:
            raise ValueError("the JWKS has no keys")
    except (KeyError, TypeError, ValueError):
        logger().exception("malformed JWKS")
        raise ServiceUnavailable(retry_after=1) from None
    return jwks


PublishedJwks = Annotated[Reloaded[Jwks], Provide(published_jwks)]
