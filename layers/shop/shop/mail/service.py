"""The rules of mail: who is written what, once, and what is not worth a mail any more."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from shop.clock import Clock
from shop.deadline import RESPONSE_MARGIN
from shop.email_queue import RESET_REQUESTED, VERIFICATION_REQUESTED
from shop.identity.accounts.models import UserStatus
from shop.identity.recovery.models import Purpose
from shop.mail import templates
from shop.mail.models import NEWS_FOR, EmailMessage, Mail, Notification
from shop.mail.schemas import AboutOrder, AboutUpdate, AboutUser, ToAddress
from shop.observability import logger
from shop.orders.models import Order, OrderStatus
from shop.users.models import User

# Seconds for a slow call of SES and a slow one of DynamoDB. With less, the function could end
# between sending and marking, and a second email would be sent.
TO_SEND_AND_MARK = 15.0

MAX_TRIES = 3  # of what precedes sending, in one delivery
_MAX_PAUSE = 0.5  # seconds between them, before jitter
_DONE_BEFORE = "no mail: done before"

type SecondsLeft = Callable[[], float]  # of the function's timeout


class Refused(Exception):
    """The mail service will not take this mail, however often it is asked."""


class NotTaken(Exception):
    """The mail service did not take the mail this time; it says why by a code, and no address."""


class TooLate(Exception):
    """Too little of the function's time is left for an email; the queue redelivers the message."""


class NotMarked(Exception):
    """The email was handled, and its mark could not be written in time."""


class InProgress(Exception):
    """Another sandbox is at this very notice, or died at it: it is to be tried again later."""


class EmailContext(Protocol):
    """What mail reads when it writes, so that it tells of the present."""

    def user(self, user_id: str) -> User | None: ...

    def owner(self, email: str) -> User | None: ...

    def order(self, user_id: str, order_id: str) -> Order | None: ...


class DeliveryLog(Protocol):
    """Which notices are done, by their ids."""

    def claim(self, notice_id: str) -> bool:
        """False if it is done; raises `InProgress` while another sandbox's claim lasts."""

    def finish(self, notice_id: str, seconds: float) -> None:
        """Retries for as long as that; raises `NotMarked`."""

    def release(self, notice_id: str) -> None:
        """Ends the claim if it is this sandbox's."""


class Limit(Protocol):
    def admits(self, address: str, notice_id: str) -> bool:
        """Counts a notice once, however often it comes; False if the address has had its most."""


class Mailer(Protocol):
    def send(self, address: str, letter: EmailMessage, reference: str) -> None:
        """Raises `Refused` where trying again is in vain, and else `NotTaken`."""


class LinkMaker(Protocol):
    def make(self, user_id: str, email: str, purpose: Purpose) -> str | None:
        """An address of the web with a token in it; None if the user is gone."""


