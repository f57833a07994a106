"""The outbox, created on first use."""

from functools import cache

from shop.events.bus import EventBus
from shop.events.dead_letters import dead_letter
from shop.events.deletions import deleting_requests
from shop.events.outbox import Outbox
from shop.events.service import EventPublisher


@cache
def outbox() -> Outbox:
    return Outbox(EventPublisher(EventBus()), deleting_requests, dead_letter)
