"""Responses of authenticators and recovery codes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from shop.http.pages import Meta, Page
from shop.http.response_fields import Id, NameRead, Timestamp
from shop.http.response_models import ResponseModel
from shop.identity.authenticators.models import (
    MAX_AUTHENTICATORS,
    Authenticator,
    Enrolment,
    Kind,
)
from shop.identity.codes.recovery_codes import COUNT, shown
from shop.json_schema import JsonSchema

_EXAMPLE = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class AuthenticatorResponse(ResponseModel):
    id: Id
    kind: Kind
    name: Annotated[NameRead, JsonSchema(examples=["My phone"])]
    created_at: Timestamp
    last_used_at: Annotated[
        datetime | None,
        JsonSchema(format="date-time", maxLength=24, examples=["2026-11-22T18:06:00.123Z"]),
    ]
    recovery_codes_left: Annotated[
        int | None,
        JsonSchema(minimum=0, maximum=COUNT, description="null for a passkey", examples=[COUNT]),
    ]

    @classmethod
    def of(cls, authenticator: Authenticator) -> Self:
        return cls(
            id=authenticator.id,
            kind=authenticator.kind,
            name=authenticator.name,
            created_at=authenticator.created_at,
            last_used_at=authenticator.last_used_at,
            recovery_codes_left=authenticator.recovery_codes_left,
        )


class AuthenticatorPage(Page[AuthenticatorResponse]):
    """All authenticators of a user, on one page."""

    @classmethod
    def of_all(cls, authenticators: Sequence[Authenticator]) -> Self:
        count = len(authenticators)
        return cls(
            data=[AuthenticatorResponse.of(it) for it in authenticators],
            meta=Meta(
                page=1,
                limit=MAX_AUTHENTICATORS,
                total=count,
                total_pages=min(count, 1),
                next_cursor=None,
            ),
            last_page=None,
        )


class EnrolmentResponse(ResponseModel):
    """An app with its secret, which no other response has."""

    id: Id
    kind: Literal["totp"] = "totp"
    name: Annotated[NameRead, JsonSchema(examples=["My phone"])]
    secret: Annotated[
        str,
        JsonSchema(
            maxLength=32,
            pattern="^[A-Z2-7]{32}$",
            description="in base32",
            examples=[_EXAMPLE],
        ),
    ]
    uri: Annotated[
        str,
        JsonSchema(
            maxLength=1024,
            description="for a QR code",
            examples=[f"otpauth://totp/Shop:ada@example.com?secret={_EXAMPLE}&issuer=Shop"],
        ),
    ]
    expires_at: Timestamp

    @classmethod
    def of(cls, enrolment: Enrolment) -> Self:
        return cls(**enrolment._asdict())


class RecoveryCodesResponse(ResponseModel):
    """New recovery codes, which no other response has."""

    recovery_codes: Annotated[
        list[Annotated[str, JsonSchema(maxLength=11, pattern="^[2-9a-z]{5}-[2-9a-z]{5}$")]],
        JsonSchema(minItems=COUNT, maxItems=COUNT, examples=[["7hq2m-w9xkd"] * COUNT]),
    ]

    @classmethod
    def of(cls, codes: Sequence[str]) -> Self:
        return cls(recovery_codes=[shown(code) for code in codes])
