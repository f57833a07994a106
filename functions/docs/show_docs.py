"""GET /docs: the documentation page."""

from shop.docs.page import DocsPage, docs_page
from shop.entrypoints.http import endpoint
from shop.http.parameters import Prefix


@endpoint("GET /docs", is_page=True)
def handler(prefix: Prefix) -> DocsPage:
    """Show the API documentation, with a login to try requests."""
    return docs_page(prefix)
