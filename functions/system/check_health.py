"""GET /health: the liveness check."""

from shop.entrypoints.http import endpoint
from shop.system.responses import Health


@endpoint("GET /health", cache_control="no-store", is_page=True)
def handler() -> Health:
    """Check that this function runs, without its dependencies."""
    return Health()
