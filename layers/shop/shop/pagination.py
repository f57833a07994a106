"""Lists: cursors that are bound to their list, and the page that carries them."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlencode

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shop.errors import BadRequest
from shop.schemas import Query, Reply, Schema

if TYPE_CHECKING:
    from shop.http.request import Request

DEEPEST_ROW = 10_000  # that page numbers reach; a cursor has no end
_BINDING_BYTES = 9


class ListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str | None, Field(max_length=512, description="opaque")] = None

    @property
    def number(self) -> int | None:
        """The page's number; None where a cursor led to it."""
        return 1 if self.cursor is None else None


class PageQuery(ListQuery):
    """A list that can be entered by page number too, as far as that reaches."""

    page: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _page_is_within_reach(self) -> Self:
        if self.page * self.limit > DEEPEST_ROW:
            raise PydanticCustomError(
                "page_too_deep", f"pages end at row {DEEPEST_ROW}: go on with the cursor"
            )
        if self.cursor is not None and "page" in self.model_fields_set:
            raise PydanticCustomError("page_and_cursor", "give either a page or a cursor")
        return self

    @property
    def number(self) -> int | None:
        return self.page if self.cursor is None else None

    @property
    def skipped(self) -> int:
        """How many rows lie before the page."""
        return 0 if self.cursor is not None else (self.page - 1) * self.limit


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
                page=query.number,
                limit=query.limit,
                total=found.total,
                total_pages=None if found.total is None else -(-found.total // query.limit),
                next_cursor=found.next_cursor,
            ),
        )

    def headers(self, request: "Request") -> dict[str, str]:
        """The `Link` header of RFC 8288, path-absolute like everything we point at."""

        def link(relation: str, **position: str) -> str:
            given = request.query.items()
            query = {n: v for n, v in given if n not in ("cursor", "page")} | position
            target = request.path + ("?" + urlencode(query) if query else "")
            return f'<{target}>; rel="{relation}"'

        links = [link("first")]
        if self.meta.page is not None and self.meta.page > 1:
            links.append(link("prev", page=str(self.meta.page - 1)))
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
