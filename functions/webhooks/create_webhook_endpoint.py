"""POST /api/webhook-endpoints: create a webhook endpoint."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, IdempotencyKeyReused, LimitReached
from shop.http.access import AdminCaller
from shop.idempotency import IdempotentRequest
from shop.webhooks.dependencies import WebhookEndpoints
from shop.webhooks.requests import WebhookEndpointCreate
from shop.webhooks.responses import NewWebhookEndpointResponse


@endpoint(
    "POST /api/webhook-endpoints",
    status=201,
    raises=(Forbidden, LimitReached, IdempotencyKeyReused),
    admin_scope="admin:webhooks:write",
)
def handler(
    payload: WebhookEndpointCreate,
    caller: AdminCaller,
    idempotency: IdempotentRequest,
    endpoints: WebhookEndpoints,
) -> NewWebhookEndpointResponse:
    """Create a webhook endpoint, with its secret."""
    created = endpoints.create(caller, payload, idempotency)
    return NewWebhookEndpointResponse.with_secret(*created)
