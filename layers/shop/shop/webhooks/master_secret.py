"""The secret from which the secrets of endpoints derive."""

from functools import cache

from shop.master_secrets import MasterSecret
from shop.webhooks.signing import derive_secret


@cache
def _master() -> MasterSecret:
    return MasterSecret("WEBHOOK_SECRET")


def secret_of(endpoint_id: str, version: int) -> bytes:
    """Return a secret of an endpoint. No call of AWS within 5 minutes of the last one."""
    return derive_secret(_master().get(), endpoint_id, version)
