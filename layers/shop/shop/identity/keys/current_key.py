"""The private key that signs tokens, cached for 5 minutes."""

from functools import cache

from shop.errors import ServiceUnavailable
from shop.identity.keys.key_store import key_store
from shop.identity.keys.signing_keys import SigningKey
from shop.observability import logger
from shop.ttl_cached import TtlCached


@cache
def current_signing_key() -> TtlCached[SigningKey]:
    return TtlCached(_load)


def _load() -> SigningKey:
    """Load and parse the key, so that a malformed key is a failed load, which is not cached.

    The other two keys are not parsed: signing does not need them, and a rotation with a malformed
    key fails and triggers an alarm.
    """
    try:
        return key_store().private().current.checked()
    except (KeyError, TypeError, ValueError):
        logger().exception("malformed signing key")
        raise ServiceUnavailable(retry_after=1) from None
