"""Master secrets: one secret of Secrets Manager from which many keys derive."""

import hmac

from shop.clients import secrets
from shop.config import setting
from shop.ttl_cached import TtlCached


class MasterSecret:
    """The secret that a setting names, cached for 5 minutes."""

    def __init__(self, setting_name: str) -> None:
        self._setting_name = setting_name
        self._cached = TtlCached(self._load)

    def get(self) -> bytes:
        return self._cached.get()

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for a purpose, which names its kind first: no table has them."""
        return hmac.digest(self._cached.get(), purpose.encode(), "sha256")

    def _load(self) -> bytes:
        response = secrets().get_secret_value(SecretId=setting(self._setting_name))
        return response["SecretString"].encode()
