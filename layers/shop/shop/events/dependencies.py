"""The outbox, put together on first use."""

from functools import cache

from shop.events.bus import EventBus
from shop.events.deletions import deleting_requests
from shop.events.outbox import Outbox
from shop.events.service import EventPublisher
from shop.events.unpublished import set_aside


@cache
def outbox() -> Outbox:
    return Outbox(EventPublisher(EventBus()), deleting_requests, set_aside)
