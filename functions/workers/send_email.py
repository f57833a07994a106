"""Email queue: render and send emails."""

from shop.entrypoints.queue import Delivery, queue_worker
from shop.mail.dependencies import mail_service
from shop.mail.schemas import Envelope
from shop.observability import logger


@queue_worker
def handler(delivery: Delivery) -> None:
    """Send the email of the event, and log the outcome."""
    event = Envelope.model_validate(delivery.event)
    outcome = mail_service().deliver(event.notification(), delivery.seconds_left)
    logger().info(outcome, id=event.id, type=event.type)
