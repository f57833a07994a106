"""GET /openapi.json: the OpenAPI document."""

from shop.entrypoints.http import endpoint
from shop.http.parameters import Prefix
from shop.system.open_api import OpenApi, open_api


@endpoint("GET /openapi.json", is_page=True)
def handler(prefix: Prefix) -> OpenApi:
    """Get the OpenAPI document of this API; its server is the path of the request."""
    return open_api(prefix)
