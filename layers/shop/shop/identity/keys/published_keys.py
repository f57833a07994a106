"""The public signing keys: a JWKS (RFC 7517) in Parameter Store, cached for 5 minutes."""

import json
import re
from functools import cache
from typing import Annotated

from shop.clients import parameters
from shop.config import setting
from shop.depends import Depends
from shop.errors import ServiceUnavailable
from shop.observability import logger
from shop.ttl_cached import TtlCached

UNKNOWN_KID_RELOAD_AFTER = 30.0  # seconds

_COORDINATE = re.compile("[A-Za-z0-9_-]{43}")  # 32 bytes in base64url

type Jwks = dict[str, list[dict[str, str]]]


@cache
def published_jwks() -> "TtlCached[Jwks]":
    """Return the cached JWKS of the parameter JWKS_PARAMETER."""
    return TtlCached(load_jwks)


class PublishedKeys:
    """Public keys by `kid`. An unknown `kid` reloads them, at most every 30 s."""

    def __init__(self, keys: TtlCached[Jwks]) -> None:
        self._keys = keys

    def find(self, kid: str) -> dict[str, str] | None:
        return self._among(self._keys.get(), kid) or self._among(
            self._keys.get(not_older_than=UNKNOWN_KID_RELOAD_AFTER), kid
        )

    @staticmethod
    def _among(jwks: Jwks, kid: str) -> dict[str, str] | None:
        return next((key for key in jwks["keys"] if key["kid"] == kid), None)


def load_jwks() -> Jwks:
    """Load the JWKS; raise `ServiceUnavailable` if it or one of its keys is malformed."""
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
    """Return whether the members are those of an ES256 key (RFC 7518, 6.2.1).

    Importing cryptography would add 30 to 40 ms to the cold start of functions that do not verify.
    """
    kinds = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    coordinates = (key[name] for name in ("x", "y"))
    return (
        all(key[name] == kind for name, kind in kinds.items())
        and isinstance(key["kid"], str)
        and all(_COORDINATE.fullmatch(text) for text in coordinates)
    )


PublishedJwks = Annotated[TtlCached[Jwks], Depends(published_jwks)]
