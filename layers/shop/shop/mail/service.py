"""The rules of email: the recipient and the email of each notification, sent once."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from shop.caller import Role
from shop.clock import Clock
from shop.deadline import RESPONSE_MARGIN
from shop.email_queue import (
    PERSONAL_DATA_EXPORTED,
    RESET_REQUESTED,
    SECOND_FACTOR_CHANGED,
    VERIFICATION_REQUESTED,
    WEBHOOK_DISABLED,
)
from shop.identity.accounts.models import UserStatus
from shop.identity.recovery.models import Purpose
from shop.mail import templates
from shop.mail.models import MAX_EVENT_AGE, EmailMessage, Notification, OutgoingEmail
from shop.mail.schemas import (
    AddressReference,
    DisabledEndpointReference,
    OrderReference,
    SecondFactorReference,
    UpdateReference,
    UserReference,
)
from shop.observability import logger
from shop.orders.models import Order, OrderStatus
from shop.users.models import User

# A slow call of SES and a slow one of DynamoDB. With less time, the function could end between
# sending and recording, and a second email would be sent.
MIN_SEND_SECONDS = 15.0

MAX_ATTEMPTS = 3  # of the steps before sending, in one delivery
_MAX_PAUSE = 0.5  # seconds between attempts, before jitter
_ALREADY_HANDLED = "no email: already handled"

type SecondsLeft = Callable[[], float]  # of the function's timeout


class EmailRejected(Exception):
    """SES rejects this email permanently."""


class EmailNotAccepted(Exception):
    """SES did not accept the email this time; the message is SES's code, without the address."""


class NotEnoughTime(Exception):
    """The function has too little time left for an email; the queue redelivers the message."""


class DeliveryNotRecorded(Exception):
    """The email was handled, and the delivery log could not be written in time."""


class InProgress(Exception):
    """Another sandbox holds the lease of this notification, or crashed with it: retry later."""


class EmailContext(Protocol):
    """The current data that emails contain."""

    def user(self, user_id: str) -> User | None: ...

    def owner(self, email: str) -> User | None: ...

    def order(self, user_id: str, order_id: str) -> Order | None: ...


class DeliveryLog(Protocol):
    """The handled notifications, by id."""

    def acquire(self, notification_id: str) -> bool:
        """Take the lease; return False for a handled one. Raise `InProgress` for another lease."""

    def complete(self, notification_id: str, seconds: float) -> None:
        """Record it as handled, with retries for that long; raise `DeliveryNotRecorded`."""

    def release(self, notification_id: str) -> None:
        """End the lease if this sandbox holds it."""


class Limit(Protocol):
    def allows(self, address: str, notification_id: str) -> bool:
        """Count each notification once; return False above the limit of the address."""


class Mailer(Protocol):
    def send(self, address: str, message: EmailMessage, reference: str) -> None:
        """Raise `EmailRejected` for a permanent error, else `EmailNotAccepted`."""


class LinkMaker(Protocol):
    def make(self, user_id: str, email: str, purpose: Purpose) -> str | None:
        """Return a URL that contains a token; None for a deleted user."""


