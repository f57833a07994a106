"""OAuth's consents and token families in DynamoDB."""

from collections.abc import Iterator, Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode
from shop.dynamo.reads import batch_get
from shop.errors import Unauthorized
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.accounts.repository import STATE_ID
from shop.identity.sessions.models import RefreshDigests, Session
from shop.oauth.clients.models import OAuthClient
from shop.oauth.clients.repository import OAuthClientRepository
from shop.oauth.grants import repository
from shop.oauth.grants.models import CODE_LIFETIME, Consent, Family, FamilyState
from shop.oauth.grants.repository import GrantRepository
from shop.retries import StaleVersion
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.repositories.test_schema_versions import log_in
from tests.support import sample_items
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.sample_items import oauth_client
from tests.support.stored_shop import sign_up

GRANTS = GrantRepository()
DIGESTS = RefreshDigests(b"family", b"current", b"salt")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


@pytest.fixture
def user(aws: None) -> User:
    return sign_up()


@pytest.fixture
def session(user: User) -> Session:
    return log_in(user)


@pytest.fixture
def client(aws: None) -> OAuthClient:
    client = oauth_client(new_id())
    OAuthClientRepository().add(client, None, None)
    return client


def consent_of(user: User, client: OAuthClient, **changes: Any) -> Consent:
    consent = sample_items.consent_of(user.id, client, NOON)
    return replace(consent, **{"grant_id": "grant", "scopes": ["openid"]} | changes)


def family_of(user: User, client: OAuthClient, **changes: Any) -> Family:
    family = sample_items.family_of(consent_of(user, client), NOON)
    return replace(family, **changes)


def exchanged(family: Family, at: datetime = NOON) -> Family:
    return replace(
        family,
        state=FamilyState.LIVE,
        refresh=DIGESTS,
        last_used_at=at,
        idle_expires_at=at + timedelta(days=30),
        absolute_expires_at=at + timedelta(days=180),
    )


def authorize(
    client: OAuthClient,
    session: Session,
    before: Consent | None,
    after: Consent,
    family: Family,
    ended: Sequence[Family] = (),
    ends_session: bool = False,
) -> Family:
    GRANTS.authorize(client, session, before, after, family, ended, ends_session)
    return family


@pytest.fixture
def family(user: User, session: Session, client: OAuthClient) -> Family:
    return authorize(
        client, session, None, consent_of(user, client), family_of(user, client, nonce="n")
    )


def rows() -> list[dict[str, Any]]:
    return [decode(item) for item in dynamodb().scan(TableName=tables.grants())["Items"]]


def test_authorization_is_read_as_written(
    user: User, session: Session, client: OAuthClient, family: Family
) -> None:
    context = GRANTS.authorization_context(user.id, session.id, client.id)

    assert context.client == client and context.session == session
    assert context.account_state == AccountState(user.id, 1, UserStatus.ACTIVE, user.role)
    assert context.consent == consent_of(user, client)
    assert context.families == [family]
    assert GRANTS.of_user(user.id) == ([consent_of(user, client)], [family])


