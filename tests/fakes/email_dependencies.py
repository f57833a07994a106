"""Email context, delivery log and mailer in memory, and the user and order of the emails."""

from decimal import Decimal

from shop.caller import Role
from shop.identity.accounts.models import UserStatus
from shop.identity.recovery.models import Purpose
from shop.mail.models import EmailMessage
from shop.mail.service import (
    DeliveryNotRecorded,
    InProgress,
)
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.users.models import User
from tests.support.fixtures import ALICE, NOON

USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)


PRICE = Money(Decimal("4.90"), "EUR")


ORDER = Order(
    "order",
    ALICE.id,
    OrderStatus.PENDING,
    PRICE,
    [OrderLine("p", "PEAR", "Pear", PRICE, 1, 1)],
    None,
    NOON,
    NOON,
    1,
)


class FakeEmailDependencies:
    """Email context, delivery log and mailer in memory; the next sends raise `trouble`."""

    def __init__(self, *trouble: Exception) -> None:
        self.known: User | None = USER
        self.placed: Order | None = ORDER
        self.trouble = list(trouble)
        self.sent: list[tuple[str, EmailMessage, str]] = []
        self.made: list[Purpose] = []
        self.claimed: set[str] = set()
        self.elsewhere: set[str] = set()  # leased by another sandbox
        self.finished: set[str] = set()
        self.failing = 0  # number of reads that fail next
        self.counted: list[tuple[str, str]] = []
        self.most = 100
        self.seconds = 30.0
        self.slow = 0.0  # seconds per read
        self.marks_fail = False
        self.given = 0.0  # seconds left at the last mark

    def seconds_left(self) -> float:
        return self.seconds

    def user(self, user_id: str) -> User | None:
        self.seconds -= self.slow
        if self.failing:
            self.failing -= 1
            raise TimeoutError("table")
        return self.known

    def owner(self, email: str) -> User | None:
        return self.known if self.known and self.known.email == email else None

    def order(self, user_id: str, order_id: str) -> Order | None:
        return self.placed

    def make(self, user_id: str, email: str, purpose: Purpose) -> str | None:
        self.made.append(purpose)
        return f"https://shop.example/recovery#{purpose}=token"

    def acquire(self, notification_id: str) -> bool:
        if notification_id in self.finished:
            return False
        if notification_id in self.elsewhere:
            raise InProgress
        self.claimed.add(notification_id)
        return True

    def complete(self, notification_id: str, seconds: float) -> None:
        self.given = seconds
        if self.marks_fail:
            raise DeliveryNotRecorded from ConnectionError("table")
        self.finished.add(notification_id)

    def release(self, notification_id: str) -> None:
        if notification_id not in self.elsewhere:
            self.claimed.discard(notification_id)

    def allows(self, address: str, notification_id: str) -> bool:
        self.counted.append((address, notification_id))
        return len(self.counted) <= self.most

    def send(self, address: str, message: EmailMessage, reference: str) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.sent.append((address, message, reference))
