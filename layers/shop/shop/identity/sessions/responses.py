"""Responses of sessions, tokens and public keys."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from shop.http.pages import Meta, Page
from shop.http.response_fields import Id, Timestamp
from shop.http.response_models import ResponseModel
from shop.identity.sessions.models import MAX_SESSIONS, Grant, Session
from shop.json_schema import JsonSchema

if TYPE_CHECKING:
    from shop.identity.keys.published_keys import Jwks

REFRESH_EXAMPLE = (
    "AZCmsnyeexqPAAAAAAAAoQGQprJ8nnsanwAAAAAAAKFmZmZmZmZmZmZmZmZm"
    "ZmZmc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M"
)
_BASE64URL = "^[A-Za-z0-9_-]+$"
_COORDINATE = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"


class SessionResponse(ResponseModel):
    id: Id
    created_at: Timestamp
    last_used_at: Timestamp
    expires_at: Annotated[Timestamp, JsonSchema(examples=["2026-12-22T18:06:00.123Z"])]
    user_agent: Annotated[str, JsonSchema(maxLength=256, examples=["Mozilla/5.0"])]
    ip_address: Annotated[str, JsonSchema(maxLength=45, examples=["192.0.2.1"])]
    current: Annotated[bool, JsonSchema(description="whether this is the session of the request")]

    @classmethod
    def of(cls, session: Session, is_current: bool) -> Self:
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            ip_address=session.ip_address,
            current=is_current,
        )


class SessionPage(Page[SessionResponse]):
    """All active sessions of a user, on one page."""

    @classmethod
    def of_all(cls, sessions: Sequence[Session], current_id: str) -> Self:
        count = len(sessions)
        return cls(
            data=[SessionResponse.of(it, is_current=it.id == current_id) for it in sessions],
            meta=Meta(
                page=1,
                limit=MAX_SESSIONS,
                total=count,
                total_pages=min(count, 1),
                next_cursor=None,
            ),
            last_page=None,
        )


class TokenGrant(ResponseModel):
    """The result of a login or refresh: both tokens, and their session."""

    access_token: Annotated[
        str,
        JsonSchema(maxLength=2048, examples=["eyJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiIifQ.c2lnbmF0dXJl"]),
    ]
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: Annotated[
        int, JsonSchema(minimum=1, maximum=86400, description="seconds", examples=[900])
    ]
    refresh_token: Annotated[
        str, JsonSchema(maxLength=256, pattern=_BASE64URL, examples=[REFRESH_EXAMPLE])
    ]
    session: SessionResponse

    @classmethod
    def of(cls, grant: Grant, expires_in: int) -> Self:
        return cls(
            access_token=grant.access_token,
            expires_in=expires_in,
            refresh_token=grant.refresh_token,
            session=SessionResponse.of(grant.session, is_current=True),
        )


class PublicKey(ResponseModel):
    """A JSON Web Key (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, JsonSchema(maxLength=43, pattern=_BASE64URL, examples=[_COORDINATE])]
    y: Annotated[str, JsonSchema(maxLength=43, pattern=_BASE64URL, examples=[_COORDINATE])]
    kid: Annotated[str, JsonSchema(maxLength=64, examples=["0190a6b2-7c9e-7b1a-8f00-0000000000e1"])]
    alg: Literal["ES256"]
    use: Literal["sig"]

    @classmethod
    def of(cls, key: Mapping[str, str]) -> Self:
        """Return the members of a key that `load_jwks` has checked, without unknown ones."""
        return cls(
            kty="EC",
            crv="P-256",
            x=key["x"],
            y=key["y"],
            kid=key["kid"],
            alg="ES256",
            use="sig",
        )


class JwksResponse(ResponseModel):
    keys: Annotated[list[PublicKey], JsonSchema(maxItems=10)]

    @classmethod
    def of(cls, jwks: "Jwks") -> Self:
        return cls(keys=[PublicKey.of(key) for key in jwks["keys"]])
