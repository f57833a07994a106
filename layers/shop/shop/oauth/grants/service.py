"""The grants of a user: which clients may use the account, and their end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from shop.caller import Caller
from shop.clock import Clock
from shop.errors import NotFound
from shop.identity.accounts.models import AccountState
from shop.oauth.clients.models import OAuthClient
from shop.oauth.grants.models import Consent, Family, Standing


class UserGrants(NamedTuple):
    """Everything that a user allows, as read together."""

    consents: Sequence[Consent]
    families: Sequence[Family]
    account_state: AccountState | None
    clients: Mapping[str, OAuthClient]  # by id; deleted ones are absent


class Grant(NamedTuple):
    """A client that a user allows, and its use."""

    client: OAuthClient
    scopes: Sequence[str]
    created_at: datetime
    last_used_at: datetime | None
    devices: int  # live token families


class GrantStore(Protocol):
    def user_grants(self, user_id: str) -> UserGrants: ...

    def end_consent(self, user_id: str, client_id: str) -> bool:
        """End the consent with all families; return whether it existed."""


class GrantService:
    def __init__(self, grants: GrantStore, clock: Clock) -> None:
        self._grants = grants
        self._clock = clock

    def list(self, caller: Caller) -> Sequence[Grant]:
        """Return the caller's grants, newest first; those of deleted clients have ended."""
        found, now = self._grants.user_grants(caller.id), self._clock()
        grants = [
            _grant(client, consent, found, now)
            for consent in found.consents
            if now < consent.ends_at and (client := found.clients.get(consent.client_id))
        ]
        return sorted(grants, key=lambda grant: grant.created_at, reverse=True)

    def end(self, caller: Caller, client_id: str) -> None:
        """End a grant: its refresh tokens at once, its access tokens within a minute."""
        if not self._grants.end_consent(caller.id, client_id):
            raise NotFound


def _grant(client: OAuthClient, consent: Consent, found: UserGrants, now: datetime) -> Grant:
    live = [
        family
        for family in found.families
        if Standing(family, consent, found.account_state, client).is_live(now)
        and family.client_id == client.id
    ]
    used = [family.last_used_at for family in live if family.last_used_at is not None]
    return Grant(client, consent.scopes, consent.created_at, max(used, default=None), len(live))
