"""The items that the events in events/ refer to: user, session, product, order, links and keys."""

from decimal import Decimal

from shop.caller import Role
from shop.clock import now
from shop.identity.accounts.models import UserStatus
from shop.identity.keys.key_store import key_store
from shop.identity.login_attempts.service import login_attempt
from shop.identity.passwords import hash_password
from shop.identity.recovery.models import Purpose, RecoveryToken
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.recovery.tokens import digest_of
from shop.identity.sessions.models import IDLE_LIFETIME, Session
from shop.identity.sessions.refresh_tokens import RefreshToken
from shop.identity.sessions.repository import SessionRepository
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.fixtures import NOON, PASSWORD

_USER = "0190a6b2-7c9e-7b1a-8f00-0000000000a1"
_ADMIN = "0190a6b2-7c9e-7b1a-8f00-0000000000ad"
_SESSION = "0190a6b2-7c9e-7b1a-9f00-0000000000a1"
_PRODUCT = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"
_ORDER = "0190a6b2-7c9e-7b1a-8f00-0000000000c1"


def add_examples() -> None:
    price = Money(Decimal("4.90"), "EUR")
    user = User(
        _USER, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
    )
    admin = User(
        _ADMIN, "alan@example.com", "Root", UserStatus.ACTIVE, Role.ADMIN, True, NOON, NOON, 1
    )
    product = Product(_PRODUCT, "PEAR", "Pears", price, 10, ProductStatus.ACTIVE, NOON, NOON, 1)
    line = OrderLine(_PRODUCT, "PEAR", "Pears", price, 1, 1)
    order = Order(_ORDER, _USER, OrderStatus.PENDING, price, [line], None, NOON, NOON, 1)
    refresh = RefreshToken(_USER, _SESSION, b"f" * 16, b"s" * 32).digests()
    end = now() + IDLE_LIFETIME
    session = Session(_USER, _SESSION, 1, refresh, now(), now(), end, end, "a browser", "192.0.2.1")
    password_hash = hash_password(PASSWORD)
    UserRepository().add(user, password_hash)
    UserRepository().add(admin, password_hash)
    attempt = login_attempt(user.email, "192.0.2.1").opened(NOON)
    SessionRepository().begin(session, user.email, password_hash, None, attempt)
    ProductRepository().add(product, None)
    OrderRepository().add(order, None)
    key_store().create_if_absent()
    for purpose in Purpose:
        digest = digest_of(f"{purpose}-".ljust(43, "x"))
        RecoveryRepository().add(RecoveryToken(digest, purpose, _USER, user.email, 1, end))
