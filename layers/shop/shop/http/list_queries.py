"""The queries of lists, by page number or cursor."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shop.errors import BadRequest
from shop.http.request_models import Query
from shop.identifiers import ID_LENGTH, is_id
from shop.pagination import MAX_ROW, IndexPage, PageRequest, PageResult
from shop.violations import violation

_BINDING_BYTES = 9


def _digits(text: object) -> object:
    if isinstance(text, str) and not (text.isascii() and text.isdecimal()):
        raise violation("int_parsing", "Must consist of digits.")
    return text


# Python also parses "1_0", " 1" and "1.0", which are errors of the client.
_Digits = BeforeValidator(_digits)

Cursor = Annotated[
    str | None,
    Field(
        max_length=512,
        description="opaque: the `nextCursor` of the previous page",
        examples=["bmV4dCBwYWdl"],
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
    ),
]


class ListQuery(Query):
    """The query parameters of a list; each list adds its filters and sorts."""

    max_row: ClassVar = MAX_ROW

    sort: str = "-createdAt"
    limit: Annotated[
        int, Field(ge=1, le=100, description="items on a page", examples=[20]), _Digits
    ] = 20
    cursor: Cursor = None
    page: Annotated[
        int,
        Field(ge=1, description="`page * limit` has a maximum; cursors have none", examples=[1]),
        _Digits,
    ] = 1  # after limit and cursor, which its validators read

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        json_schema = handler.resolve_ref_schema(handler(schema))
        fields = json_schema["properties"]
        fields["page"]["maximum"] = cls.max_row
        fields["sort"]["description"] = "the field to sort by; with a minus, descending"
        fields["sort"]["examples"] = ["-createdAt"]
        if "status" in fields:
            fields["status"]["description"] = "only items with this status"
        return json_schema

    @field_validator("page", mode="before")
    @classmethod
    def _page_excludes_cursor(cls, page: object, others: ValidationInfo) -> object:
        """Check a page that the request contains; an invalid cursor is absent from `others`."""
        if others.data.get("cursor", "invalid") is not None:
            raise violation("page_and_cursor", "Send either page or cursor, not both.")
        return page

    @field_validator("page")
    @classmethod
    def _page_is_within_reach(cls, page: int, others: ValidationInfo) -> int:
        if page * others.data.get("limit", 1) > cls.max_row:
            message = f"Pages end at row {cls.max_row}. Use the cursor beyond it."
            raise violation("page_too_deep", message)
        return page

    @property
    def sort_field(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def number(self) -> int | None:
        """The page number, or None for a query with a cursor."""
        return self.page if self.cursor is None else None

    def page_request(self, name: str) -> PageRequest:
        """Return the rows to read of the named list; raise `BadRequest` for a foreign cursor."""
        if self.cursor is None:
            return PageRequest(None, (self.page - 1) * self.limit, self.limit)
        return PageRequest(read_cursor(self._listing(name), self.cursor), 0, self.limit)

    def page_result[T](self, name: str, page: IndexPage[T], total: int | None) -> PageResult[T]:
        def cursor_at(position: str) -> str:
            return write_cursor(self._listing(name), position)

        position = page.next_position
        next_cursor = None if position is None else cursor_at(position)
        return PageResult(page.items, next_cursor, total, lambda: [*map(cursor_at, page.positions)])

    def _listing(self, name: str) -> str:
        """Return list, filters and sort, to which a cursor is bound."""
        return name + self.model_dump_json(exclude={"page", "limit", "cursor"})


class PublicListQuery(ListQuery):
    """The query of a public list, where deep pages could cause costs."""

    max_row = 1_000


def write_cursor(listing: str, position: str) -> str:
    """Return a cursor to the rows after `position`; `listing` has list, filters and sort."""
    return urlsafe_b64encode(_binding(listing) + position.encode()).rstrip(b"=").decode()


def read_cursor(listing: str, cursor: str) -> str:
    """Return the position in a cursor of this listing; raise `BadRequest` for any other."""
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
