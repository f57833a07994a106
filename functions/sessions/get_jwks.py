"""GET /.well-known/jwks.json: the public signing keys."""

from shop.entrypoints.http import endpoint
from shop.identity.keys.published_keys import PublishedJwks
from shop.identity.sessions.responses import JwksResponse


@endpoint("GET /.well-known/jwks.json", cache_control="public, max-age=300", serves_head=True)
def handler(jwks: PublishedJwks) -> JwksResponse:
    """Get the public keys of access tokens (RFC 7517)."""
    return JwksResponse.of(jwks.get())
