"""GET /: the redirect to the documentation page."""

from shop.docs.page import DocsRedirect, docs_redirect
from shop.entrypoints.http import endpoint
from shop.http.parameters import Prefix


@endpoint("GET /", status=307, is_page=True)
def handler(prefix: Prefix) -> DocsRedirect:
    """Redirect browsers to the documentation page."""
    return docs_redirect(prefix)
