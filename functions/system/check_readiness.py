"""GET /ready: whether what requests depend on answers."""

from shop.entrypoints.http import endpoint
from shop.errors import ServiceUnavailable
from shop.system.dependencies import Dependencies
from shop.system.schemas import Health


@endpoint("GET /ready", raises=(ServiceUnavailable,), cache_control="no-store", is_page=True)
def handler(dependencies: Dependencies) -> Health:
    """Ask the database and the signing key whether they answer; by their roles, not their names."""
    dependencies.check()
    return Health()
