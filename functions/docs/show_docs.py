"""GET /docs: the page that shows the API and tries its calls."""

from shop.docs.page import DocsPage, docs_page
from shop.entrypoints.http import endpoint
from shop.http.parameters import Prefix


@endpoint("GET /docs", is_page=True)
def handler(prefix: Prefix) -> DocsPage:
    """Show the API in a browser, with a log-in, and try its calls there."""
    return docs_page(prefix)
