"""Consents of users, and token families: one authorization each, with its tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.sessions.models import RefreshDigests, Session
from shop.oauth.clients.models import OAuthClient

CODE_LIFETIME = timedelta(seconds=60)
CONSENT_LIFETIME = timedelta(days=180)
MAX_FAMILIES = 20  # of a user and client


class Consent(NamedTuple):
    """The scopes that a user allows a client.

    Families have its `grant_id` and end with it: a later consent of the same user and client has
    another one.
    """

    user_id: str
    client_id: str
    grant_id: str
    scopes: Sequence[str]
    created_at: datetime
    updated_at: datetime
    ends_at: datetime
    version: int


class FamilyState(StrEnum):
    CODE = "code"  # its code is not exchanged yet
    LIVE = "live"


class Family(NamedTuple):
    """One authorization: first a code, then the tokens that it was exchanged for.

    The fields of the code stay, so that a second valid use is recognized.
    """

    user_id: str
    client_id: str
    id: str
    grant_id: str
    generation: int  # of the user's sessions
    state: FamilyState
    scopes: Sequence[str]
    code_digest: bytes
    code_challenge: str
    redirect_uri: str
    nonce: str | None
    authenticated_at: datetime
    code_expires_at: datetime
    created_at: datetime
    refresh: RefreshDigests | None = None  # the remaining fields: None until the exchange
    last_used_at: datetime | None = None
    idle_expires_at: datetime | None = None
    absolute_expires_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        if self.idle_expires_at is None or self.absolute_expires_at is None:
            return self.code_expires_at
        return min(self.idle_expires_at, self.absolute_expires_at)


class AuthorizationContext(NamedTuple):
    """What an authorization depends on, as read together."""

    client: OAuthClient | None
    session: Session | None
    account_state: AccountState | None
    consent: Consent | None
    families: Sequence[Family]  # of the user and client, newest first


class Standing(NamedTuple):
    """A family with everything that its tokens depend on, as read together."""

    family: Family | None
    consent: Consent | None
    account_state: AccountState | None
    client: OAuthClient | None

    def is_authorized(self, now: datetime) -> bool:
        """Return whether the user, the client and the consent still allow the family."""
        family, consent, state, client = self
        return (
            family is not None
            and consent is not None
            and state is not None
            and client is not None
            and client.is_active_since(family.created_at)
            and state.status is UserStatus.ACTIVE
            and state.generation == family.generation
            and consent.grant_id == family.grant_id
            and now < family.expires_at
        )

    def is_live(self, now: datetime) -> bool:
        """Return whether access tokens of the family are valid."""
        return (
            self.family is not None
            and self.family.state is FamilyState.LIVE
            and self.is_authorized(now)
        )

    @property
    def scopes(self) -> Sequence[str]:
        """The scopes that family, consent and client have in common, in the family's order."""
        if self.family is None or self.consent is None or self.client is None:
            return ()
        allowed = {*self.consent.scopes} & {*self.client.scopes}
        return [scope for scope in self.family.scopes if scope in allowed]
