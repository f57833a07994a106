"""GET /api/webhook-endpoints/{endpointId}: read a webhook endpoint."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import AdminCaller
from shop.webhooks.dependencies import WebhookEndpoints
from shop.webhooks.parameters import EndpointId
from shop.webhooks.responses import WebhookEndpointResponse


@endpoint(
    "GET /api/webhook-endpoints/{endpointId}",
    raises=(Forbidden, NotFound),
    admin_scope="admin:webhooks:read",
)
def handler(
    endpoint_id: EndpointId, caller: AdminCaller, endpoints: WebhookEndpoints
) -> WebhookEndpointResponse:
    """Read a webhook endpoint, without its secret."""
    return WebhookEndpointResponse.of(endpoints.read(caller, endpoint_id))
