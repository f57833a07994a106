"""Resending of an email by an operator."""

from datetime import datetime, timedelta
from typing import Protocol

from shop.clock import Clock
from shop.email_queue import VERIFICATION_REQUESTED
from shop.errors import AccountInactive, NotFound, ValidationFailed
from shop.identifiers import NewId, made_at
from shop.identity.accounts.models import UserStatus
from shop.orders.models import Order, OrderStatus
from shop.users.models import User

# Far shorter than the delivery log keeps a row, so that a confirmation never sends two emails
MAX_CONFIRMATION_AGE = timedelta(hours=1)


class ResendContext(Protocol):
    """The current data that decides whether an email can be sent again."""

    def user(self, user_id: str) -> User | None: ...

    def order(self, user_id: str, order_id: str) -> Order | None: ...


class EmailQueue(Protocol):
    def put(self, id_: str, type_: str, time: datetime, data: dict[str, str]) -> None:
        """Request an email; several requests with one id lead to one email."""


class EmailResender:
    def __init__(
        self, context: ResendContext, queue: EmailQueue, clock: Clock, new_id: NewId
    ) -> None:
        self._context = context
        self._queue = queue
        self._clock = clock
        self._new_id = new_id

    def resend(self, user_id: str, order_id: str | None, confirmed: str | None) -> tuple[str, str]:
        """Return the type of the email and the id that confirms it; send it if it is confirmed.

        Raise `NotFound`, `AccountInactive`, or `ValidationFailed` if there is nothing to send.
        """
        type_, data = self._request(user_id, order_id)
        if confirmed is None:
            return type_, self._new_id()
        age = self._clock() - made_at(confirmed)
        if not timedelta() <= age <= MAX_CONFIRMATION_AGE:
            raise ValidationFailed("The id is not from the last hour. Start with a dry run.")
        self._queue.put(confirmed, type_, self._clock(), data)
        return type_, confirmed

    def _request(self, user_id: str, order_id: str | None) -> tuple[str, dict[str, str]]:
        user = self._context.user(user_id)
        if user is None:
            raise NotFound
        if user.status is not UserStatus.ACTIVE:
            raise AccountInactive
        if order_id is None:
            if user.email_verified:
                raise ValidationFailed("The email address is already verified.")
            return VERIFICATION_REQUESTED, {"userId": user_id}
        order = self._context.order(user_id, order_id)
        if order is None:
            raise NotFound
        # The two types of emails about orders: see MailService.
        cancelled = order.status is OrderStatus.CANCELLED
        type_ = "order.cancelled" if cancelled else "order.placed"
        return type_, {"userId": user_id, "orderId": order_id}
