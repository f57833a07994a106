"""PUT /api/webhook-endpoints/{endpointId}/secrets/{version}: change the secret of an endpoint."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import AdminCaller
from shop.webhooks.dependencies import WebhookEndpoints
from shop.webhooks.parameters import EndpointId, SecretVersion
from shop.webhooks.requests import WebhookSecretChange
from shop.webhooks.responses import WebhookSecretResponse


@endpoint(
    "PUT /api/webhook-endpoints/{endpointId}/secrets/{version}",
    raises=(Forbidden, NotFound),
    admin_scope="admin:webhooks:write",
)
def handler(
    endpoint_id: EndpointId,
    version: SecretVersion,
    payload: WebhookSecretChange,
    caller: AdminCaller,
    endpoints: WebhookEndpoints,
) -> WebhookSecretResponse:
    """Make the next version the secret, or return the present one again; safe to repeat."""
    keep_for = payload.keep_previous_for
    changed = endpoints.change_secret(caller, endpoint_id, version, keep_for)
    return WebhookSecretResponse.of(*changed)
