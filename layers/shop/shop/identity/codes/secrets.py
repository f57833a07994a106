"""The keys of a second factor, derived from one master secret: a copy of the table has none."""

from collections.abc import Callable
from functools import cache

from shop.identity.codes.models import AuthenticatorApp
from shop.identity.codes.totp import SECRET_BYTES
from shop.master_secrets import MasterSecret

type Derive = Callable[[str], bytes]


def app_secret(derive: Derive, app: AuthenticatorApp) -> bytes:
    """Return the secret that the app has."""
    return derive(f"totp {app.user_id} {app.id} {app.salt.hex()}")[:SECRET_BYTES]


def recovery_key(derive: Derive, user_id: str) -> bytes:
    """Return the key of the digests of recovery codes."""
    return derive(f"recovery codes {user_id}")


@cache
def second_factor_secret() -> MasterSecret:
    return MasterSecret("SECOND_FACTOR_SECRET")
