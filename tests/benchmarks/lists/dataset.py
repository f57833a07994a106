"""Users, products and orders that are equal in every run, for any number.

Their sizes do not depend on their number, or a larger table would seem more expensive for it. The
matches of rare search terms are among the first thousand.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from shop.caller import Role
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.products.models import Product, ProductStatus
from shop.users.models import User

RARE, FIVE_HUNDRED, SHARE, DOMAIN = "quixote", "zbigniew", "anna", "gmail.com"

_FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_GIVEN = (
    *("Ada", "Anna", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines"),
    *("Jonas", "Keiko", "Louis", "Marta", "Nadia", "Oskar", "Petra", "Rania", "Selma", "Tomás"),
    *("Ursula", "Viktor", "Wanda", "Yusuf", "Zoë", "Łukasz", "Ömer", "Björn", "Σοφία", "Иван"),
    *("王芳", "さくら", "Maria"),
)
_FAMILY = (
    *("Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Horvat", "Ivanova"),
    *("Jensen", "Kowalski", "Lovelace", "Moreau", "Novak", "Okafor", "Papadaki", "Rossi", "Silva"),
    *("Tanaka", "Ulrich", "Vasquez", "Weber", "Yılmaz", "Zimmermann", "O'Brien", "Schröder"),
)
_DOMAINS = ("gmail.com",) * 6 + ("outlook.com", "posteo.de", "uni.edu", "shop.org")


def user(number: int) -> User:
    draw = Random(number)
    given, family = draw.choice(_GIVEN), draw.choice(_FAMILY)
    if number < 1_000 and number % 2:
        given = "Zbigniew"
    if number == 500:
        family = "Quixote"
    initial = family[0].lower()
    at = _FIRST_DAY + timedelta(minutes=5 * number)
    return User(
        id=_id(at, draw),
        email=f"{initial}{number:06}@{draw.choice(_DOMAINS)}",
        name=f"{given} {family}",
        status=UserStatus.ACTIVE if draw.random() < 0.8 else UserStatus.INACTIVE,
        role=Role.CUSTOMER,
        email_verified=True,
        created_at=at,
        updated_at=at,
        version=1,
    )


def product(number: int) -> Product:
    draw = Random(f"product {number}")
    at = _FIRST_DAY + timedelta(minutes=5 * number)
    return Product(
        id=_id(at, draw),
        sku=f"SKU-{number:06}",
        name=f"{draw.choice(_FAMILY)} lamp {number:06}",
        price=Money(Decimal(draw.randrange(100, 100_000)) / 100, "EUR"),
        stock=1_000,
        status=ProductStatus.ACTIVE,
        created_at=at,
        updated_at=at,
        version=1,
    )


def order(number: int, buyer: str, lines: int = 2, status: OrderStatus | None = None) -> Order:
    draw = Random(f"order {number}")
    at = _FIRST_DAY + timedelta(minutes=5 * number)
    products = [product(it) for it in draw.sample(range(1_000), lines)]
    ordered = [OrderLine(it.id, it.sku, it.name, it.price, 1, 1) for it in products]
    return Order(
        id=_id(at, draw),
        user_id=buyer,
        status=status or draw.choice([*OrderStatus]),
        total=Money.total(line.total for line in ordered),
        lines=ordered,
        note=None,
        created_at=at,
        updated_at=at,
        version=1,
    )


def users(first: int, end: int) -> Iterator[User]:
    return map(user, range(first, end))


def _id(at: datetime, draw: Random) -> str:
    value = int(at.timestamp() * 1000) << 80 | 0x7 << 76 | draw.getrandbits(12) << 64
    digits = f"{value | 0b10 << 62 | draw.getrandbits(62):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
