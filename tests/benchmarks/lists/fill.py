"""Fill the tables with the repositories' items, and the projections with the projector's.

Credentials, account states and SKU guards are omitted: no list reads them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import Any

from shop.clients import dynamodb
from shop.clock import now
from shop.dynamo import tables, totals, transactions
from shop.dynamo.codec import Item, encode
from shop.orders import repository as orders
from shop.orders.models import Order
from shop.products import repository as products
from shop.products.models import Product
from shop.projections.dependencies import projections
from shop.projections.models import SEARCH_WRITES_START_WITHIN, Entity, Kind, State
from shop.projections.repository import ProjectionRepository
from shop.projections.service import MAX_ENTITIES
from shop.search import grams_of, texts_of
from shop.users import repository as users
from shop.users.models import User

_THREADS = 4  # DynamoDB Local writes sequentially: more threads only help Python's share


def add_users(added: Iterable[User]) -> None:
    _put(tables.users(), map(users.user_to_item, added))


def add_products(added: Iterable[Product]) -> None:
    _put(tables.products(), map(products.product_to_item, added))


def add_orders(added: Iterable[Order]) -> None:
    _put(tables.orders(), map(orders.order_to_item, added))


def project(kind: Kind, ids: Iterable[str]) -> None:
    """Write the projected rows, as the projector would from the stream."""

    def chunk(part: Sequence[str]) -> None:
        failed = projections().project(Entity(kind, it) for it in part)
        if failed:
            raise ExceptionGroup("not projected", [*failed.values()])

    _in_parallel(chunk, batched(ids, MAX_ENTITIES, strict=False))


def project_partly(added: Sequence[User], grams: frozenset[str]) -> None:
    """Write the totals and every row under these trigrams; no row under any other.

    A query is billed by the rows of its one partition, so queries of these partitions cost the same
    as in a full table. 100,000 users take one minute instead of ten.
    """

    def search_rows(user: User) -> None:
        state = State(user.version, user.status, texts_of(user.name, user.email))
        if found := grams_of(state.texts) & grams:
            entity, before = Entity(Kind.USERS, user.id), now() + SEARCH_WRITES_START_WITHIN
            ProjectionRepository().write_search(entity, state, found, (), before)

    _in_parallel(search_rows, added)
    count(Kind.USERS, Counter(user.status.value for user in added))


def count(kind: Kind, by_status: Counter[str]) -> None:
    transactions.write({"totals": totals.add(kind, by_status)})


def _put(table: str, items: Iterable[Item]) -> None:
    def put(part: Sequence[Item]) -> None:
        requests: list[Any] = [{"PutRequest": {"Item": encode(item)}} for item in part]
        response = dynamodb().batch_write_item(RequestItems={table: requests})
        assert not response["UnprocessedItems"]

    _in_parallel(put, batched(items, 25, strict=False))


def _in_parallel[T](work: Callable[[T], None], parts: Iterable[T]) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, parts):
            pass
