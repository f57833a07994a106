"""DELETE /api/webhook-endpoints/{endpointId}: delete a webhook endpoint."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound, PreconditionFailed
from shop.http.access import AdminCaller
from shop.preconditions import Precondition
from shop.webhooks.dependencies import WebhookEndpoints
from shop.webhooks.parameters import EndpointId


@endpoint(
    "DELETE /api/webhook-endpoints/{endpointId}",
    raises=(Forbidden, NotFound, PreconditionFailed),
    admin_scope="admin:webhooks:write",
)
def handler(
    endpoint_id: EndpointId,
    caller: AdminCaller,
    precondition: Precondition,
    endpoints: WebhookEndpoints,
) -> None:
    """Delete a webhook endpoint; attempts under way end within 10 s."""
    endpoints.delete(caller, endpoint_id, precondition)
