"""GET /api/webhook-endpoints: list webhook endpoints."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden
from shop.http.access import AdminCaller
from shop.webhooks.dependencies import WebhookEndpoints
from shop.webhooks.responses import WebhookEndpointPage


@endpoint("GET /api/webhook-endpoints", raises=(Forbidden,), admin_scope="admin:webhooks:read")
def handler(caller: AdminCaller, endpoints: WebhookEndpoints) -> WebhookEndpointPage:
    """List webhook endpoints, oldest first."""
    return WebhookEndpointPage.of_all(endpoints.list(caller))
