"""The rules of OAuth clients."""

from collections.abc import Sequence
from typing import Any

import pytest

from shop.caller import Caller
from shop.errors import (
    Forbidden,
    NotFound,
    PreconditionFailed,
    PublicClient,
    ServiceUnavailable,
    ValidationFailed,
)
from shop.http.response import Response
from shop.idempotency import KEPT_FOR, IdempotentRequest, Record, Replayed
from shop.identifiers import new_id
from shop.oauth.clients.models import ClientStatus, ClientType, OAuthClient
from shop.oauth.clients.requests import (
    ClientSecretCreate,
    OAuthClientCreate,
    OAuthClientListQuery,
    OAuthClientUpdate,
)
from shop.oauth.clients.service import OAuthClientService
from shop.oauth.opaque import digest_of
from shop.pagination import IndexPage, PageRequest
from shop.preconditions import Precondition
from shop.retries import StaleVersion
from tests.support.fixtures import ADMIN, ALICE, NOON

ANY = Precondition()
CREATED = Response(201, {}, "created")
WEB: dict[str, Any] = {
    "name": "Invoice robot",
    "type": "confidential",
    "homepage": "https://robot.example",
    "redirectUris": ["https://robot.example/callback"],
    "grantTypes": ["authorization_code", "refresh_token"],
    "scopes": ["openid", "orders:read"],
}
MOBILE = WEB | {"type": "public", "redirectUris": ["com.example.robot:/callback"]}


class FakeClientStore:
    """Clients in memory; `overtaken` writes fail since another was faster."""

    def __init__(self) -> None:
        self.clients: dict[str, OAuthClient] = {}
        self.by_admin: list[str | None] = []
        self.records: list[Record | None] = []
        self.committed_record: Record | None = None
        self.rejection: Exception | None = None
        self.overtaken = 0

    def find_record(self, idempotency_key: str | None) -> Record | None:
        return None

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        return self.committed_record

    def add(self, client: OAuthClient, record: Record | None, by_admin: str | None) -> None:
        if self.rejection is not None:
            raise self.rejection
        self.by_admin.append(by_admin)
        self.records.append(record)
        self.clients[client.id] = client

    def get(self, client_id: str) -> OAuthClient | None:
        return self.clients.get(client_id)

    def list(
        self, statuses: Sequence[ClientStatus], page_request: PageRequest, is_descending: bool
    ) -> IndexPage[OAuthClient]:
        found = [it for it in self.clients.values() if it.status in statuses]
        return IndexPage(found, None)

    def save(self, before: OAuthClient, after: OAuthClient, by_admin: str | None) -> None:
        self._overtake()
        self.by_admin.append(by_admin)
        self.clients[after.id] = after

    def delete(self, client: OAuthClient, by_admin: str | None) -> None:
        self._overtake()
        self.by_admin.append(by_admin)
        del self.clients[client.id]

    def _overtake(self) -> None:
        if self.overtaken:
            self.overtaken -= 1
            raise StaleVersion


@pytest.fixture
def store() -> FakeClientStore:
    return FakeClientStore()


@pytest.fixture
def service(store: FakeClientStore) -> OAuthClientService:
    secrets = iter(f"shop_cs_{number}" for number in range(9))
    return OAuthClientService(store, lambda: NOON, new_id, lambda: next(secrets))


def body(given: dict[str, Any]) -> OAuthClientCreate:
    return OAuthClientCreate.model_validate(given, strict=False)


def patch(**changes: Any) -> OAuthClientUpdate:
    return OAuthClientUpdate.model_validate(changes, strict=False)


def idempotency(key: str | None = None) -> IdempotentRequest:
    return IdempotentRequest(key, b"digest", lambda _: CREATED, lambda: NOON)


def create(service: OAuthClientService, **fields: Any) -> OAuthClient:
    return service.create(ADMIN, body(WEB | fields), idempotency())


def secret(keep: bool) -> ClientSecretCreate:
    return ClientSecretCreate.model_validate({"keepPrevious": keep})


def codes(failure: ValidationFailed) -> list[tuple[str, str]]:
    return [(detail.field, detail.code) for detail in failure.details]


