"""Queue of orders that were placed a while ago: have those fulfilled that nobody cancelled."""

from shop.config import setting
from shop.entrypoints.queue import Delivery, queue_worker
from shop.events.schemas import OrderPlaced
from shop.observability import logger
from shop.orders.dependencies import fulfilment, order_service
from shop.orders.fulfilment import FulfilmentFailed


@queue_worker
def handler(delivery: Delivery) -> None:
    """Moves the order on; where fulfilment never took it on, the last time, cancels it."""
    order = OrderPlaced.model_validate(delivery.event).data
    try:
        order_service().start_processing(order.user_id, order.order_id, fulfilment())
    except FulfilmentFailed:
        if delivery.receives < int(setting("MAX_RECEIVES")):
            raise
        logger().exception("given up", order_id=order.order_id)
        order_service().give_up(order.user_id, order.order_id)
