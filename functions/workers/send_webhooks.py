"""Queue of webhooks: send events to endpoints, and sweep the deliveries that are due."""

from shop.entrypoints.queue import Delivery, concurrent_queue_worker
from shop.webhooks.worker import handle, webhook_deliverer


@concurrent_queue_worker(prepare=webhook_deliverer)
def handler(delivery: Delivery) -> None:
    """Handle an event from the bus, a first attempt, a redelivery or a sweep."""
    handle(delivery.event, may_be_known=delivery.is_replay or delivery.receives > 1)
