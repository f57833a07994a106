"""OAuth clients in DynamoDB."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shop.errors import Forbidden
from shop.http.response import Response
from shop.idempotency import Record
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.oauth.clients.models import (
    ClientSecret,
    ClientStatus,
    ClientType,
    GrantType,
    OAuthClient,
)
from shop.oauth.clients.repository import OAuthClientRepository
from shop.pagination import PageRequest
from shop.retries import StaleVersion
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.stored_shop import sign_up

REPOSITORY = OAuthClientRepository()
ALL = [*ClientStatus]


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def client(status: ClientStatus = ClientStatus.ACTIVE, homepage: str | None = None) -> OAuthClient:
    return OAuthClient(
        id=new_id(),
        name="Invoice robot",
        type=ClientType.CONFIDENTIAL,
        homepage=homepage,
        redirect_uris=["https://robot.example/callback"],
        grant_types=[GrantType.AUTHORIZATION_CODE],
        scopes=["openid"],
        status=status,
        secrets=[ClientSecret(new_id(), b"digest", NOON)],
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )


def kept(it: OAuthClient) -> OAuthClient:
    REPOSITORY.add(it, None, None)
    return it


@pytest.mark.parametrize("client_id", ["", "me", "x" * 3000, "A" * 36, "\0"])
def test_text_that_is_no_id_is_no_client(client_id: str) -> None:
    assert REPOSITORY.get(client_id) is None


@pytest.mark.parametrize("homepage", [None, "https://robot.example"])
def test_client_is_read_as_written(homepage: str | None) -> None:
    it = kept(client(homepage=homepage))

    assert REPOSITORY.get(it.id) == it
    assert REPOSITORY.get(new_id()) is None


def test_client_and_record_are_written_together() -> None:
    it = client()
    record = Record("key", b"digest", Response(201, {}, "{}"), NOON + timedelta(days=9999))

    REPOSITORY.add(it, record, None)

    assert REPOSITORY.find_record("key") == record
    with pytest.raises(StaleVersion):
        REPOSITORY.add(other := client(), record, None)
    assert REPOSITORY.get(other.id) is None


def test_changes_are_written_unless_another_was_faster() -> None:
    it = kept(client())
    after = it._replace(
        name="Robot",
        homepage="https://robot.example",
        redirect_uris=[],
        grant_types=[],
        scopes=[],
        status=ClientStatus.INACTIVE,
        secrets=[],
        updated_at=NOON + timedelta(days=1),
        version=2,
    )

    REPOSITORY.save(it, after, None)

    assert REPOSITORY.get(it.id) == after
    with pytest.raises(StaleVersion):
        REPOSITORY.save(it, after, None)
    with pytest.raises(StaleVersion):
        REPOSITORY.delete(it, None)
    assert REPOSITORY.get(it.id) == after


def test_deleted_client_is_gone() -> None:
    it = kept(client())

    REPOSITORY.delete(it, None)

    assert REPOSITORY.get(it.id) is None
    with pytest.raises(StaleVersion):
        REPOSITORY.delete(it, None)


def test_list_has_the_clients_of_the_statuses_in_order() -> None:
    first, second, third = (kept(client(status)) for status in (ALL[0], ALL[1], ALL[0]))
    page_request = PageRequest(None, 0, 10)

    def listed(*statuses: ClientStatus, is_descending: bool = False) -> list[OAuthClient]:
        return [*REPOSITORY.list(statuses, page_request, is_descending).items]

    assert listed(*ALL) == [first, second, third]
    assert listed(*ALL, is_descending=True) == [third, second, first]
    assert listed(ALL[0]) == [first, third]
    assert listed(ALL[1]) == [second]


def test_writes_need_an_active_admin() -> None:
    customer, it = sign_up(), kept(client())
    assert customer.status is UserStatus.ACTIVE

    with pytest.raises(Forbidden):
        REPOSITORY.add(other := client(), None, customer.id)
    with pytest.raises(Forbidden):
        REPOSITORY.save(it, it._replace(version=2), customer.id)
    with pytest.raises(Forbidden):
        REPOSITORY.delete(it, new_id())

    assert REPOSITORY.get(it.id) == it
    assert REPOSITORY.get(other.id) is None
