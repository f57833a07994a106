"""GET /: the way to the page of the API."""

from shop.docs.page import WayToDocs, way_to_docs
from shop.entrypoints.http import endpoint
from shop.http.parameters import Prefix


@endpoint("GET /", status=307, is_page=True)
def handler(prefix: Prefix) -> WayToDocs:
    """Lead browsers to the page of the API."""
    return way_to_docs(prefix)
