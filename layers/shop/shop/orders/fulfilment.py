"""Whoever packs and ships what was ordered: a port, and what stands there until somebody does."""

from typing import Protocol

from shop.orders.models import Order


class FulfilmentFailed(Exception):
    """The order was not taken on, and is as it was."""


class Fulfilment(Protocol):
    def accept(self, order: Order) -> None:
        """Takes the order on, or raises: then it is asked again, and in the end without an answer
        the order is cancelled.

        The same order may come again, also after it was taken on, and may be cancelled afterwards
        as long as it is pending or processing, which `order.cancelled` tells.
        """


class AcceptsEverything:
    def accept(self, order: Order) -> None:
        pass
