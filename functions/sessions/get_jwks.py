"""GET /.well-known/jwks.json: the public signing keys."""

from shop.auth.published_keys import PublishedJwks
from shop.endpoint import endpoint
from shop.sessions.schemas import JwksRead


@endpoint("GET /.well-known/jwks.json", cache_control="public, max-age=300")
def handler(jwks: PublishedJwks) -> JwksRead:
    """Read the public keys that access tokens are signed with (RFC 7517)."""
    return JwksRead.model_validate(jwks.get())