class MailService:
    def __init__(
        self,
        archive: EmailContext,
        links: LinkMaker,
        marks: DeliveryLog,
        limit: Limit,
        postbox: Mailer | None,
        clock: Clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Without a postbox no mail is sent."""
        self._archive = archive
        self._links = links
        self._marks = marks
        self._limit = limit
        self._postbox = postbox
        self._clock = clock
        self._pause = pause
        self._writers: Mapping[str, Callable[[Notification], Mail | None]] = {
            "user.registered": self._welcome,
            "user.updated": self._address_changed,
            "user.password_changed": self._password_changed,
            "order.placed": self._order_placed,
            "order.cancelled": self._order_cancelled,
            VERIFICATION_REQUESTED: self._verification,
            RESET_REQUESTED: self._reset,
        }

    @property
    def types(self) -> frozenset[str]:
        """Of the notices that somebody is written of."""
        return frozenset(self._writers)

    def deliver(self, notice: Notification, seconds_left: SecondsLeft) -> str:
        """Write, send and mark the email that the notice calls for; return the outcome.

        At least once: a crash between sending and marking sends a second copy, and so does a lost
        response of SES. Raises `InProgress`, `TooLate` or `NotTaken`, after which nothing was sent.
        """
        if notice.type not in self._writers:
            return "no mail: no such type"
        if self._clock() - notice.time > NEWS_FOR:
            return "no mail: too old"
        if self._postbox is None:
            return "no mail: no sender"
        _require_time(seconds_left)
        try:
            outcome = self._send(notice, self._postbox, seconds_left)
        except BaseException:
            self._marks.release(notice.id)
            raise
        if outcome != _DONE_BEFORE:
            self._mark(notice, seconds_left)
        return outcome

    def _send(self, notice: Notification, postbox: Mailer, seconds_left: SecondsLeft) -> str:
        mail = self._prepare_patiently(notice)
        if isinstance(mail, str):
            return mail
        _require_time(seconds_left)
        try:
            postbox.send(mail.address, mail.letter, notice.id)
        except Refused as refused:
            # What SES says besides its code may name the address.
            logger().error("mail refused", id=notice.id, code=str(refused))
            return "no mail: refused"
        return "mail sent"

    def _prepare_patiently(self, notice: Notification) -> Mail | str:
        """Beyond the SDK's retries, whose quota is used up by a database that fails often."""
        for _ in range(MAX_TRIES - 1):
            try:
                return self._prepare(notice)
            except InProgress:
                raise
            except Exception:
                self._pause(random.uniform(0, _MAX_PAUSE))
        return self._prepare(notice)

    def _prepare(self, notice: Notification) -> Mail | str:
        """Claim the notice and write its email, or return why there is none. May be repeated."""
        if not self._marks.claim(notice.id):
            return _DONE_BEFORE
        mail = self._writers[notice.type](notice)
        if mail is None:
            return "no mail: nobody to tell"
        if mail.is_limited and not self._limit.admits(mail.address, notice.id):
            return "no mail: too many to an unverified address"
        return mail

    def _mark(self, notice: Notification, seconds_left: SecondsLeft) -> None:
        try:
            self._marks.finish(notice.id, seconds_left() - RESPONSE_MARGIN)
        except NotMarked:
            # Not reported as failed: the message would be redelivered, and the email sent again.
            logger().exception("mail not marked", id=notice.id)

    def _welcome(self, notice: Notification) -> Mail | None:
        user = self._user(notice)
        if user is None:
            return None
        link = None if user.email_verified else self._link(user, Purpose.VERIFICATION)
        return _to(user, templates.welcome(_name_of(user), link))

    def _verification(self, notice: Notification) -> Mail | None:
        user = self._user(notice)
        if user is None or user.email_verified:
            return None
        link = self._link(user, Purpose.VERIFICATION)
        return _to(user, templates.verification(_name_of(user), link)) if link else None

    def _reset(self, notice: Notification) -> Mail | None:
        """Not limited here: wishes for it are counted by address when they are wished."""
        user = self._archive.owner(ToAddress.model_validate(notice.data).email)
        if user is None or user.status is not UserStatus.ACTIVE:
            return None
        link = self._link(user, Purpose.RESET)
        if link is None:
            return None
        return Mail(user.email, templates.reset(_name_of(user), link), is_limited=False)

    def _address_changed(self, notice: Notification) -> Mail | None:
        """Always limited: whether a former address was verified is not remembered."""
        about = AboutUpdate.model_validate(notice.data)
        user = self._user(notice) if "email" in about.changed else None
        if user is None:
            return None
        former = next((it for it in user.former_emails if it.version == about.version), None)
        return Mail(former.email, templates.address_changed(), is_limited=True) if former else None

    def _password_changed(self, notice: Notification) -> Mail | None:
        user = self._user(notice)
        return _to(user, templates.password_changed(_name_of(user))) if user else None

    def _order_placed(self, notice: Notification) -> Mail | None:
        """Not where it has been cancelled meanwhile: that mail may have been faster."""
        user, order = self._user(notice), self._order(notice)
        if user is None or order is None or order.status is OrderStatus.CANCELLED:
            return None
        return _to(user, templates.order_placed(_name_of(user), order))

    def _order_cancelled(self, notice: Notification) -> Mail | None:
        user, order = self._user(notice), self._order(notice)
        if user is None or order is None:
            return None
        return _to(user, templates.order_cancelled(_name_of(user), order))

    def _link(self, user: User, purpose: Purpose) -> str | None:
        return self._links.make(user.id, user.email, purpose)

    def _user(self, notice: Notification) -> User | None:
        """None if there is nobody any more, or nobody who may log in."""
        user = self._archive.user(AboutUser.model_validate(notice.data).user_id)
        return user if user and user.status is UserStatus.ACTIVE else None

    def _order(self, notice: Notification) -> Order | None:
        about = AboutOrder.model_validate(notice.data)
        return self._archive.order(about.user_id, about.order_id)


def _require_time(seconds_left: SecondsLeft) -> None:
    if seconds_left() < TO_SEND_AND_MARK:
        raise TooLate


def _to(user: User, letter: EmailMessage) -> Mail:
    return Mail(user.email, letter, is_limited=not user.email_verified)


def _name_of(user: User) -> str | None:
    """None while the address may be a stranger's, and the name what somebody wants to tell them."""
    return user.name if user.email_verified else None
