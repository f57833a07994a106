"""GET /.well-known/{document}: the metadata of the OAuth server."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.authorizations.metadata import Document, ServerMetadata, server_metadata


@endpoint(
    "GET /.well-known/{document}",
    raises=(NotFound,),
    cache_control="public, max-age=300",
    is_page=True,
)
def handler(document: Document) -> ServerMetadata:  # noqa: ARG001 - both names have one content
    """Get the metadata of the OAuth server (RFC 8414; OpenID Connect Discovery)."""
    return server_metadata()
