"""GET /health: whether functions run at all."""

from shop.endpoint import endpoint
from shop.operations.schemas import Health


@endpoint("GET /health", cache_control="no-store", is_page=True)
def handler() -> Health:
    """Say that this function runs; nothing else is touched."""
    return Health()
