"""Seed users, products and orders, each derived from its number alone."""

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

_START = datetime(2024, 1, 1, tzinfo=UTC)
_INTERVAL = timedelta(seconds=37)  # between two items of a kind: a million spans 14 months
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
_SHARES = (50, 15, 10, 5, 5, 5, 4, 3, 3)  # percent of the names
_DOMAINS = ("gmail.com", "outlook.com", "example.com", "analytical.example", "mill.example")
_PRODUCTS = (
    *("Pear", "Apple", "Quince", "Medlar", "Teapot", "Kettle", "Grinder", "Cup"),
    *("Honey", "Sugar", "Biscuits", "Coffee"),
)


def user(number: int) -> User:
    random = Random(f"user {number}")
    first, last = random.choices(_NAMES, _SHARES)[0]
    status = random.choices([*UserStatus], (9, 1))[0]
    made_at = _moment(number, random)
    return User(
        id=_id(made_at, random),
        email=f"{random.choice('abcdefghijklmnopqrstuvwxyz')}{number}@{random.choice(_DOMAINS)}",
        name=f"{random.choice(first.split())} {random.choice(last.split())}",
        status=status,
        role=Role.CUSTOMER,
        email_verified=False,
        created_at=made_at,
        updated_at=made_at,
        version=1,
    )


def product(number: int) -> Product:
    random = Random(f"product {number}")
    made_at = _moment(number, random)
    return Product(
        id=_id(made_at, random),
        sku=f"SEED-{number:06}",
        name=f"{random.choice(_PRODUCTS)}, number {number}",
        price=Money(Decimal(random.randint(50, 50_000)) / 100, "EUR"),
        stock=random.choice([None, 1_000_000]),
        status=random.choices([*ProductStatus], (9, 1))[0],
        created_at=made_at,
        updated_at=made_at,
        version=1,
    )


def order(number: int, users: int, products: Sequence[Product]) -> Order:
    """Return an order of one of `users` users, with one to three of these products."""
    random = Random(f"order {number}")
    buyer = user(random.randrange(users))
    chosen = random.sample(products, min(len(products), random.randint(1, 3)))
    lines = []
    for each in chosen:
        quantity = random.randint(1, 5)
        reserved = 0 if each.stock is None else quantity
        lines.append(OrderLine(each.id, each.sku, each.name, each.price, quantity, reserved))
    made_at = max(_moment(number, random), buyer.created_at)
    return Order(
        id=_id(made_at, random),
        user_id=buyer.id,
        status=random.choices([*OrderStatus], (2, 1, 6, 1))[0],
        total=Money(sum((line.total.amount for line in lines), Decimal(0)), "EUR"),
        lines=lines,
        note=None,
        created_at=made_at,
        updated_at=made_at,
        version=1,
    )


def _moment(number: int, random: Random) -> datetime:
    return _START + number * _INTERVAL + timedelta(milliseconds=random.randrange(30_000))


def _id(moment: datetime, random: Random) -> str:
    return id_of(round(moment.timestamp() * 1000), random.getrandbits(74))
