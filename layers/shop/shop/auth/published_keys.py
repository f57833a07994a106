"""The public signing keys: a JWKS (RFC 7517) in Parameter Store, and values that reload."""

import json
import re
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

_COORDINATE = re.compile("[A-Za-z0-9_-]{43}")  # 32 bytes in base64url

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
    """Raises `ServiceUnavailable` where the parameter holds no JWKS, or a malformed key."""
    text = parameters().get_parameter(Name=setting("JWKS_PARAMETER"))["Parameter"]["Value"]
    try:
        jwks: Jwks = json.loads(text)
        if not jwks["keys"] or not all(_is_public_key(key) for key in jwks["keys"]):
            raise ValueError("the JWKS has no keys, or malformed ones")
    except (AttributeError, KeyError, TypeError, ValueError):
        logger().exception("malformed JWKS")
        raise ServiceUnavailable(retry_after=1) from None
    return jwks


def _is_public_key(key: dict[str, str]) -> bool:
    """Whether it is a key of ES256 by its members (RFC 7518, 6.2.1).

    Without cryptography, which costs 30 to 40 ms of a cold start of those that only publish it.
    """
    kinds = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    coordinates = (key[name] for name in ("x", "y"))
    return (
        all(key[name] == kind for name, kind in kinds.items())
        and isinstance(key["kid"], str)
        and all(_COORDINATE.fullmatch(text) for text in coordinates)
    )


PublishedJwks = Annotated[Reloaded[Jwks], Provide(published_jwks)]
