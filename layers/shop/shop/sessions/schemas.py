"""Sessions as the API speaks of them."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr

from shop.http.parameters import PathId
from shop.pagination import ListQuery, Page, Slice
from shop.schemas import Body, Reply, Timestamp
from shop.sessions.models import MOST_SESSIONS, Grant, Session

SessionId = Annotated[str, PathId(current=True)]


class SessionCreate(Body):
    """Any spelling of the e-mail and any password, so that a wrong one is always 401."""

    email: Annotated[str, Field(examples=["ada@example.com"])]
    password: Annotated[SecretStr, Field(examples=["correct horse battery staple"])]


class AccessTokenCreate(Body):
    """Any text, so that what is no token is refused like one that is no longer good."""

    refresh_token: SecretStr


class SessionRead(Reply):
    id: str
    created_at: Timestamp
    last_used_at: Timestamp
    expires_at: Timestamp
    user_agent: str
    ip_address: str
    current: bool

    @classmethod
    def of(cls, session: Session, current: bool) -> Self:
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            ip_address=session.ip_address,
            current=current,
        )


class SessionPage(Page[SessionRead]):
    """All live sessions of a user: so few that they are one page."""

    @classmethod
    def of_all(cls, sessions: Sequence[Session], current_id: str) -> Self:
        return cls.of(
            Slice(sessions, next_cursor=None, total=len(sessions)),
            ListQuery(limit=MOST_SESSIONS),
            lambda session: SessionRead.of(session, current=session.id == current_id),
        )


class TokenGrant(Reply):
    """What a log-in and a refresh give: both tokens, and the session they belong to."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: Annotated[int, Field(description="seconds")]
    refresh_token: str
    session: SessionRead

    @classmethod
    def of(cls, grant: Grant, expires_in: int) -> Self:
        return cls(
            access_token=grant.access_token,
            expires_in=expires_in,
            refresh_token=grant.refresh_token,
            session=SessionRead.of(grant.session, current=True),
        )


class PublicKey(Reply):
    """A JSON Web Key; its names are the RFC's."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    alg: Literal["ES256"]
    use: Literal["sig"]


class JwksRead(Reply):
    keys: list[PublicKey]
