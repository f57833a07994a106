"""Users whose name or e-mail holds a text, found by its trigrams or by walking the list.

However many users there are, one page reads at most `MOST_GRAMS` times `MOST_ROWS` rows of
trigrams (some 150 bytes each) and then `MOST_ROWS` users (some 500 bytes each).
"""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.dynamo import tables, totals
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import Budget, Listing, Range
from shop.dynamo.reads import batch_get
from shop.pagination import Rows, Span
from shop.search import fold, grams_to_try
from shop.users.models import User, UserStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

MOST_GRAMS = 3
MOST_ROWS = 1_000


def find(
    text: str,
    statuses: Sequence[UserStatus],
    listing: Listing[User],
    ranges: Sequence[Range],
    span: Span,
    descends: bool,
) -> tuple[Rows[User], int | None]:
    """The page, and how many there are in all if that could be counted; `text` is folded.

    A page may be short, or empty, and still be followed by others.
    """
    for gram in grams_to_try(text)[:MOST_GRAMS]:
        rows = _rows_under(gram)
        if rows is not None:
            ids = [
                row["user_id"]
                for row in rows
                if row["status"] in statuses and any(text in other for other in row["texts"])
            ]
            page = _page_of(ids, span, descends)
            users = _loaded(page.items, listing)
            # A row may be a moment behind its user.
            shown = [user for user in users if _holds(user, text) and user.status in statuses]
            return Rows(shown, page.following), len(ids)
    is_countable = span.after is None and totals.read("users", statuses) <= MOST_ROWS
    return _walk(text, listing, ranges, span, descends, is_countable)


def _rows_under(gram: str) -> Sequence[Item] | None:
    """All rows of a trigram, oldest user first; None where there are too many of them."""
    query: QueryInputTypeDef = {
        "TableName": tables.search(),
        "KeyConditionExpression": "gram = :gram",
        "ExpressionAttributeValues": encode({":gram": gram}),
        "Limit": MOST_ROWS,
    }
    answer = dynamodb().query(**query)
    # At exactly the limit DynamoDB says that there may be more, and so do we.
    return None if "LastEvaluatedKey" in answer else [decode(item) for item in answer["Items"]]


def _page_of(ids: Sequence[str], span: Span, descends: bool) -> Rows[str]:
    ordered = ids[::-1] if descends else ids
    if span.after is not None:
        after = span.after
        ordered = [it for it in ordered if (it < after if descends else it > after)]
    end = span.skipped + span.limit
    page = ordered[span.skipped : end]
    return Rows(page, page[-1] if len(ordered) > end else None)


def _loaded(ids: Sequence[str], listing: Listing[User]) -> Sequence[User]:
    if not ids:
        return []
    table = listing.table()
    found = batch_get({table: [{"id": user_id} for user_id in ids]}, consistent=False)[table]
    users = {item["id"]: listing.read(item) for item in found}
    return [users[user_id] for user_id in ids if user_id in users]


def _walk(
    text: str,
    listing: Listing[User],
    ranges: Sequence[Range],
    span: Span,
    descends: bool,
    is_countable: bool,
) -> tuple[Rows[User], int | None]:
    budget = Budget(MOST_ROWS)
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
    following = None
    if len(found) >= wanted:
        following = items[-1].id
    elif budget.ended:
        following = examined
    is_counted = is_countable and not budget.ended
    return Rows(items, following), len(found) if is_counted else None


def _holds(user: User, text: str) -> bool:
    return text in fold(user.name) or text in fold(user.email)
