"""Reads of lists at each size, through the services of the API."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any  # Any: listed items have several types

from shop.config import setting
from shop.dynamo.sort_keys import amount_key, text_key
from shop.http.list_queries import ListQuery
from shop.identifiers import ID_LENGTH
from shop.identity.accounts.models import UserStatus
from shop.orders.dependencies import order_service
from shop.orders.models import Order, OrderStatus
from shop.orders.requests import AllOrdersQuery, OrderListQuery
from shop.pagination import IndexPage, PageResult
from shop.products.dependencies import product_service
from shop.products.models import Product
from shop.products.requests import ProductListQuery
from shop.users.dependencies import user_service
from shop.users.models import User
from shop.users.requests import UserListQuery
from shop.users.search import MAX_GRAMS, MAX_ROWS
from tests.benchmarks.lists import dataset
from tests.benchmarks.lists.meter import Cost, metered_reads
from tests.support.fixtures import ADMIN

LIMIT = 20  # rows per page, the API's default
DEPTH = 1_000  # pages
PAGES = 8  # pages for the mean cost of a cursor, since shards alternate unevenly
COLUMNS = ("page 1", "page 50", "cursor, page 2", "cursor, page 1,000")

# Whether a search costs the same at any size, or more for more matches up to a limit, since it
# counts up to a thousand of them for `total`.
TERMS = {
    dataset.RARE: ("one match", True),
    dataset.FIVE_HUNDRED: ("500 matches", True),
    "nobody": ("no match", True),
    "qj": ("no match, two characters", True),
    dataset.SHARE: ("every 35th user", False),
    dataset.DOMAIN: ("three users in five", False),
    "an": ("two characters of many", False),
}


@dataclass(frozen=True)
class ListRequest:
    """A list in one sort order, or a search."""

    title: str
    name: str  # the binding of its cursors
    query: ListQuery
    positions: Sequence[str]  # of all its rows, in order
    fetch: Callable[[ListQuery], PageResult[Any]]
    grows_to: float | None = None  # units of a search that counts its matches; otherwise constant

    def costs(self) -> dict[str, Cost]:
        """Yield the columns that the list is long enough for."""
        last = (len(self.positions) - 1) // LIMIT  # pages with a successor
        deep = min(DEPTH, last)
        found = {"page 1": self._mean([self.query])}
        if len(self.positions) > 49 * LIMIT:
            found["page 50"] = self._mean([self.query.model_copy(update={"page": 50})])
        if last > PAGES:
            found["cursor, page 2"] = self._mean(map(self._after, range(1, PAGES + 1)))
            found["cursor, page 1,000"] = self._mean(map(self._after, range(deep - PAGES, deep)))
        return found

    def _after(self, pages: int) -> ListQuery:
        position = self._trigram + self.positions[pages * LIMIT - 1]
        cursor = self.query.page_result(
            self.name, IndexPage[object]([], position), None
        ).next_cursor
        return self.query.model_copy(update={"cursor": cursor})

    @cached_property
    def _trigram(self) -> str:
        """Return the part before the id in cursors of a search that reads its own rows."""
        if not self.title.startswith("search"):
            return ""
        cursor = self.fetch(self.query).next_cursor
        after = self.query.model_copy(update={"cursor": cursor}).page_request(self.name).after
        return (after or "")[:-ID_LENGTH]

    def _mean(self, queries: Iterable[ListQuery]) -> Cost:
        requests = list(queries)
        with metered_reads() as cost:
            for query in requests:
                self.fetch(query)
        return Cost(cost.units / len(requests), cost.calls / len(requests))


def of_users(users: Sequence[User]) -> list[ListRequest]:
    keys: dict[str, Callable[[User], str]] = {
        "createdAt": lambda user: user.id,
        "name": lambda user: text_key(user.name, user.id),
        "email": lambda user: text_key(user.email, user.id),
    }
    requests = []
    for sort, key in keys.items():
        for status in (None, *UserStatus):
            positions = sorted(key(user) for user in users if status in (None, user.status))
            for sign in ("", "-"):
                query = UserListQuery(sort=f"{sign}{sort}", status=status)
                ordered = positions[::-1] if sign else positions
                title = f"users, {status or 'all'}, {sign}{sort}"
                requests.append(ListRequest(title, "users", query, ordered, _users))
    return requests


def of_searches(users: Sequence[User], most: float) -> list[ListRequest]:
    """`most` is the maximum cost of a page."""
    requests = []
    for term, (description, is_the_same) in TERMS.items():
        grows_to = None if is_the_same else most
        ids = sorted(user.id for user in users if _holds(user, term))
        for sign in ("", "-"):
            query = UserListQuery(search=term, sort=f"{sign}createdAt")
            ordered = ids[::-1] if sign else ids
            title = f"search {term}: {description}, {sign}createdAt"
            requests.append(ListRequest(title, "users", query, ordered, _users, grows_to))
    return requests


def of_products(products: Sequence[Product]) -> list[ListRequest]:
    keys: dict[str, Callable[[Product], str]] = {
        "createdAt": lambda product: product.id,
        "name": lambda product: text_key(product.name, product.id),
        "price": lambda product: amount_key(product.price.amount, product.id),
    }
    requests = []
    for sort, key in keys.items():
        positions = sorted(map(key, products))
        query = ProductListQuery(sort=sort)
        requests.append(
            ListRequest(f"products, active, {sort}", "products", query, positions, _products)
        )
    return requests


def of_orders(orders: Sequence[Order], buyer: str) -> list[ListRequest]:
    requests = []
    for status in (None, OrderStatus.PENDING):
        everyones = [order for order in orders if status in (None, order.status)]
        ids = sorted((order.id for order in everyones), reverse=True)
        description = status or "all"
        query = AllOrdersQuery(status=status)
        requests.append(
            ListRequest(
                f"orders of everyone, {description}", "orders of everyone", query, ids, _orders
            )
        )
        own = [order for order in everyones if order.user_id == buyer]
        totals = [amount_key(order.total.amount, order.id) for order in own]
        name = f"orders of {buyer}"
        of_user = _OrdersOf(buyer)
        for sort, positions in {"-createdAt": [it.id for it in own], "-total": totals}.items():
            one = OrderListQuery(status=status, sort=sort)
            ordered = sorted(positions, reverse=True)
            requests.append(
                ListRequest(
                    f"orders of one user, {description}, {sort}", name, one, ordered, of_user
                )
            )
    return requests


def max_search_units(user: int, row: int) -> float:
    """Return the maximum units of a search page, by the sizes in bytes of users and their rows."""
    trigrams = (MAX_GRAMS + 1) * ceil(MAX_ROWS * row / 4096) + LIMIT
    # Queries are rounded up, and a small table is counted by its totals.
    walked = ceil(MAX_ROWS * user / 4096) + MAX_ROWS // 20 + int(setting("LIST_SHARDS"))
    return max(trigrams, walked) / 2


def _users(query: ListQuery) -> PageResult[Any]:
    assert isinstance(query, UserListQuery)
    return user_service().list(ADMIN, query)


def _products(query: ListQuery) -> PageResult[Any]:
    assert isinstance(query, ProductListQuery)
    return product_service().list(query)


def _orders(query: ListQuery) -> PageResult[Any]:
    assert isinstance(query, AllOrdersQuery)
    return order_service().list_all(ADMIN, query)


@dataclass(frozen=True)
class _OrdersOf:
    buyer: str

    def __call__(self, query: ListQuery) -> PageResult[Any]:
        assert isinstance(query, OrderListQuery)
        return order_service().list(ADMIN, self.buyer, query)


def _holds(user: User, term: str) -> bool:
    return term in user.name.casefold() or term in user.email