def test_context_is_read_again_while_a_change_that_keeps_the_session_is_half_done(
    user: User, session: Session, client: OAuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_done(keys: Mapping[str, Any]) -> dict[str, list[Item]]:
        monkeypatch.setattr(repository, "batch_get", batch_get)
        found = batch_get(keys)
        rows = found[tables.sessions()]
        newer = [row | {"epoch": 2} if row["id"] == STATE_ID else row for row in rows]
        return found | {tables.sessions(): newer}

    monkeypatch.setattr(repository, "batch_get", half_done)

    context = GRANTS.authorization_context(user.id, session.id, client.id)

    assert context.session == session and context.account_state is not None
    assert context.account_state.generation == session.generation


def test_context_of_strangers_is_empty(user: User, client: OAuthClient) -> None:
    context = GRANTS.authorization_context(new_id(), new_id(), new_id())

    assert context == (None, None, None, None, [])


def test_families_are_listed_newest_first_and_by_client(
    user: User, session: Session, client: OAuthClient, family: Family
) -> None:
    other = oauth_client(new_id())
    OAuthClientRepository().add(other, None, None)
    authorize(other, session, None, consent_of(user, other), family_of(user, other))
    before = consent_of(user, client)
    after = replace(before, version=2)
    second = authorize(client, session, before, after, family_of(user, client))

    found = GRANTS.authorization_context(user.id, session.id, client.id).families

    assert found == [second, family]


def test_ended_families_are_deleted_with_the_authorization(
    user: User, session: Session, client: OAuthClient, family: Family
) -> None:
    before = consent_of(user, client)
    second = authorize(
        client, session, before, replace(before, version=2), family_of(user, client), [family]
    )

    assert GRANTS.of_user(user.id)[1] == [second]


def test_session_ends_with_the_authorization_on_request(
    user: User, session: Session, client: OAuthClient
) -> None:
    consent, family = consent_of(user, client), family_of(user, client)

    authorize(client, session, None, consent, family, ends_session=True)

    assert GRANTS.authorization_context(user.id, session.id, client.id).session is None


def test_concurrent_consent_is_stale(
    user: User, session: Session, client: OAuthClient, family: Family
) -> None:
    before = rows()

    for stale in (None, consent_of(user, client, version=7)):
        with pytest.raises(StaleVersion):
            authorize(client, session, stale, consent_of(user, client), family_of(user, client))

    assert rows() == before


def test_changed_client_is_stale(user: User, session: Session, client: OAuthClient) -> None:
    for changed in (client._replace(version=2), client._replace(id=new_id())):
        with pytest.raises(StaleVersion):
            authorize(changed, session, None, consent_of(user, client), family_of(user, client))

    assert rows() == []


@pytest.mark.parametrize("ends_session", [True, False])
def test_ended_session_is_unauthorized(
    user: User, session: Session, client: OAuthClient, ends_session: bool
) -> None:
    consent, family = consent_of(user, client), family_of(user, client)

    for ended in (session._replace(id=new_id()), session._replace(generation=2)):
        with pytest.raises(Unauthorized):
            authorize(client, ended, None, consent, family, ends_session=ends_session)
    UserRepository().save(user, user._replace(status=UserStatus.INACTIVE, version=2))
    with pytest.raises(Unauthorized):
        authorize(client, session, None, consent, family, ends_session=ends_session)

    assert rows() == []


def test_standing_has_everything_that_tokens_depend_on(
    user: User, client: OAuthClient, family: Family
) -> None:
    standing = GRANTS.standing(user.id, client.id, family.id)

    assert standing.family == family
    assert standing.consent == consent_of(user, client)
    assert standing.client == client
    assert standing.account_state is not None
    assert standing.is_authorized(NOON) and not standing.is_live(NOON)
    assert GRANTS.standing(user.id, new_id(), family.id).family is None
    assert GRANTS.standing(new_id(), client.id, family.id).family is None


def test_code_is_exchanged_once(family: Family) -> None:
    live = exchanged(family)

    assert GRANTS.exchange(live, family.code_digest) is live
    assert GRANTS.standing(family.user_id, family.client_id, family.id).family == live
    again = replace(live, refresh=RefreshDigests(b"g", b"d", b"t"))
    assert GRANTS.exchange(again, family.code_digest) == live


def test_other_digest_exchanges_nothing(family: Family) -> None:
    assert GRANTS.exchange(exchanged(family), b"other") == family
    GRANTS.end(family)
    assert GRANTS.exchange(exchanged(family), family.code_digest) is None


def test_refresh_is_stored_once(family: Family) -> None:
    live = exchanged(family)
    GRANTS.exchange(live, family.code_digest)
    later = NOON + timedelta(days=1)
    digests = RefreshDigests(b"family", b"next", b"salt 2", b"current", later)
    rotated = replace(live, refresh=digests, last_used_at=later)

    assert GRANTS.rotate(rotated, b"current") is rotated
    assert GRANTS.standing(family.user_id, family.client_id, family.id).family == rotated
    assert GRANTS.rotate(rotated, b"current") == rotated
    assert GRANTS.rotate(replace(rotated, generation=2), b"next") == rotated
    GRANTS.end(rotated)
    assert GRANTS.rotate(rotated, b"next") is None


def test_family_of_another_secret_stays(family: Family) -> None:
    live = exchanged(family)
    GRANTS.exchange(live, family.code_digest)

    GRANTS.end(replace(live, refresh=RefreshDigests(b"forged", b"c", b"s")))
    assert GRANTS.standing(family.user_id, family.client_id, family.id).family == live

    GRANTS.end(live)
    assert GRANTS.standing(family.user_id, family.client_id, family.id).family is None


def test_end_of_a_consent_ends_its_families(
    user: User, client: OAuthClient, family: Family
) -> None:
    GRANTS.exchange(exchanged(family), family.code_digest)
    assert GRANTS.standing(user.id, client.id, family.id).is_live(NOON)

    assert GRANTS.end_consent(user.id, client.id)

    assert not GRANTS.standing(user.id, client.id, family.id).is_live(NOON)
    assert not GRANTS.end_consent(user.id, client.id)


def test_revoked_token_of_a_client_itself_is_recorded_until_it_expires(
    client: OAuthClient,
) -> None:
    assert GRANTS.own(client.id, "a token") == client

    GRANTS.revoke_own(client.id, "a token", NOON)

    assert GRANTS.own(client.id, "a token") is None
    assert GRANTS.own(client.id, "another") == client
    assert GRANTS.own(new_id(), "another") is None
    assert [row["ttl"] for row in rows()] == [int(NOON.timestamp())]


def test_every_row_ends_by_itself(user: User, client: OAuthClient, family: Family) -> None:
    def ends() -> list[int]:
        return sorted(int(row["ttl"]) for row in rows())

    code_end = int((NOON + CODE_LIFETIME).timestamp())
    consent_end = int((NOON + timedelta(days=180)).timestamp())
    assert ends() == [code_end, consent_end]

    GRANTS.exchange(exchanged(family), family.code_digest)

    idle_end = int((NOON + timedelta(days=30)).timestamp())
    assert ends() == [idle_end, consent_end]


def test_rows_hold_no_name_address_or_network(user: User, family: Family) -> None:
    text = repr(rows())

    assert user.name not in text and user.email not in text and "192.0.2" not in text