def test_registered_client_is_active_without_a_secret(
    service: OAuthClientService, store: FakeClientStore
) -> None:
    client = create(service)

    assert client == store.clients[client.id]
    assert (client.type, client.status) == (ClientType.CONFIDENTIAL, ClientStatus.ACTIVE)
    assert client.secrets == () and client.version == 1
    assert store.by_admin == [ADMIN.id]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"redirectUris": []}, [("body.redirectUris", "redirect_uri_missing")]),
        (
            {"grantTypes": ["refresh_token", "client_credentials"]},
            [("body.grantTypes", "grant_type_missing")],
        ),
        (
            {"redirectUris": ["https://robot.example/a", "http://127.0.0.1/b"]},
            [("body.redirectUris.1", "confidential_client")],
        ),
        (
            {"type": "public", "grantTypes": ["client_credentials"]},
            [("body.grantTypes", "public_client")],
        ),
        (
            {"type": "public", "scopes": ["orders:read", "admin:orders:read"]},
            [("body.scopes.1", "public_client")],
        ),
        (
            {"type": "public", "scopes": ["admin:orders:read"], "redirectUris": []},
            [
                ("body.redirectUris", "redirect_uri_missing"),
                ("body.scopes.0", "public_client"),
            ],
        ),
    ],
)
def test_fields_that_do_not_fit_together_are_rejected(
    service: OAuthClientService,
    store: FakeClientStore,
    fields: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    with pytest.raises(ValidationFailed) as raised:
        create(service, **fields)

    assert codes(raised.value) == expected
    assert store.clients == {}


def test_public_client_may_use_its_machine(service: OAuthClientService) -> None:
    client = service.create(ADMIN, body(MOBILE), idempotency())

    assert client.is_public


def test_repeated_values_count_once() -> None:
    twice = ["authorization_code", "refresh_token", "authorization_code"]
    given = body(WEB | {"scopes": ["openid", "openid"], "grantTypes": twice})

    assert given.scopes == ["openid"]
    assert given.grant_types == WEB["grantTypes"]


def test_equal_request_is_replayed(service: OAuthClientService, store: FakeClientStore) -> None:
    store.rejection = StaleVersion()
    store.committed_record = Record("key", b"digest", CREATED, NOON + KEPT_FOR)

    with pytest.raises(Replayed):
        service.create(ADMIN, body(WEB), idempotency("key"))

    store.committed_record = None
    with pytest.raises(ServiceUnavailable):
        service.create(ADMIN, body(WEB), idempotency("key"))


def test_change_is_checked_against_all_fields(
    service: OAuthClientService, store: FakeClientStore
) -> None:
    client = create(service)

    with pytest.raises(ValidationFailed) as raised:
        service.update(ADMIN, client.id, patch(redirectUris=[]), ANY)

    assert codes(raised.value) == [("body.redirectUris", "redirect_uri_missing")]
    assert store.clients[client.id] == client


def test_change_is_repeated_after_another(
    service: OAuthClientService, store: FakeClientStore
) -> None:
    client = create(service)
    store.overtaken = 2

    changed = service.update(ADMIN, client.id, patch(status="inactive", homepage=None), ANY)

    assert (changed.status, changed.homepage) == (ClientStatus.INACTIVE, None)
    assert changed.deactivated_at is not None
    assert changed.version == 2 and store.clients[client.id] == changed


def test_change_of_nothing_writes_nothing(
    service: OAuthClientService, store: FakeClientStore
) -> None:
    client = create(service)

    assert service.update(ADMIN, client.id, patch(name=client.name), ANY) == client
    assert store.by_admin == [ADMIN.id]


def test_other_version_is_neither_changed_nor_deleted(
    service: OAuthClientService, store: FakeClientStore
) -> None:
    client, other = create(service), Precondition(frozenset({'"7"'}))

    with pytest.raises(PreconditionFailed):
        service.update(ADMIN, client.id, patch(name="Other"), other)
    with pytest.raises(PreconditionFailed):
        service.delete(ADMIN, client.id, other)

    assert store.clients == {client.id: client}


def test_new_secret_is_stored_as_its_digest(
    service: OAuthClientService, store: FakeClientStore
) -> None:
    client = create(service)

    created, text = service.create_secret(ADMIN, client.id, secret(keep=True))

    assert created.digest == digest_of(text)
    assert text not in repr(store.clients)
    assert store.clients[client.id].version == 2


def test_newest_earlier_secret_stays_on_request(
    service: OAuthClientService, store: FakeClientStore
) -> None:
    client = create(service)
    first, second, third = (
        service.create_secret(ADMIN, client.id, secret(keep=True))[0] for _ in range(3)
    )

    assert store.clients[client.id].secrets == [third, second]
    assert first not in store.clients[client.id].secrets

    (fourth, _) = service.create_secret(ADMIN, client.id, secret(keep=False))

    assert store.clients[client.id].secrets == [fourth]


def test_public_client_gets_no_secret(service: OAuthClientService) -> None:
    client = service.create(ADMIN, body(MOBILE), idempotency())

    with pytest.raises(PublicClient):
        service.create_secret(ADMIN, client.id, secret(keep=True))


def test_list_has_no_total(service: OAuthClientService) -> None:
    client = create(service)

    page = service.list(ADMIN, OAuthClientListQuery())

    assert (page.items, page.total) == ([client], None)


@pytest.mark.parametrize("caller", [ALICE])
def test_others_are_forbidden(service: OAuthClientService, caller: Caller) -> None:
    client = create(service)

    for work in (
        lambda: service.create(caller, body(WEB), idempotency()),
        lambda: service.read(caller, client.id),
        lambda: service.list(caller, OAuthClientListQuery()),
        lambda: service.update(caller, client.id, patch(name="Mine"), ANY),
        lambda: service.create_secret(caller, client.id, secret(keep=False)),
        lambda: service.delete(caller, client.id, ANY),
    ):
        with pytest.raises(Forbidden):
            work()


def test_deleted_client_is_not_found(service: OAuthClientService) -> None:
    client = create(service)
    service.delete(ADMIN, client.id, ANY)

    for work in (
        lambda: service.read(ADMIN, client.id),
        lambda: service.update(ADMIN, client.id, patch(name="Robot"), ANY),
        lambda: service.create_secret(ADMIN, client.id, secret(keep=False)),
        lambda: service.delete(ADMIN, client.id, ANY),
    ):
        with pytest.raises(NotFound):
            work()
