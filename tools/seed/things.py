"""The things themselves: each follows from its number alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from shop.caller import Role
from shop.identifiers import id_of
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.products.models import Product, ProductStatus
from shop.users.models import User

_BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
_BETWEEN = timedelta(seconds=37)  # two things of a kind, so that a million spans 14 months
_NAMES = (
    ("Ada Grace Alan Edsger Barbara Katherine Dennis Margaret", "Lovelace Hopper Turing Liskov"),
    ("Zoë André Jürgen Søren Nuñez Łukasz Ağa Þóra", "Müller Ångström Çelik Dvořák Ørsted"),
    ("Анна Иван Ольга Дмитрий Софья", "Иванова Петров Ковалевская Чебышёв"),
    ("Ελένη Γιώργος Μαρία Υπατία", "Παπαδοπούλου Νικολάου Αρχιμήδης"),
    ("美咲 翔太 陽菜 大輔", "佐藤 鈴木 高橋 田中"),
    ("伟 芳 秀英 敏", "王 李 张 刘"),
    ("فاطمة محمد ليلى عمر", "الخوارزمي حسن العلي"),
    ("आर्या रोहन प्रिया अमित", "शर्मा पटेल सिंह"),
    ("지우 민준 서연", "김 이 박 최"),
)
_SHARES = (50, 15, 10, 5, 5, 5, 4, 3, 3)  # of a hundred names
_DOMAINS = ("gmail.com", "outlook.com", "example.com", "analytical.example", "mill.example")
_PRODUCTS = (
    *("Pear", "Apple", "Quince", "Medlar", "Teapot", "Kettle", "Grinder", "Cup"),
    *("Honey", "Sugar", "Biscuits", "Coffee"),
)


def user(number: int) -> User:
    chance = Random(f"user {number}")
    first, last = chance.choices(_NAMES, _SHARES)[0]
    status = chance.choices([*UserStatus], (9, 1))[0]
    made_at = _moment(number, chance)
    return User(
        id=_id(made_at, chance),
        email=f"{chance.choice('abcdefghijklmnopqrstuvwxyz')}{number}@{chance.choice(_DOMAINS)}",
        name=f"{chance.choice(first.split())} {chance.choice(last.split())}",
        status=status,
        role=Role.CUSTOMER,
        email_verified=False,
        created_at=made_at,
        updated_at=made_at,
        version=1,
    )


def product(number: int) -> Product:
    chance = Random(f"product {number}")
    made_at = _moment(number, chance)
    return Product(
        id=_id(made_at, chance),
        sku=f"SEED-{number:06}",
        name=f"{chance.choice(_PRODUCTS)}, number {number}",
        price=Money(Decimal(chance.randint(50, 50_000)) / 100, "EUR"),
        stock=chance.choice([None, 1_000_000]),
        status=chance.choices([*ProductStatus], (9, 1))[0],
        created_at=made_at,
        updated_at=made_at,
        version=1,
    )


def order(number: int, users: int, products: Sequence[Product]) -> Order:
    """Of one of so many users, and of one to three of these products."""
    chance = Random(f"order {number}")
    buyer = user(chance.randrange(users))
    bought = chance.sample(products, min(len(products), chance.randint(1, 3)))
    lines = []
    for each in bought:
        quantity = chance.randint(1, 5)
        taken = 0 if each.stock is None else quantity
        lines.append(OrderLine(each.id, each.sku, each.name, each.price, quantity, taken))
    made_at = max(_moment(number, chance), buyer.created_at)
    return Order(
        id=_id(made_at, chance),
        user_id=buyer.id,
        status=chance.choices([*OrderStatus], (2, 1, 6, 1))[0],
        total=Money(sum((line.total.amount for line in lines), Decimal(0)), "EUR"),
        lines=lines,
        note=None,
        created_at=made_at,
        updated_at=made_at,
        version=1,
    )


def _moment(number: int, chance: Random) -> datetime:
    return _BEGINNING + number * _BETWEEN + timedelta(milliseconds=chance.randrange(30_000))


def _id(moment: datetime, chance: Random) -> str:
    return id_of(round(moment.timestamp() * 1000), chance.getrandbits(74))
