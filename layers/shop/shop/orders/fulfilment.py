"""Fulfilment: the port to a provider that packs and ships, and a stub that accepts every order."""

from typing import Protocol

from shop.orders.models import Order


class FulfilmentFailed(Exception):
    """The provider did not accept the order; the order is unchanged."""


class Fulfilment(Protocol):
    def accept(self, order: Order) -> None:
        """Accept the order, or raise: the call is retried, and after the last try the order is
        cancelled.

        The same order may be passed again, also after it was accepted. A pending or processing
        order may still be cancelled afterwards, which the event `order.cancelled` announces.
        """


class AcceptsEverything:
    def accept(self, order: Order) -> None:
        pass
