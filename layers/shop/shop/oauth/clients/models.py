"""The model of OAuth clients."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

MAX_REDIRECT_URIS = 10
MAX_SECRETS = 2  # the current one, and the previous one while servers change to the current


class ClientType(StrEnum):
    PUBLIC = "public"  # runs on a user's machine, so it keeps no secret
    CONFIDENTIAL = "confidential"


class ClientStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


class GrantType(StrEnum):
    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"


class ClientSecret(NamedTuple):
    """The stored part of a secret; the secret itself is only in the response that created it."""

    id: str
    digest: bytes  # SHA-256; 256 random bits need no slow hash
    created_at: datetime


class OAuthClient(NamedTuple):
    id: str
    name: str
    type: ClientType
    homepage: str | None
    redirect_uris: Sequence[str]
    grant_types: Sequence[GrantType]
    scopes: Sequence[str]
    status: ClientStatus
    secrets: Sequence[ClientSecret]  # newest first
    created_at: datetime
    updated_at: datetime
    version: int
    # The last time; what began before stays ended when the client is active again.
    deactivated_at: datetime | None = None

    @property
    def is_public(self) -> bool:
        return self.type is ClientType.PUBLIC

    @property
    def is_active(self) -> bool:
        return self.status is ClientStatus.ACTIVE

    def is_active_since(self, begun_at: datetime) -> bool:
        """Return whether what began then is still valid."""
        return self.is_active and (self.deactivated_at is None or begun_at > self.deactivated_at)
