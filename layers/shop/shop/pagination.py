"""Pages of lists: which rows are requested, and which are found."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

MAX_ROW = 10_000  # the last row that page numbers reach; cursors have no limit


class PageRequest(NamedTuple):
    """The requested rows of a list: `limit` rows after a position, or after `offset` others."""

    after: str | None
    offset: int
    limit: int


class IndexPage[T](NamedTuple):
    """Rows of a list in order, the position of the last one if others follow, and all positions."""

    items: Sequence[T]
    next_position: str | None
    positions: Sequence[str] = ()


class PageResult[T](NamedTuple):
    """Items in order, the cursor of the next page, and the total if it is known.

    `cursors` returns the cursor of the rows after each item. Each is a SHA-256, so REST omits them.
    """

    items: Sequence[T]
    next_cursor: str | None
    total: int | None
    cursors: Callable[[], Sequence[str]] = tuple
