"""PATCH /api/webhook-endpoints/{endpointId}: change some fields of a webhook endpoint."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound, PreconditionFailed
from shop.http.access import AdminCaller
from shop.preconditions import Precondition
from shop.webhooks.dependencies import WebhookEndpoints
from shop.webhooks.parameters import EndpointId
from shop.webhooks.requests import WebhookEndpointUpdate
from shop.webhooks.responses import WebhookEndpointResponse


@endpoint(
    "PATCH /api/webhook-endpoints/{endpointId}",
    raises=(Forbidden, NotFound, PreconditionFailed),
    admin_scope="admin:webhooks:write",
)
def handler(
    endpoint_id: EndpointId,
    payload: WebhookEndpointUpdate,
    caller: AdminCaller,
    precondition: Precondition,
    endpoints: WebhookEndpoints,
) -> WebhookEndpointResponse:
    """Change some fields of a webhook endpoint; the status `active` forgets its failures."""
    updated = endpoints.update(caller, endpoint_id, payload, precondition)
    return WebhookEndpointResponse.of(updated)
