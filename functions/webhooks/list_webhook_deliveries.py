"""GET /api/webhook-endpoints/{endpointId}/deliveries: list deliveries."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import AdminCaller
from shop.webhooks.dependencies import WebhookDeliveries
from shop.webhooks.parameters import EndpointId
from shop.webhooks.requests import WebhookDeliveryListQuery
from shop.webhooks.responses import WebhookDeliveryPage, WebhookDeliveryResponse


@endpoint(
    "GET /api/webhook-endpoints/{endpointId}/deliveries",
    raises=(Forbidden, NotFound),
    admin_scope="admin:webhooks:read",
)
def handler(
    endpoint_id: EndpointId,
    query: WebhookDeliveryListQuery,
    caller: AdminCaller,
    deliveries: WebhookDeliveries,
) -> WebhookDeliveryPage:
    """List the deliveries of the last 30 days, by the time of the event."""
    page = deliveries.list(caller, endpoint_id, query)
    return WebhookDeliveryPage.of(page, query, WebhookDeliveryResponse.of)
