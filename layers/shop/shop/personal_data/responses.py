"""The export of personal data, as JSON."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from shop.http.pages import NextCursor
from shop.http.response_fields import Id, NameRead, Timestamp
from shop.http.response_models import ResponseModel
from shop.identity.authenticators.responses import AuthenticatorResponse
from shop.identity.sessions.models import Session
from shop.json_schema import JsonSchema
from shop.oauth.grants.models import Consent, Family
from shop.orders.responses import OrderResponse
from shop.personal_data.models import MAX_ORDERS, PersonalData, Statement
from shop.users.models import MAX_FORMER_EMAILS, User
from shop.users.responses import UserResponse

if TYPE_CHECKING:
    from shop.http.request import Request

_MAX_ROWS = 10_000  # no account has as many sessions or grants
_TIME = "2026-11-22T18:06:00.123Z"
_MAYBE_TIME = JsonSchema(format="date-time", maxLength=24, examples=[_TIME])
_EXPIRY = Annotated[Timestamp, JsonSchema(examples=["2026-12-22T18:06:00.123Z"])]
_Text = Annotated[str, JsonSchema(maxLength=300)]
_Scopes = Annotated[
    list[Annotated[str, JsonSchema(maxLength=100)]],
    JsonSchema(maxItems=100, examples=[["openid", "orders:read"]]),
]
_AppName = Annotated[NameRead | None, JsonSchema(description="null for a deleted application")]


class PersonalUserResponse(UserResponse):
    """A user, with fields that no other response has."""

    former_emails: Annotated[
        list[Annotated[str, JsonSchema(format="email", maxLength=254)]],
        JsonSchema(maxItems=MAX_FORMER_EMAILS, examples=[["ada@former.example"]]),
    ]
    password_changed_at: Annotated[datetime | None, _MAYBE_TIME]

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(
            **vars(UserResponse.of(user)),
            former_emails=[it.email for it in user.former_emails],
            password_changed_at=user.password_changed_at,
        )


class PersonalSessionResponse(ResponseModel):
    """A session; ended ones stay until the database deletes them."""

    id: Id
    created_at: Timestamp
    last_used_at: Timestamp
    expires_at: _EXPIRY
    user_agent: Annotated[str, JsonSchema(maxLength=256, examples=["Mozilla/5.0"])]
    ip_address: Annotated[str, JsonSchema(maxLength=45, examples=["192.0.2.1"])]

    @classmethod
    def of(cls, session: Session) -> Self:
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            ip_address=session.ip_address,
        )


class PersonalGrantResponse(ResponseModel):
    """The access that the user allows an application."""

    client_id: Id
    client_name: Annotated[_AppName, JsonSchema(examples=["Invoice robot"])]
    scopes: _Scopes
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: _EXPIRY

    @classmethod
    def of(cls, consent: Consent, client_name: str | None) -> Self:
        return cls(
            client_id=consent.client_id,
            client_name=client_name,
            scopes=list(consent.scopes),
            created_at=consent.created_at,
            updated_at=consent.updated_at,
            expires_at=consent.ends_at,
        )


class AppSessionResponse(ResponseModel):
    """A sign-in to an application; ended ones stay until the database deletes them."""

    client_id: Id
    client_name: Annotated[_AppName, JsonSchema(examples=["Invoice robot"])]
    scopes: _Scopes
    redirect_uri: Annotated[
        str,
        JsonSchema(format="uri", maxLength=2048, examples=["https://robot.example/callback"]),
    ]
    nonce: Annotated[
        str | None,
        JsonSchema(
            maxLength=2048,
            description="the value that the application sent with the sign-in",
            examples=["n-0S6_WzA2Mj"],
        ),
    ]
    authenticated_at: Timestamp
    created_at: Timestamp
    last_used_at: Annotated[datetime | None, _MAYBE_TIME]
    expires_at: _EXPIRY

    @classmethod
    def of(cls, family: Family, client_name: str | None) -> Self:
        return cls(
            client_id=family.client_id,
            client_name=client_name,
            scopes=list(family.scopes),
            redirect_uri=family.redirect_uri,
            nonce=family.nonce,
            authenticated_at=family.authenticated_at,
            created_at=family.created_at,
            last_used_at=family.last_used_at,
            expires_at=family.expires_at,
        )


class PersonalDataCategory(ResponseModel):
    """A kind of data: the information of Article 15 of the GDPR."""

    data: Annotated[
        str, JsonSchema(maxLength=50, description="a field of this document", examples=["orders"])
    ]
    purpose: Annotated[_Text, JsonSchema(examples=["to fulfil your orders"])]
    kept_for: Annotated[_Text, JsonSchema(examples=["without a limit"])]
    recipients: Annotated[
        list[Annotated[str, JsonSchema(maxLength=253)]],
        JsonSchema(
            maxItems=20,
            description="hosts that receive changes of this data",
            examples=[["hooks.example.com"]],
        ),
    ]
    omitted: Annotated[
        str | None,
        JsonSchema(
            maxLength=300,
            description="why this document does not contain the data; null if it does",
            examples=[None],
        ),
    ]

    @classmethod
    def of(cls, statement: Statement) -> Self:
        category = statement.category
        return cls(
            data=category.data,
            purpose=category.purpose,
            kept_for=category.kept_for,
            recipients=list(statement.recipients),
            omitted=category.omitted,
        )


class PersonalDataMeta(ResponseModel):
    next_cursor: NextCursor


class PersonalDataResponse(ResponseModel):
    """Everything that is stored about a user; later pages have orders only."""

    sends = ("Content-Disposition",)

    format: Literal["shop-personal-data/1"] = "shop-personal-data/1"
    exported_at: Timestamp
    subject: Annotated[Id, JsonSchema(description="the id of the user")]
    user: PersonalUserResponse | None
    sessions: Annotated[list[PersonalSessionResponse] | None, JsonSchema(maxItems=_MAX_ROWS)]
    authenticators: Annotated[list[AuthenticatorResponse] | None, JsonSchema(maxItems=_MAX_ROWS)]
    grants: Annotated[list[PersonalGrantResponse] | None, JsonSchema(maxItems=_MAX_ROWS)]
    app_sessions: Annotated[list[AppSessionResponse] | None, JsonSchema(maxItems=_MAX_ROWS)]
    about: Annotated[list[PersonalDataCategory] | None, JsonSchema(maxItems=100)]
    orders: Annotated[list[OrderResponse], JsonSchema(maxItems=MAX_ORDERS)]
    meta: PersonalDataMeta

    @classmethod
    def of(cls, data: PersonalData) -> Self:
        account = data.account
        names = {} if account is None else account.app_names
        return cls(
            exported_at=data.exported_at,
            subject=data.user.id,
            user=None if account is None else PersonalUserResponse.of(data.user),
            sessions=account and [PersonalSessionResponse.of(it) for it in account.sessions],
            authenticators=account
            and [AuthenticatorResponse.of(it) for it in account.authenticators],
            grants=account
            and [PersonalGrantResponse.of(it, names.get(it.client_id)) for it in account.consents],
            app_sessions=account
            and [AppSessionResponse.of(it, names.get(it.client_id)) for it in account.families],
            about=account and [PersonalDataCategory.of(it) for it in data.statements],
            orders=[OrderResponse.of(order) for order in data.orders],
            meta=PersonalDataMeta(next_cursor=data.next_cursor),
        )

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        """Return the name under which browsers and curl save the response (RFC 6266)."""
        name = f"personal-data-{self.subject}.json"
        return {"Content-Disposition": f'attachment; filename="{name}"'}
