"""Lists: cursors that are bound to their list, and the page that carries them."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlencode

from pydantic import Field

from shop.errors import BadRequest
from shop.schemas import Query, Reply, Schema

if TYPE_CHECKING:
    from shop.http.request import Request

_BINDING_BYTES = 9


class ListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str | None, Field(max_length=512, description="opaque")] = None


@dataclass(frozen=True)
class Slice[T]:
    """What a list gives: items in order, and where to go on, or None at the end."""

    items: Sequence[T]
    next_cursor: str | None
    total: int | None


class Meta(Schema):
    page: int | None
    limit: int
    total: int | None
    total_pages: int | None
    next_cursor: str | None


class Page[T](Reply):
    data: list[T]
    meta: Meta

    @classmethod
    def of[S](cls, found: Slice[S], query: ListQuery, read: Callable[[S], T]) -> Self:
        return cls(
            data=[read(item) for item in found.items],
            meta=Meta(
                page=1 if query.cursor is None else None,
                limit=query.limit,
                total=found.total,
                total_pages=None if found.total is None else -(-found.total // query.limit),
                next_cursor=found.next_cursor,
            ),
        )

    def headers(self, request: "Request") -> dict[str, str]:
        """The `Link` header of RFC 8288, path-absolute like everything we point at."""

        def link(relation: str, **cursor: str) -> str:
            query = {n: v for n, v in request.query.items() if n != "cursor"} | cursor
            target = request.path + ("?" + urlencode(query) if query else "")
            return f'<{target}>; rel="{relation}"'

        links = [link("first")]
        if self.meta.next_cursor is not None:
            links.append(link("next", cursor=self.meta.next_cursor))
        return {"Link": ", ".join(links)}


def write_cursor(listing: str, position: str) -> str:
    """A cursor to what follows `position`; `listing` names the list, its filters and its sort."""
    return urlsafe_b64encode(_binding(listing) + position.encode()).rstrip(b"=").decode()


def read_cursor(listing: str, cursor: str | None, is_position: Callable[[str], bool]) -> str | None:
    """The position in a cursor of this very listing; raises `BadRequest` for any other."""
    if cursor is None:
        return None
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = raw[_BINDING_BYTES:].decode()
    except ValueError:
        raise BadRequest("The cursor is malformed.") from None
    if write_cursor(listing, position) != cursor or not is_position(position):
        raise BadRequest("The cursor does not belong to this list.")
    return position


def _binding(listing: str) -> bytes:
    return hashlib.sha256(listing.encode()).digest()[:_BINDING_BYTES]
