"""Request bodies and queries of OAuth clients."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shop.http.list_queries import ListQuery
from shop.http.request_models import UNSET, Body, Patch
from shop.oauth.clients.models import MAX_REDIRECT_URIS, ClientStatus, ClientType, GrantType
from shop.oauth.redirect_uris import MAX_LENGTH, https_violation, redirect_violation
from shop.oauth.scopes import SCOPES
from shop.text import Name
from shop.violations import violation


def _redirect_uri(uri: str) -> str:
    if error := redirect_violation(uri):
        raise violation(*error)
    return uri


def _homepage(uri: str) -> str:
    if message := https_violation(uri):
        raise violation("homepage", message)
    return uri


def _scope(scope: str) -> str:
    if scope not in SCOPES:
        raise violation("unknown_scope", f"Must be one of {', '.join(SCOPES)}.")
    return scope


def _unique[T](values: list[T]) -> list[T]:
    return list(dict.fromkeys(values))


ClientName = Annotated[Name, Field(examples=["Invoice robot"])]
Homepage = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        description="shown with the name on the consent page",
        examples=["https://robot.example"],
        json_schema_extra={"format": "uri", "pattern": "^https://"},
    ),
    AfterValidator(_homepage),
]
RedirectUri = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        examples=["https://robot.example/callback"],
        json_schema_extra={"format": "uri", "pattern": "^[^?#*]+$"},
    ),
    AfterValidator(_redirect_uri),
]
RedirectUris = Annotated[
    list[RedirectUri],
    Field(
        max_length=MAX_REDIRECT_URIS,
        description="compared as a whole; of http://127.0.0.1 and http://[::1] the port may differ",
    ),
    AfterValidator(_unique),
]
GrantTypes = Annotated[
    list[Annotated[GrantType, Field(strict=False)]],
    Field(min_length=1, max_length=len(GrantType)),
    AfterValidator(_unique),
]
Scopes = Annotated[
    list[Annotated[str, AfterValidator(_scope), Field(json_schema_extra={"enum": list(SCOPES)})]],
    Field(max_length=len(SCOPES), examples=[["openid", "orders:read"]]),
    AfterValidator(_unique),
]


class OAuthClientCreate(Body):
    name: ClientName
    type: Annotated[ClientType, Field(strict=False, examples=["confidential"])]
    homepage: Homepage | None = None
    redirect_uris: RedirectUris
    grant_types: GrantTypes
    scopes: Scopes


class OAuthClientUpdate(Patch):
    name: ClientName = UNSET
    homepage: Homepage | None = UNSET
    redirect_uris: RedirectUris = UNSET
    grant_types: GrantTypes = UNSET
    scopes: Scopes = UNSET
    status: Annotated[ClientStatus, Field(strict=False)] = UNSET


class OAuthClientListQuery(ListQuery):
    status: ClientStatus | None = None
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"


class ClientSecretCreate(Body):
    keep_previous: Annotated[
        bool, Field(description="whether the newest earlier secret stays valid", examples=[True])
    ]
