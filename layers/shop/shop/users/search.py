"""User search: users whose name or email contains a text, by its trigrams or by a scan of the list.

The cost has a bound for any number of users. A page reads at most `MAX_ROWS` rows of each of
`MAX_GRAMS` trigrams (some 110 bytes a row). If all have more, it reads one of them again; the
following pages read that trigram only. Without a trigram a page reads `MAX_ROWS` users (some 450
bytes each).
"""

from collections.abc import Sequence
from copy import replace
from itertools import islice
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.dynamo import tables, totals
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import IndexQuery, KeyRange, ReadBudget
from shop.dynamo.reads import batch_get
from shop.identifiers import ID_LENGTH
from shop.identity.accounts.models import UserStatus
from shop.pagination import IndexPage, PageRequest
from shop.search import grams_to_try, texts_of
from shop.users.models import User

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

MAX_GRAMS = 3
MAX_ROWS = 1_000


def find(
    text: str,
    statuses: Sequence[UserStatus],
    listing: IndexQuery[User],
    ranges: Sequence[KeyRange],
    page_request: PageRequest,
    is_descending: bool,
) -> tuple[IndexPage[User], int | None]:
    """Return the page and the total, or None if there are too many to count; `text` is folded.

    A page may be short, or empty, although others follow.
    """
    grams = grams_to_try(text)[:MAX_GRAMS]
    gram, page_request = _resumed(page_request, grams)
    if gram is None:
        crowded: dict[str, str] = {}  # the id of the thousandth user, by trigram
        for gram in grams:
            rows, is_complete = _rows_of(gram)
            if is_complete:
                matches = [row["user_id"] for row in rows if _matches(row, text, statuses)]
                page = _page_of(matches, page_request, is_descending)
                return _loaded_page(page, text, statuses, listing), len(matches)
            crowded[gram] = rows[-1]["user_id"]
        # Ids sort by time: the latest thousandth user indicates the rarest trigram.
        gram = max(crowded, key=crowded.__getitem__, default=None)
    if gram is not None:
        page = _scan_rows(gram, text, statuses, page_request, is_descending)
        return _loaded_page(page, text, statuses, listing), None
    is_countable = page_request.after is None and totals.read("users", statuses) <= MAX_ROWS
    return _scan_users(text, listing, ranges, page_request, is_descending, is_countable)


def _resumed(page_request: PageRequest, grams: Sequence[str]) -> tuple[str | None, PageRequest]:
    """Return the trigram whose rows the page continues: the prefix of the id in its position."""
    if page_request.after is None or len(page_request.after) == ID_LENGTH:
        return None, page_request
    gram, user_id = page_request.after[:-ID_LENGTH], page_request.after[-ID_LENGTH:]
    return gram if gram in grams else None, replace(page_request, after=user_id)


def _rows_of(gram: str) -> tuple[Sequence[Item], bool]:
    """Return the rows of a trigram, oldest user first, and whether these are all."""
    query: QueryInputTypeDef = {
        "TableName": tables.search(),
        "KeyConditionExpression": "gram = :gram",
        "ExpressionAttributeValues": encode({":gram": gram}),
        "Limit": MAX_ROWS,
    }
    response = dynamodb().query(**query)
    # At exactly the limit DynamoDB reports that there may be more, and so does this function.
    return [decode(item) for item in response["Items"]], "LastEvaluatedKey" not in response


def _scan_rows(
    gram: str,
    text: str,
    statuses: Sequence[UserStatus],
    page_request: PageRequest,
    is_descending: bool,
) -> IndexPage[str]:
    """Return the page of ids among the rows of a trigram that has too many to count."""
    budget = ReadBudget(MAX_ROWS)
    needed = page_request.offset + page_request.limit + 1
    examined = page_request.after
    found: list[str] = []
    for user_id, row in _BY_GRAM.rows(
        [KeyRange(gram)], page_request.after, is_descending, needed, budget
    ):
        if _matches(row, text, statuses):
            found.append(user_id)
            if len(found) == needed:
                break
        examined = user_id
    ids = found[page_request.offset : page_request.offset + page_request.limit]
    next_position = ids[-1] if len(found) == needed else examined if budget.is_exhausted else None
    positions = tuple(gram + id_ for id_ in ids)
    return IndexPage(ids, None if next_position is None else gram + next_position, positions)


def _loaded_page(
    page: IndexPage[str], text: str, statuses: Sequence[UserStatus], listing: IndexQuery[User]
) -> IndexPage[User]:
    """Load the users of a page, without those that no longer match: their rows are outdated."""
    users = _load(page.items, listing)
    matching = [user for user in users if _contains(user, text) and user.status in statuses]
    position_of = dict(zip(page.items, page.positions, strict=True))
    positions = tuple(position_of[user.id] for user in matching)
    return IndexPage(matching, page.next_position, positions)


def _matches(row: Item, text: str, statuses: Sequence[UserStatus]) -> bool:
    return row["status"] in statuses and any(text in other for other in row["texts"])


def _page_of(ids: Sequence[str], page_request: PageRequest, is_descending: bool) -> IndexPage[str]:
    ordered = ids[::-1] if is_descending else ids
    if page_request.after is not None:
        after = page_request.after
        ordered = [it for it in ordered if (it < after if is_descending else it > after)]
    end = page_request.offset + page_request.limit
    page = ordered[page_request.offset : end]
    return IndexPage(page, page[-1] if len(ordered) > end else None, tuple(page))


def _load(ids: Sequence[str], listing: IndexQuery[User]) -> Sequence[User]:
    if not ids:
        return []
    table = listing.table()
    found = batch_get({table: [{"id": user_id} for user_id in ids]}, is_consistent=False)[table]
    users = {item["id"]: listing.read(item) for item in found}
    return [users[user_id] for user_id in ids if user_id in users]


def _scan_users(
    text: str,
    listing: IndexQuery[User],
    ranges: Sequence[KeyRange],
    page_request: PageRequest,
    is_descending: bool,
    is_countable: bool,
) -> tuple[IndexPage[User], int | None]:
    budget = ReadBudget(MAX_ROWS)
    needed = page_request.offset + page_request.limit + 1
    examined = page_request.after
    found: list[User] = []
    for position, item in listing.rows(ranges, page_request.after, is_descending, needed, budget):
        user = listing.read(item)
        if _contains(user, text):
            found.append(user)
            if len(found) == needed and not is_countable:
                break
        examined = position
    items = [*islice(found, page_request.offset, page_request.offset + page_request.limit)]
    next_position = None
    if len(found) >= needed:
        next_position = items[-1].id
    elif budget.is_exhausted:
        next_position = examined
    is_counted = is_countable and not budget.is_exhausted
    positions = tuple(user.id for user in items)
    return IndexPage(items, next_position, positions), len(found) if is_counted else None


def _contains(user: User, text: str) -> bool:
    return any(text in other for other in texts_of(user.name, user.email))


_BY_GRAM = IndexQuery(tables.search, "gram", "user_id", lambda row: row, is_consistent=False)
