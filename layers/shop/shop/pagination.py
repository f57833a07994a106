"""Lists: entered by page number or by cursor, and the page that is answered."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from urllib.parse import urlencode

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shop.errors import BadRequest
from shop.http.response_models import ResponseModel
from shop.identifiers import ID_LENGTH, is_id
from shop.schemas import Query, Schema, json_schema, violation

if TYPE_CHECKING:
    from shop.http.request import Request

_BINDING_BYTES = 9


def _digits(text: object) -> object:
    if isinstance(text, str) and not (text.isascii() and text.isdecimal()):
        raise violation("int_parsing", "Must consist of digits.")
    return text


# What else Python takes for a number ("1_0", " 1", "1.0") is a slip of the client's.
_Digits = BeforeValidator(_digits)


@dataclass(frozen=True)
class PageRequest:
    """Which rows of a list: `limit` of them after a position, or after so many others."""

    after: str | None
    skipped: int
    limit: int


@dataclass(frozen=True)
class IndexPage[T]:
    """Rows of a list in order, and the position of the last where others follow it."""

    items: Sequence[T]
    next_position: str | None


@dataclass(frozen=True)
class PageResult[T]:
    """What a list gives: items in order, where to go on, and how many there are, if known."""

    items: Sequence[T]
    next_cursor: str | None
    total: int | None


class ListQuery(Query):
    """The query of a list, to which each list adds its filters and the sorts that it has."""

    deepest_row: ClassVar = 10_000  # that page numbers reach; a cursor has no end

    sort: str = "-createdAt"
    limit: Annotated[
        int, Field(ge=1, le=100, description="items on a page", examples=[20]), _Digits
    ] = 20
    cursor: Annotated[
        str | None,
        Field(
            max_length=512,
            description="opaque: the `nextCursor` of the page before",
            examples=["bmV4dCBwYWdl"],
            json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
        ),
    ] = None
    page: Annotated[
        int,
        Field(ge=1, description="`page * limit` has an end; the cursor has none", examples=[1]),
        _Digits,
    ] = 1  # after the two that its rules look at

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        told = handler.resolve_ref_schema(handler(schema))
        fields = told["properties"]
        fields["page"]["maximum"] = cls.deepest_row
        fields["sort"]["description"] = "the field to sort by; with a minus, descending"
        fields["sort"]["examples"] = ["-createdAt"]
        if "status" in fields:
            fields["status"]["description"] = "only those of this status"
        return told

    @field_validator("page", mode="before")
    @classmethod
    def _page_excludes_cursor(cls, page: object, others: ValidationInfo) -> object:
        """Only a page that was sent comes here; a cursor that is wrong is not among the others."""
        if others.data.get("cursor", "a wrong one") is not None:
            raise violation("page_and_cursor", "Send either page or cursor, not both.")
        return page

    @field_validator("page")
    @classmethod
    def _page_is_within_reach(cls, page: int, others: ValidationInfo) -> int:
        if page * others.data.get("limit", 1) > cls.deepest_row:
            message = f"Pages end at row {cls.deepest_row}. Use the cursor beyond it."
            raise violation("page_too_deep", message)
        return page

    @property
    def sorted_by(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def descends(self) -> bool:
        return self.sort.startswith("-")

    @property
    def number(self) -> int | None:
        """The page's number; None where a cursor led to it."""
        return self.page if self.cursor is None else None

    def span(self, name: str) -> PageRequest:
        """What to read of the list of this name; raises `BadRequest` for another's cursor."""
        if self.cursor is None:
            return PageRequest(None, (self.page - 1) * self.limit, self.limit)
        return PageRequest(read_cursor(self._listing(name), self.cursor), 0, self.limit)

    def slice[T](self, name: str, rows: IndexPage[T], total: int | None) -> PageResult[T]:
        next_position = rows.next_position
        cursor = None if next_position is None else write_cursor(self._listing(name), next_position)
        return PageResult(rows.items, cursor, total)

    def _listing(self, name: str) -> str:
        """The list, its filters and its sort: what a cursor is bound to."""
        return name + self.model_dump_json(exclude={"page", "limit", "cursor"})


class PublicListQuery(ListQuery):
    """Of a list that is open to anyone, who could make deep pages costly."""

    deepest_row = 1_000


_Count = Annotated[int | None, json_schema(minimum=0, maximum=2**53 - 1, examples=[1])]


class Meta(Schema):
    """Where a page stands in its list."""

    page: Annotated[
        int | None,
        json_schema(
            minimum=1,
            maximum=ListQuery.deepest_row,
            description="null after a cursor",
            examples=[1],
        ),
    ]
    limit: Annotated[int, json_schema(minimum=1, maximum=100, examples=[20])]
    total: Annotated[_Count, json_schema(description="null where a search is too broad to count")]
    total_pages: Annotated[
        _Count, json_schema(description="null where a search is too broad to count")
    ]
    next_cursor: Annotated[
        str | None,
        json_schema(
            maxLength=512,
            pattern="^[A-Za-z0-9_-]+$",
            description="null on the last page",
            examples=[None],
        ),
    ]


class Page[T](ResponseModel):
    sends = ("Link",)

    data: Annotated[list[T], json_schema(maxItems=100)]
    meta: Meta
    _last_page: int | None = PrivateAttr(None)  # where a page number reaches it

    @classmethod
    def of[S](cls, found: PageResult[S], query: ListQuery, read: Callable[[S], T]) -> Self:
        total_pages = None if found.total is None else -(-found.total // query.limit)
        page = cls(
            data=[read(item) for item in found.items],
            meta=Meta(
                page=query.number,
                limit=query.limit,
                total=found.total,
                total_pages=total_pages,
                next_cursor=found.next_cursor,
            ),
        )
        if total_pages and total_pages * query.limit <= query.deepest_row:
            page._last_page = total_pages
        return page

    def headers(self, request: "Request") -> dict[str, str]:
        """The `Link` header of RFC 8288, path-absolute like everything we point at."""

        def link(relation: str, **position: str) -> str:
            given = request.query.items()
            query = {n: v for n, v in given if n not in ("cursor", "page")} | position
            target = request.path + ("?" + urlencode(query) if query else "")
            return f'<{target}>; rel="{relation}"'

        links = [link("first")]
        if previous := self._previous_page():
            links.append(link("prev", page=str(previous)))
        if self.meta.next_cursor is not None:
            links.append(link("next", cursor=self.meta.next_cursor))
        if self._last_page is not None:
            links.append(link("last", page=str(self._last_page)))
        return {"Link": ", ".join(links)}

    def _previous_page(self) -> int:
        """The last page beyond the end; 0 if there is none, or if the end is not known."""
        if self.meta.page is None:
            return 0
        before = self.meta.page - 1
        return before if self.data else min(before, self.meta.total_pages or 0)


def write_cursor(listing: str, position: str) -> str:
    """A cursor to what follows `position`; `listing` names the list, its filters and its sort."""
    return urlsafe_b64encode(_binding(listing) + position.encode()).rstrip(b"=").decode()


def read_cursor(listing: str, cursor: str) -> str:
    """The position in a cursor of this very listing; raises `BadRequest` for any other."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = raw[_BINDING_BYTES:].decode()
    except ValueError:
        raise BadRequest("The cursor is malformed.") from None
    if write_cursor(listing, position) != cursor or not is_id(position[-ID_LENGTH:]):
        raise BadRequest("The cursor does not belong to this list.")
    return position


def _binding(listing: str) -> bytes:
    return hashlib.sha256(listing.encode()).digest()[:_BINDING_BYTES]
