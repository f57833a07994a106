"""POST /api/webhook-endpoints/{endpointId}/deliveries: send an event again, or a ping."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, InvalidTransition, NotFound, TooManyRequests
from shop.http.access import AdminCaller
from shop.webhooks.dependencies import WebhookDeliveries
from shop.webhooks.parameters import EndpointId
from shop.webhooks.requests import WebhookDeliveryCreate
from shop.webhooks.responses import AcceptedDelivery


@endpoint(
    "POST /api/webhook-endpoints/{endpointId}/deliveries",
    status=202,
    raises=(Forbidden, NotFound, InvalidTransition, TooManyRequests),
    admin_scope="admin:webhooks:write",
)
def handler(
    endpoint_id: EndpointId,
    payload: WebhookDeliveryCreate,
    caller: AdminCaller,
    deliveries: WebhookDeliveries,
) -> AcceptedDelivery:
    """Send an event once more, delivered or not, or without one a `webhook.ping`."""
    return AcceptedDelivery(id=deliveries.request(caller, endpoint_id, payload.event_id))