class MailService:
    def __init__(
        self,
        context: EmailContext,
        links: LinkMaker,
        delivery_log: DeliveryLog,
        limit: Limit,
        mailer: Mailer | None,
        clock: Clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Create the service; without a mailer, no email is sent."""
        self._context = context
        self._links = links
        self._delivery_log = delivery_log
        self._limit = limit
        self._mailer = mailer
        self._clock = clock
        self._pause = pause
        self._writers: Mapping[str, Callable[[Notification], OutgoingEmail | None]] = {
            "user.registered": self._welcome,
            "user.updated": self._address_changed,
            "user.password_changed": self._password_changed,
            "order.placed": self._order_placed,
            "order.cancelled": self._order_cancelled,
            VERIFICATION_REQUESTED: self._verification,
            RESET_REQUESTED: self._reset,
            WEBHOOK_DISABLED: self._webhook_disabled,
            PERSONAL_DATA_EXPORTED: self._personal_data_exported,
            SECOND_FACTOR_CHANGED: self._second_factor_changed,
        }

    @property
    def types(self) -> frozenset[str]:
        """The types of the notifications that lead to an email."""
        return frozenset(self._writers)

    def deliver(self, notification: Notification, seconds_left: SecondsLeft) -> str:
        """Write, send and record the email of a notification; return the outcome.

        At least once: a crash between sending and recording sends a second copy, and so does a lost
        response of SES. `InProgress`, `NotEnoughTime` and `EmailNotAccepted` mean that nothing was
        sent.
        """
        if notification.type not in self._writers:
            return "no email: unknown type"
        if self._clock() - notification.time > MAX_EVENT_AGE:
            return "no email: event too old"
        if self._mailer is None:
            return "no email: no sender"
        _require_time(seconds_left)
        try:
            outcome = self._send(notification, self._mailer, seconds_left)
        except BaseException:
            self._delivery_log.release(notification.id)
            raise
        if outcome != _ALREADY_HANDLED:
            self._record(notification, seconds_left)
        return outcome

    def _send(self, notification: Notification, mailer: Mailer, seconds_left: SecondsLeft) -> str:
        email = self._prepare_with_retries(notification)
        if isinstance(email, str):
            return email
        _require_time(seconds_left)
        try:
            mailer.send(email.address, email.message, notification.id)
        except EmailRejected as rejected:
            # The reason of SES may contain the address; its code does not.
            logger().error("email rejected", id=notification.id, code=str(rejected))
            return "no email: rejected"
        return "email sent"

    def _prepare_with_retries(self, notification: Notification) -> OutgoingEmail | str:
        """Retry beyond the SDK, whose retry quota is exhausted by a database that fails often."""
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return self._prepare(notification)
            except InProgress:
                raise
            except Exception:
                self._pause(random.uniform(0, _MAX_PAUSE))
        return self._prepare(notification)

    def _prepare(self, notification: Notification) -> OutgoingEmail | str:
        """Take the lease and write the email, or return why there is none. May be repeated."""
        if not self._delivery_log.acquire(notification.id):
            return _ALREADY_HANDLED
        email = self._writers[notification.type](notification)
        if email is None:
            return "no email: no recipient"
        if email.is_limited and not self._limit.allows(
            email.address + email.limit, notification.id
        ):
            return "no email: limit of an unverified address"
        return email

    def _record(self, notification: Notification, seconds_left: SecondsLeft) -> None:
        try:
            self._delivery_log.complete(notification.id, seconds_left() - RESPONSE_MARGIN)
        except DeliveryNotRecorded:
            # Not reported as failed: the message would be redelivered, and the email sent again.
            logger().exception("email not recorded", id=notification.id)

    def _welcome(self, notification: Notification) -> OutgoingEmail | None:
        user = self._user(notification)
        if user is None:
            return None
        link = None if user.email_verified else self._link(user, Purpose.VERIFICATION)
        return _to(user, templates.welcome(_name_of(user), link))

    def _verification(self, notification: Notification) -> OutgoingEmail | None:
        user = self._user(notification)
        if user is None or user.email_verified:
            return None
        link = self._link(user, Purpose.VERIFICATION)
        return _to(user, templates.verification(_name_of(user), link)) if link else None

    def _reset(self, notification: Notification) -> OutgoingEmail | None:
        """Write the reset email of an active user.

        Not limited here: requests are limited by address when they are made.
        """
        user = self._context.owner(AddressReference.model_validate(notification.data).email)
        if user is None or user.status is not UserStatus.ACTIVE:
            return None
        link = self._link(user, Purpose.RESET)
        if link is None:
            return None
        return OutgoingEmail(user.email, templates.reset(_name_of(user), link), is_limited=False)

    def _address_changed(self, notification: Notification) -> OutgoingEmail | None:
        """Write the notification to the former address.

        Always limited: it is unknown whether a former address was verified.
        """
        reference = UpdateReference.model_validate(notification.data)
        user = self._user(notification) if "email" in reference.changed else None
        if user is None:
            return None
        former = next((it for it in user.former_emails if it.version == reference.version), None)
        return (
            OutgoingEmail(former.email, templates.address_changed(), is_limited=True)
            if former
            else None
        )

    def _password_changed(self, notification: Notification) -> OutgoingEmail | None:
        user = self._user(notification)
        return _to(user, templates.password_changed(_name_of(user))) if user else None

    def _order_placed(self, notification: Notification) -> OutgoingEmail | None:
        """Write the confirmation of an order.

        Return None for a cancelled order: its cancellation email may have been sent first.
        """
        user, order = self._user(notification), self._order(notification)
        if user is None or order is None or order.status is OrderStatus.CANCELLED:
            return None
        return _to(user, templates.order_placed(_name_of(user), order))

    def _order_cancelled(self, notification: Notification) -> OutgoingEmail | None:
        user, order = self._user(notification), self._order(notification)
        if user is None or order is None:
            return None
        return _to(user, templates.order_cancelled(_name_of(user), order))

    def _webhook_disabled(self, notification: Notification) -> OutgoingEmail | None:
        """Write to the admin who created the endpoint; return None for a former admin."""
        reference = DisabledEndpointReference.model_validate(notification.data)
        user = self._user(notification)
        if user is None or user.role is not Role.ADMIN:
            return None
        is_gone = reference.reason == "gone"
        return _to(user, templates.webhook_disabled(_name_of(user), reference.host, is_gone))

    def _personal_data_exported(self, notification: Notification) -> OutgoingEmail | None:
        """Write the notice of an export, also to an inactive user.

        Not limited: a thief could use up the limit before the export, and one a day is sent.
        """
        user = self._context.user(UserReference.model_validate(notification.data).user_id)
        if user is None:
            return None
        message = templates.personal_data_exported(_name_of(user))
        return OutgoingEmail(user.email, message, is_limited=False)

    def _second_factor_changed(self, notification: Notification) -> OutgoingEmail | None:
        """Write the notice of a change of an authenticator, also to an inactive user.

        It has a limit of its own: a thief could use up that of other emails before the change.
        """
        reference = SecondFactorReference.model_validate(notification.data)
        user = self._context.user(reference.user_id)
        if user is None:
            return None
        message = templates.second_factor_changed(_name_of(user), reference.kind, reference.change)
        return _to(user, message)._replace(limit=" security")

    def _link(self, user: User, purpose: Purpose) -> str | None:
        return self._links.make(user.id, user.email, purpose)

    def _user(self, notification: Notification) -> User | None:
        """Return the user; None for a deleted or an inactive one."""
        user = self._context.user(UserReference.model_validate(notification.data).user_id)
        return user if user and user.status is UserStatus.ACTIVE else None

    def _order(self, notification: Notification) -> Order | None:
        reference = OrderReference.model_validate(notification.data)
        return self._context.order(reference.user_id, reference.order_id)


def _require_time(seconds_left: SecondsLeft) -> None:
    if seconds_left() < MIN_SEND_SECONDS:
        raise NotEnoughTime


def _to(user: User, message: EmailMessage) -> OutgoingEmail:
    return OutgoingEmail(user.email, message, is_limited=not user.email_verified)


def _name_of(user: User) -> str | None:
    """Return the name; None for an unverified address.

    Otherwise a stranger could receive text that somebody else chose.
    """
    return user.name if user.email_verified else None
