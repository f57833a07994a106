"""The rules of a mail that an operator has sent again."""

from datetime import datetime, timedelta
from typing import Protocol

from shop.clock import Clock
from shop.email_queue import VERIFICATION_REQUESTED
from shop.errors import AccountInactive, NotFound, ValidationFailed
from shop.identifiers import NewId, made_at
from shop.identity.accounts.models import UserStatus
from shop.orders.models import Order, OrderStatus
from shop.users.models import User

CONFIRMED_WITHIN = timedelta(hours=1)  # far shorter than a mail's mark is kept


class EmailContext(Protocol):
    def user(self, user_id: str) -> User | None: ...

    def order(self, user_id: str, order_id: str) -> Order | None: ...


class Wishes(Protocol):
    def put(self, id_: str, type_: str, time: datetime, data: dict[str, str]) -> None:
        """Has somebody write a mail, soon; of those with one id, one."""


class EmailResender:
    def __init__(self, archive: EmailContext, wishes: Wishes, clock: Clock, new_id: NewId) -> None:
        self._archive = archive
        self._wishes = wishes
        self._clock = clock
        self._new_id = new_id

    def resend(self, user_id: str, order_id: str | None, confirmed: str | None) -> tuple[str, str]:
        """What kind of mail it is, and the id to confirm it with, with which it is sent.

        Raises `NotFound`, `AccountInactive`, or `ValidationFailed` where there is nothing to send.
        """
        type_, data = self._wish(user_id, order_id)
        if confirmed is None:
            return type_, self._new_id()
        age = self._clock() - made_at(confirmed)
        if not timedelta() <= age <= CONFIRMED_WITHIN:
            raise ValidationFailed("This is no id of the last hour. Begin with a dry run.")
        self._wishes.put(confirmed, type_, self._clock(), data)
        return type_, confirmed

    def _wish(self, user_id: str, order_id: str | None) -> tuple[str, dict[str, str]]:
        user = self._archive.user(user_id)
        if user is None:
            raise NotFound
        if user.status is not UserStatus.ACTIVE:
            raise AccountInactive
        if order_id is None:
            if user.email_verified:
                raise ValidationFailed("The address is verified already.")
            return VERIFICATION_REQUESTED, {"userId": user_id}
        order = self._archive.order(user_id, order_id)
        if order is None:
            raise NotFound
        # The two that orders are written of: see MailService.
        cancelled = order.status is OrderStatus.CANCELLED
        type_ = "order.cancelled" if cancelled else "order.placed"
        return type_, {"userId": user_id, "orderId": order_id}
