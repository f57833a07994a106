"""GET /health: whether functions run at all."""

from shop.entrypoints.http import endpoint
from shop.system.schemas import Health


@endpoint("GET /health", cache_control="no-store", is_page=True)
def handler() -> Health:
    """Say that this function runs; nothing else is touched."""
    return Health()
