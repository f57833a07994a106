"""Pages of lists in responses."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlencode

from shop.http.response_models import HIDDEN, ResponseModel
from shop.json_schema import JsonSchema
from shop.pagination import MAX_ROW, PageResult

if TYPE_CHECKING:
    from shop.http.list_queries import ListQuery
    from shop.http.request import Request

_Count = Annotated[
    int | None,
    JsonSchema(
        minimum=0,
        maximum=2**53 - 1,
        description="null if it is not counted, as for a broad search",
        examples=[1],
    ),
]


NextCursor = Annotated[
    str | None,
    JsonSchema(
        maxLength=512,
        pattern="^[A-Za-z0-9_-]+$",
        description="null on the last page",
        examples=[None],
    ),
]


class Meta(ResponseModel):
    """The position of a page in its list."""

    page: Annotated[
        int | None,
        JsonSchema(
            minimum=1,
            maximum=MAX_ROW,
            description="null after a cursor",
            examples=[1],
        ),
    ]
    limit: Annotated[int, JsonSchema(minimum=1, maximum=100, examples=[20])]
    total: Annotated[
        _Count, JsonSchema(description="null if it is not counted, as for a broad search")
    ]
    total_pages: Annotated[
        _Count, JsonSchema(description="null if it is not counted, as for a broad search")
    ]
    next_cursor: NextCursor


class Page[T](ResponseModel):
    sends = ("Link",)

    data: Annotated[list[T], JsonSchema(maxItems=100)]
    meta: Meta
    last_page: Annotated[int | None, HIDDEN]  # None if page numbers do not reach it

    @classmethod
    def of[S](cls, result: PageResult[S], query: "ListQuery", convert: Callable[[S], T]) -> Self:
        total_pages = None if result.total is None else -(-result.total // query.limit)
        has_last = total_pages is not None and 0 < total_pages * query.limit <= query.max_row
        return cls(
            data=[convert(item) for item in result.items],
            meta=Meta(
                page=query.number,
                limit=query.limit,
                total=result.total,
                total_pages=total_pages,
                next_cursor=result.next_cursor,
            ),
            last_page=total_pages if has_last else None,
        )

    def headers(self, request: "Request") -> dict[str, str]:
        """Return the `Link` header of RFC 8288, with absolute paths like all links of the API."""

        def link(relation: str, **position: str) -> str:
            sent = request.query.items()
            query = {n: v for n, v in sent if n not in ("cursor", "page")} | position
            target = request.path + ("?" + urlencode(query) if query else "")
            return f'<{target}>; rel="{relation}"'

        links = [link("first")]
        if previous := self._previous_page():
            links.append(link("prev", page=str(previous)))
        if self.meta.next_cursor is not None:
            links.append(link("next", cursor=self.meta.next_cursor))
        if self.last_page is not None:
            links.append(link("last", page=str(self.last_page)))
        return {"Link": ", ".join(links)}

    def _previous_page(self) -> int:
        """Return the previous page, or the last one for a page beyond the end; 0 if unknown."""
        if self.meta.page is None:
            return 0
        before = self.meta.page - 1
        return before if self.data else min(before, self.meta.total_pages or 0)
