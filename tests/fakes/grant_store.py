"""OAuth's consents and families in memory, with the conditions of the table."""

from collections.abc import Callable, Sequence
from copy import replace
from datetime import timedelta

from shop.caller import Role
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.sessions.models import Session
from shop.oauth.clients.models import ClientType, GrantType, OAuthClient
from shop.oauth.grants.models import (
    AuthorizationContext,
    Consent,
    Family,
    FamilyState,
    Standing,
)
from shop.retries import StaleVersion
from tests.support.fixtures import ALICE, NOON
from tests.support.sample_items import oauth_client

PHONE = oauth_client()._replace(
    type=ClientType.PUBLIC, redirect_uris=["com.example.robot:/callback"]
)
STATE = AccountState(ALICE.id, 1, UserStatus.ACTIVE, Role.CUSTOMER)


class FakeGrantStore:
    """One user and one client; `meanwhile` runs between a read and its write."""

    def __init__(self, client: OAuthClient | None = PHONE) -> None:
        self.client = client
        self.state: AccountState | None = STATE
        self.session: Session | None = None
        self.consent: Consent | None = None
        self.families: dict[str, Family] = {}
        self.ended: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def get(self, client_id: str) -> OAuthClient | None:
        return self.client if self.client and client_id == self.client.id else None

    def authorization_context(
        self, user_id: str, session_id: str, client_id: str
    ) -> AuthorizationContext:
        families = sorted(self.families.values(), key=lambda it: it.id, reverse=True)
        found = AuthorizationContext(
            self.get(client_id), self.session, self.state, self.consent, families
        )
        return found

    def authorize(
        self,
        client: OAuthClient,
        session: Session,
        before: Consent | None,
        after: Consent,
        family: Family,
        ended: Sequence[Family],
        ends_session: bool,
    ) -> None:
        self._overtake()
        if before != self.consent or client != self.client:
            raise StaleVersion
        self.consent = after
        self.families[family.id] = family
        for it in ended:
            del self.families[it.id]
        if ends_session:
            self.session = None

    def standing(self, user_id: str, client_id: str, family_id: str) -> Standing:
        family = self.families.get(family_id)
        if family is not None and (family.user_id, family.client_id) != (user_id, client_id):
            family = None
        return Standing(family, self.consent, self.state, self.get(client_id))

    def exchange(self, family: Family, code_digest: bytes) -> Family | None:
        self._overtake()
        stored = self.families.get(family.id)
        if stored is None or stored.state is not FamilyState.CODE:
            return stored
        self.families[family.id] = family
        return family

    def rotate(self, family: Family, spent: bytes) -> Family | None:
        self._overtake()
        stored = self.families.get(family.id)
        if stored is None or stored.refresh is None or not stored.refresh.is_current(spent):
            return stored
        self.families[family.id] = family
        return family

    def end(self, family: Family) -> None:
        self.ended.append(family.id)
        self.families.pop(family.id, None)

    def _overtake(self) -> None:
        work, self.meanwhile = self.meanwhile, lambda: None
        work()


def consent_of(client: OAuthClient = PHONE, *scopes: str) -> Consent:
    return Consent(
        user_id=ALICE.id,
        client_id=client.id,
        grant_id="grant",
        scopes=scopes or client.scopes,
        created_at=NOON,
        updated_at=NOON,
        ends_at=NOON + timedelta(days=180),
        version=1,
    )


def without(client: OAuthClient, grant_type: GrantType) -> OAuthClient:
    kept = [it for it in client.grant_types if it is not grant_type]
    return replace(client, grant_types=kept)
