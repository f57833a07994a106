"""Responses of grants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from shop.http.pages import Meta, Page
from shop.http.response_fields import Timestamp
from shop.http.response_models import ResponseModel
from shop.json_schema import JsonSchema
from shop.oauth.clients.responses import ClientSummary
from shop.oauth.grants.models import MAX_FAMILIES
from shop.oauth.grants.service import Grant

_MAX_GRANTS = 100


class GrantResponse(ResponseModel):
    """A client that the user allows."""

    client: ClientSummary
    scopes: Annotated[
        list[Annotated[str, JsonSchema(maxLength=100)]],
        JsonSchema(maxItems=100, examples=[["openid", "orders:read"]]),
    ]
    created_at: Timestamp
    last_used_at: Annotated[
        datetime | None,
        JsonSchema(format="date-time", maxLength=24, examples=["2026-11-22T18:06:00.123Z"]),
    ]
    devices: Annotated[
        int,
        JsonSchema(
            minimum=0,
            maximum=MAX_FAMILIES,
            description="places where the client is signed in",
            examples=[1],
        ),
    ]

    @classmethod
    def of(cls, grant: Grant) -> Self:
        return cls(
            client=ClientSummary.of(grant.client),
            scopes=list(grant.scopes),
            created_at=grant.created_at,
            last_used_at=grant.last_used_at,
            devices=grant.devices,
        )


class GrantPage(Page[GrantResponse]):
    """All grants of a user, on one page."""

    @classmethod
    def of_all(cls, grants: Sequence[Grant]) -> Self:
        count = len(grants)
        return cls(
            data=[GrantResponse.of(grant) for grant in grants],
            meta=Meta(
                page=1,
                limit=_MAX_GRANTS,
                total=count,
                total_pages=min(count, 1),
                next_cursor=None,
            ),
            last_page=None,
        )
