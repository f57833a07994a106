"""Queue of placed orders, delayed by the cancellation period: start their fulfilment."""

from shop.config import setting
from shop.entrypoints.queue import Delivery, queue_worker
from shop.events.schemas import OrderPlaced
from shop.observability import logger
from shop.orders.dependencies import fulfilment, order_service
from shop.orders.fulfilment import FulfilmentFailed


@queue_worker
def handler(delivery: Delivery) -> None:
    """Start processing; cancel the order if fulfilment fails at the last receive."""
    order = OrderPlaced.model_validate(delivery.event).data
    try:
        order_service().start_processing(order.user_id, order.order_id, fulfilment())
    except FulfilmentFailed:
        if delivery.receives < int(setting("MAX_RECEIVES")):
            raise
        logger().exception("given up", order_id=order.order_id)
        order_service().cancel_unfulfilled(order.user_id, order.order_id)
