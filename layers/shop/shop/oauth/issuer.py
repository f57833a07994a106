"""The issuer of OAuth tokens: a parameter of the deployment, empty while OAuth is off."""

from shop.config import setting
from shop.errors import NotFound


def issuer() -> str:
    """Return the issuer's URL; raise `NotFound` while OAuth is off."""
    url = setting("OAUTH_ISSUER")
    if not url:
        raise NotFound
    return url
