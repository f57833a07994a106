"""Things into the tables, with all that the repositories and the projector keep beside them."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING, Any  # items, encoded, are of any type DynamoDB knows

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
from tools.seed.things import order, product, user
from tools.tables.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCHEMA_VERSION = 1
_AT_ONCE = 25  # things, and BatchWriteItem's limit of items
_THREADS = 4
_MARK = {"id": "seed"}  # the row of `counters` that says how many there are

type Items = Mapping[str, Iterable[Any]]  # by table
type Wanted = Mapping[Kind, int]


def fill(client: "DynamoDBClient", wanted: Wanted) -> int:
    """Adds what is missing of the first so many of each kind; returns how many items that took.

    For tables to which nobody else adds the same things at the same time. What was begun and not
    finished is written again, and counted when all of it is there.
    """
    answer = client.get_item(TableName=tables.counters(), Key=encode(_MARK), ConsistentRead=True)
    mark = decode(answer.get("Item", {}))
    there = {kind: int(mark.get(kind, 0)) for kind in Kind}
    # Orders are of users and products that are there.
    users = max(wanted[Kind.USERS], there[Kind.USERS])
    products = max(wanted[Kind.PRODUCTS], there[Kind.PRODUCTS])
    if wanted[Kind.ORDERS] > there[Kind.ORDERS] and not (users and products):
        raise ValueError("orders are of users and products: give some")
    catalogue = [product(number) for number in range(products)] if wanted[Kind.ORDERS] else []
    password_hash = hash_password(CUSTOMER_PASSWORD)
    writer = _Writer(client)
    added: dict[Kind, Counter[str]] = {}
    makers: Mapping[Kind, Callable[[int], tuple[str, Items, Items]]] = {
        Kind.USERS: lambda number: _user(number, password_hash),
        Kind.PRODUCTS: _product,
        Kind.ORDERS: lambda number: _order(order(number, users, catalogue)),
    }
    for kind, make in makers.items():
        numbers = range(there[kind], wanted[kind])
        added[kind] = writer.write(kind, numbers, make)
    if wanted[Kind.ORDERS] > there[Kind.ORDERS]:
        orders = (order(number, users, catalogue) for number in range(wanted[Kind.ORDERS]))
        writer.put({tables.orders(): _summaries(orders)})
    actions = {kind: totals.add(kind, counts) for kind, counts in added.items() if counts}
    if actions:
        row = _MARK | {kind: max(wanted[kind], there[kind]) for kind in Kind}
        row |= {"schema_version": SCHEMA_VERSION}
        mark_action: Any = {"Put": {"TableName": tables.counters(), "Item": encode(row)}}
        transactions.write(actions | {"mark": mark_action})
    return writer.written


def _user(number: int, password_hash: str) -> tuple[str, Items, Items]:
    """Its status, what is projected of it, and itself with what belongs to it."""
    made = user(number)
    item = user_to_item(made)
    entity = Entity(Kind.USERS, made.id)
    state = state_of(entity, item)
    assert state is not None
    account_state = AccountState(made.id, generation=1, status=made.status, role=made.role)
    projected = {
        tables.search(): search_attributes(made.id, state, grams_of(state.texts)),
        tables.counters(): [encode(row_to_item(entity, state))],
    }
    credential = credential_to_item(made.email, Credential(made.id, password_hash))
    return (
        made.status,
        projected,
        {
            tables.users(): [encode(item)],
            tables.credentials(): [encode(credential)],
            tables.sessions(): [encode(account_state_to_item(account_state))],
        },
    )


def _product(number: int) -> tuple[str, Items, Items]:
    made = product(number)
    item = product_to_item(made)
    entity = Entity(Kind.PRODUCTS, made.id)
    projected = {tables.counters(): [encode(row_to_item(entity, state_of(entity, item)))]}
    itself = {tables.products(): [encode(item), encode(sku_to_item(made))]}
    return made.status, projected, itself


def _order(made: Order) -> tuple[str, Items, Items]:
    item = order_to_item(made)
    entity = Entity(Kind.ORDERS, made.id, made.user_id)
    projected = {tables.counters(): [encode(row_to_item(entity, state_of(entity, item)))]}
    return made.status, projected, {tables.orders(): [encode(item)]}


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
        """How many there are of each status."""

        def chunk(some: Sequence[int]) -> Counter[str]:
            made = [make(number) for number in some]
            # What is projected comes first, so that the projector finds nothing to do.
            for items in (_together(it[1] for it in made), _together(it[2] for it in made)):
                self.put(items)
            progress.add(len(some))
            return Counter(status for status, _, _ in made)

        counts: Counter[str] = Counter()
        with Progress(f"seed {kind}", len(numbers)) as progress, ThreadPoolExecutor(_THREADS) as at:
            for counted in at.map(chunk, batched(numbers, _AT_ONCE, strict=False)):
                counts += counted
        return counts

    def put(self, items: Items) -> None:
        for table, rows in items.items():
            for some in batched(rows, _AT_ONCE, strict=False):
                wanted: Any = {table: [{"PutRequest": {"Item": item}} for item in some]}
                while wanted:
                    wanted = self._client.batch_write_item(RequestItems=wanted)["UnprocessedItems"]
                    if wanted:
                        time.sleep(0.05)
                self.written += len(some)


def _together(many: Iterable[Items]) -> Items:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for items in many:
        for table, rows in items.items():
            found[table] += rows
    return found
