"""The secret from which the secrets of endpoints derive."""

from functools import cache

from shop.clients import secrets
from shop.config import setting
from shop.ttl_cached import TtlCached
from shop.webhooks.signing import derive_secret


@cache
def _master() -> TtlCached[bytes]:
    return TtlCached(_load)


def _load() -> bytes:
    response = secrets().get_secret_value(SecretId=setting("WEBHOOK_SECRET"))
    return response["SecretString"].encode()


def secret_of(endpoint_id: str, version: int) -> bytes:
    """Return a secret of an endpoint. No call of AWS within 5 minutes of the last one."""
    return derive_secret(_master().get(), endpoint_id, version)
