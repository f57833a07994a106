"""GET /ready: the readiness check."""

from shop.entrypoints.http import endpoint
from shop.errors import ServiceUnavailable
from shop.system.dependencies import Dependencies
from shop.system.responses import Health


@endpoint("GET /ready", raises=(ServiceUnavailable,), cache_control="no-store", is_page=True)
def handler(dependencies: Dependencies) -> Health:
    """Check the database and the signing key; an error names them by role, not by resource."""
    dependencies.check()
    return Health()
