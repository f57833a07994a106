"""The services of webhooks, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.depends import Depends
from shop.identifiers import new_id
from shop.webhooks.master_secret import secret_of
from shop.webhooks.message_queue import SqsWebhookQueue
from shop.webhooks.repository import WebhookRepository
from shop.webhooks.service import WebhookDeliveryService, WebhookEndpointService


@cache
def webhook_endpoint_service() -> WebhookEndpointService:
    return WebhookEndpointService(WebhookRepository(), now, new_id, secret_of)


@cache
def webhook_delivery_service() -> WebhookDeliveryService:
    return WebhookDeliveryService(WebhookRepository(), SqsWebhookQueue(), now, new_id)


WebhookEndpoints = Annotated[WebhookEndpointService, Depends(webhook_endpoint_service)]
WebhookDeliveries = Annotated[WebhookDeliveryService, Depends(webhook_delivery_service)]
