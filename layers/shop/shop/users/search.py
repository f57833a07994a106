"""Users whose name or e-mail holds a text, found by its trigrams or by walking the list.

However many users there are, one page reads at most `MAX_ROWS` rows of each of `MAX_GRAMS`
trigrams (some 110 bytes a row), and of one of them again where all have more; the pages after it
go on there and read one of them only. Without a trigram it reads `MAX_ROWS` users (some 450
bytes each).
"""

from collections.abc import Sequence
from dataclasses import replace
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
    span: PageRequest,
    descends: bool,
) -> tuple[IndexPage[User], int | None]:
    """The page, and how many there are in all if that could be counted; `text` is folded.

    A page may be short, or empty, and still be followed by others.
    """
    grams = grams_to_try(text)[:MAX_GRAMS]
    gram, span = _entered(span, grams)
    if gram is None:
        crowded: dict[str, str] = {}  # the id of the thousandth user by trigram
        for gram in grams:
            rows, is_all = _rows_under(gram)
            if is_all:
                matches = [row["user_id"] for row in rows if _matches(row, text, statuses)]
                page = _page_of(matches, span, descends)
                return _shown(page, text, statuses, listing), len(matches)
            crowded[gram] = rows[-1]["user_id"]
        # Ids sort by time: where a thousand users took longest to come, there are the fewest.
        gram = max(crowded, key=crowded.__getitem__, default=None)
    if gram is not None:
        page = _walk_rows(gram, text, statuses, span, descends)
        return _shown(page, text, statuses, listing), None
    is_countable = span.after is None and totals.read("users", statuses) <= MAX_ROWS
    return _walk(text, listing, ranges, span, descends, is_countable)


def _entered(span: PageRequest, grams: Sequence[str]) -> tuple[str | None, PageRequest]:
    """The trigram whose rows a page goes on with, which stands before the id in its position."""
    if span.after is None or len(span.after) == ID_LENGTH:
        return None, span
    gram, user_id = span.after[:-ID_LENGTH], span.after[-ID_LENGTH:]
    return gram if gram in grams else None, replace(span, after=user_id)


def _rows_under(gram: str) -> tuple[Sequence[Item], bool]:
    """The rows of a trigram, oldest user first, and whether these are all."""
    query: QueryInputTypeDef = {
        "TableName": tables.search(),
        "KeyConditionExpression": "gram = :gram",
        "ExpressionAttributeValues": encode({":gram": gram}),
        "Limit": MAX_ROWS,
    }
    answer = dynamodb().query(**query)
    # At exactly the limit DynamoDB says that there may be more, and so do we.
    return [decode(item) for item in answer["Items"]], "LastEvaluatedKey" not in answer


def _walk_rows(
    gram: str, text: str, statuses: Sequence[UserStatus], span: PageRequest, descends: bool
) -> IndexPage[str]:
    """The page of ids among the rows of a trigram that has too many to count."""
    budget = ReadBudget(MAX_ROWS)
    wanted = span.skipped + span.limit + 1
    examined = span.after
    found: list[str] = []
    for user_id, row in _UNDER.rows([KeyRange(gram)], span.after, descends, wanted, budget):
        if _matches(row, text, statuses):
            found.append(user_id)
            if len(found) == wanted:
                break
        examined = user_id
    ids = found[span.skipped : span.skipped + span.limit]
    next_position = ids[-1] if len(found) == wanted else examined if budget.ended else None
    return IndexPage(ids, None if next_position is None else gram + next_position)


def _shown(
    page: IndexPage[str], text: str, statuses: Sequence[UserStatus], listing: IndexQuery[User]
) -> IndexPage[User]:
    """The users of a page, without those that have changed since their rows were written."""
    users = _loaded(page.items, listing)
    shown = [user for user in users if _holds(user, text) and user.status in statuses]
    return IndexPage(shown, page.next_position)


def _matches(row: Item, text: str, statuses: Sequence[UserStatus]) -> bool:
    return row["status"] in statuses and any(text in other for other in row["texts"])


def _page_of(ids: Sequence[str], span: PageRequest, descends: bool) -> IndexPage[str]:
    ordered = ids[::-1] if descends else ids
    if span.after is not None:
        after = span.after
        ordered = [it for it in ordered if (it < after if descends else it > after)]
    end = span.skipped + span.limit
    page = ordered[span.skipped : end]
    return IndexPage(page, page[-1] if len(ordered) > end else None)


def _loaded(ids: Sequence[str], listing: IndexQuery[User]) -> Sequence[User]:
    if not ids:
        return []
    table = listing.table()
    found = batch_get({table: [{"id": user_id} for user_id in ids]}, consistent=False)[table]
    users = {item["id"]: listing.read(item) for item in found}
    return [users[user_id] for user_id in ids if user_id in users]


def _walk(
    text: str,
    listing: IndexQuery[User],
    ranges: Sequence[KeyRange],
    span: PageRequest,
    descends: bool,
    is_countable: bool,
) -> tuple[IndexPage[User], int | None]:
    budget = ReadBudget(MAX_ROWS)
    wanted = span.skipped + span.limit + 1
    examined = span.after
    found: list[User] = []
    for position, item in listing.rows(ranges, span.after, descends, wanted, budget):
        user = listing.read(item)
        if _holds(user, text):
            found.append(user)
            if len(found) == wanted and not is_countable:
                break
        examined = position
    items = [*islice(found, span.skipped, span.skipped + span.limit)]
    next_position = None
    if len(found) >= wanted:
        next_position = items[-1].id
    elif budget.ended:
        next_position = examined
    is_counted = is_countable and not budget.ended
    return IndexPage(items, next_position), len(found) if is_counted else None


def _holds(user: User, text: str) -> bool:
    return any(text in other for other in texts_of(user.name, user.email))


_UNDER = IndexQuery(tables.search, "gram", "user_id", lambda row: row, is_consistent=False)
