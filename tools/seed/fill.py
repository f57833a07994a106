"""Write seed items with all rows that the repositories and the projector keep for them."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING, Any  # encoded items have many types

from shop.dynamo import tables, totals, transactions
from shop.dynamo.codec import decode, encode
from shop.identity.accounts.models import AccountState, Credential
from shop.identity.accounts.repository import account_state_to_item, credential_to_item
from shop.identity.passwords import hash_password
from shop.orders.models import Order, OrderStatus
from shop.orders.repository import order_to_item, summary_to_item
from shop.products.repository import product_to_item, sku_to_item
from shop.projections.models import Entity, Kind
from shop.projections.repository import row_to_item, search_attributes, state_of
from shop.search import grams_of
from shop.users.repository import user_to_item
from tools.local_cloud.seed import CUSTOMER_PASSWORD
from tools.seed.items import order, product, user
from tools.tables.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCHEMA_VERSION = 1
_BATCH_SIZE = 25  # items: the limit of BatchWriteItem
_THREADS = 4
_PROGRESS_KEY = {"id": "seed"}  # the row of `counters` with the number of each kind

type Items = Mapping[str, Iterable[Any]]  # by table
type Counts = Mapping[Kind, int]


def fill(client: "DynamoDBClient", counts: Counts) -> int:
    """Add the missing items up to these counts; return the number of items written.

    No other process may seed the same tables at the same time. After an interruption, the next
    call writes unfinished items again, and counts them once all exist.
    """
    response = client.get_item(
        TableName=tables.counters(), Key=encode(_PROGRESS_KEY), ConsistentRead=True
    )
    progress_row = decode(response.get("Item", {}))
    existing = {kind: int(progress_row.get(kind, 0)) for kind in Kind}
    # Orders refer to existing users and products.
    users = max(counts[Kind.USERS], existing[Kind.USERS])
    products = max(counts[Kind.PRODUCTS], existing[Kind.PRODUCTS])
    if counts[Kind.ORDERS] > existing[Kind.ORDERS] and not (users and products):
        raise ValueError("orders need users and products: set their counts too")
    catalogue = [product(number) for number in range(products)] if counts[Kind.ORDERS] else []
    password_hash = hash_password(CUSTOMER_PASSWORD)
    writer = _Writer(client)
    added: dict[Kind, Counter[str]] = {}
    makers: Mapping[Kind, Callable[[int], tuple[str, Items, Items]]] = {
        Kind.USERS: lambda number: _user(number, password_hash),
        Kind.PRODUCTS: _product,
        Kind.ORDERS: lambda number: _order(order(number, users, catalogue)),
    }
    for kind, make in makers.items():
        numbers = range(existing[kind], counts[kind])
        added[kind] = writer.write(kind, numbers, make)
    if counts[Kind.ORDERS] > existing[Kind.ORDERS]:
        orders = (order(number, users, catalogue) for number in range(counts[Kind.ORDERS]))
        writer.put({tables.orders(): _summaries(orders)})
    actions = {kind: totals.add(kind, counts) for kind, counts in added.items() if counts}
    if actions:
        row = _PROGRESS_KEY | {kind: max(counts[kind], existing[kind]) for kind in Kind}
        row |= {"schema_version": SCHEMA_VERSION}
        mark_action: Any = {"Put": {"TableName": tables.counters(), "Item": encode(row)}}
        transactions.write(actions | {"mark": mark_action})
    return writer.written


def _user(number: int, password_hash: str) -> tuple[str, Items, Items]:
    """Return status, projected rows, and the user with its credential and account state."""
    created = user(number)
    item = user_to_item(created)
    entity = Entity(Kind.USERS, created.id)
    state = state_of(entity, item)
    assert state is not None
    account_state = AccountState(created.id, generation=1, status=created.status, role=created.role)
    projected = {
        tables.search(): search_attributes(created.id, state, grams_of(state.texts)),
        tables.counters(): [encode(row_to_item(entity, state))],
    }
    credential = credential_to_item(created.email, Credential(created.id, password_hash))
    return (
        created.status,
        projected,
        {
            tables.users(): [encode(item)],
            tables.credentials(): [encode(credential)],
            tables.sessions(): [encode(account_state_to_item(account_state))],
        },
    )


def _product(number: int) -> tuple[str, Items, Items]:
    created = product(number)
    item = product_to_item(created)
    entity = Entity(Kind.PRODUCTS, created.id)
    projected = {tables.counters(): [encode(row_to_item(entity, state_of(entity, item)))]}
    own_rows = {tables.products(): [encode(item), encode(sku_to_item(created))]}
    return created.status, projected, own_rows


def _order(created: Order) -> tuple[str, Items, Items]:
    item = order_to_item(created)
    entity = Entity(Kind.ORDERS, created.id, created.user_id)
    projected = {tables.counters(): [encode(row_to_item(entity, state_of(entity, item)))]}
    return created.status, projected, {tables.orders(): [encode(item)]}


def _summaries(orders: Iterable[Order]) -> Iterator[Any]:
    counts: defaultdict[str, Counter[OrderStatus]] = defaultdict(Counter)
    for each in orders:
        counts[each.user_id][each.status] += 1
    return (encode(summary_to_item(user_id, count)) for user_id, count in counts.items())


class _Writer:
    def __init__(self, client: "DynamoDBClient") -> None:
        self._client = client
        self.written = 0

    def write(
        self,
        kind: Kind,
        numbers: Sequence[int],
        make: Callable[[int], tuple[str, Items, Items]],
    ) -> Counter[str]:
        """Write these items; return their number by status."""

        def chunk(chunk_numbers: Sequence[int]) -> Counter[str]:
            created = [make(number) for number in chunk_numbers]
            # Projected rows come first, so the projector finds nothing to do.
            for items in (_merge(it[1] for it in created), _merge(it[2] for it in created)):
                self.put(items)
            progress.add(len(chunk_numbers))
            return Counter(status for status, _, _ in created)

        counts: Counter[str] = Counter()
        with (
            Progress(f"seed {kind}", len(numbers)) as progress,
            ThreadPoolExecutor(_THREADS) as pool,
        ):
            for counted in pool.map(chunk, batched(numbers, _BATCH_SIZE, strict=False)):
                counts += counted
        return counts

    def put(self, items: Items) -> None:
        for table, rows in items.items():
            for chunk_numbers in batched(rows, _BATCH_SIZE, strict=False):
                counts: Any = {table: [{"PutRequest": {"Item": item}} for item in chunk_numbers]}
                while counts:
                    counts = self._client.batch_write_item(RequestItems=counts)["UnprocessedItems"]
                    if counts:
                        time.sleep(0.05)
                self.written += len(chunk_numbers)


def _merge(parts: Iterable[Items]) -> Items:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for items in parts:
        for table, rows in items.items():
            found[table] += rows
    return found
