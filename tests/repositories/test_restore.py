"""Restore: lost items return from a copy of a table with their related items, and no others."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import now
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.errors import LimitReached
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.accounts.repository import AccountRepository
from shop.identity.authenticators.repository import AuthenticatorRepository
from shop.identity.codes.models import AuthenticatorApp
from shop.identity.login_attempts.service import login_attempt
from shop.mail.repository import DeliveryLogRepository
from shop.oauth.clients.repository import OAuthClientRepository
from shop.oauth.grants.repository import GrantRepository
from shop.orders.models import OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from shop.webhooks.models import MAX_ENDPOINTS
from shop.webhooks.repository import WebhookRepository
from tests.repositories.test_schema_versions import log_in
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.sample_items import (
    consent_of,
    family_of,
    oauth_client,
    webhook_delivery,
    webhook_endpoint,
)
from tests.support.stored_shop import keep, place, sign_up
from tools.restore.comparison import Comparer, Comparison
from tools.restore.counts import count_admins, count_orders
from tools.restore.restorer import Outcome, Restorer
from tools.restore.table_specs import TABLE_SPECS, LiveReader
from tools.tables.rate import Rate


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def copied(table: str) -> str:
    """Copy a table like point-in-time recovery, by operations that all stores of the tests have."""
    described: Any = dynamodb().describe_table(TableName=table)["Table"]
    keys = {key["AttributeName"] for key in described["KeySchema"]}
    name = f"{table}-restored"
    dynamodb().create_table(
        TableName=name,
        KeySchema=described["KeySchema"],
        AttributeDefinitions=[
            it for it in described["AttributeDefinitions"] if it["AttributeName"] in keys
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for item in rows(table):
        dynamodb().put_item(TableName=name, Item=encode(item))
    return name


def rows(table: str) -> list[Item]:
    return [decode(item) for item in dynamodb().scan(TableName=table)["Items"]]


def get(table: str, **key: str) -> Item | None:
    response = dynamodb().get_item(TableName=table, Key=encode(key), ConsistentRead=True)
    return decode(response["Item"]) if "Item" in response else None


def delete(table: str, **key: str) -> None:
    dynamodb().delete_item(TableName=table, Key=encode(key))


def change(table: str, key: dict[str, str], **values: Any) -> None:
    dynamodb().update_item(
        TableName=table,
        Key=encode(key),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues=encode({f":{name}": value for name, value in values.items()}),
    )


class Restore:
    """Return a restore of one table from a copy created now."""

    def __init__(self, table: str, credentials: str | None = None) -> None:
        self.spec = TABLE_SPECS[table]
        self.copy = copied(self.spec.table())
        if table == "CredentialsTable":
            credentials = self.copy
        self.restorer = Restorer(self.spec, self.copy, LiveReader(dynamodb(), credentials))

    def compare(self) -> Comparison:
        comparer = Comparer(dynamodb(), Rate(1e6), self.spec.keys, self.spec.name)
        return comparer.compare(self.spec.table(), self.copy)

    def missing(self) -> set[str]:
        return {*self.restorer.find_missing(self.compare())}

    def doubtful(self) -> dict[str, str | None]:
        missing = self.restorer.find_missing(self.compare())
        return {name: self.restorer.deletion_reason(key) for name, key in missing.items()}

    def restore(self, *names: str) -> list[Outcome]:
        return [*self.restorer.restore(self.restorer.find_keys(self.compare(), names))]

    def restore_changed(self, id_: str) -> list[Outcome]:
        [name] = [name for name in self.compare().changed if name.startswith(id_)]
        return self.restore(name)


def test_comparison_distinguishes_equal_missing_changed_and_new_items() -> None:
    same, gone, other = keep(), keep(), keep()
    restoring = Restore("ProductsTable")
    delete(tables.products(), id=gone.id)
    change(tables.products(), {"id": other.id}, name="Plum")
    keep()

    found = restoring.compare()

    assert restoring.missing() == {gone.id}
    assert [name.split("~")[0] for name in found.changed] == [other.id]
    assert (found.same, found.new) == (4, 2)  # with SKU items
    assert same.id not in restoring.missing()


def test_restored_user_has_a_higher_version_and_no_old_sessions() -> None:
    user = sign_up()
    restoring = Restore("UsersTable")
    delete(tables.users(), id=user.id)
    account_state = AccountRepository().account_state(user.id)

    [outcome] = restoring.restore(user.id)

    again, new_state = UserRepository().get(user.id), AccountRepository().account_state(user.id)
    assert outcome.error is None
    assert again is not None and again.version > user.version + 1
    assert (again.email, again.name, again.status) == (user.email, user.name, user.status)
    assert account_state and new_state and new_state.generation == account_state.generation + 1
    assert new_state.status is UserStatus.ACTIVE


def test_restored_user_has_credential_and_account_state() -> None:
    user = sign_up(Role.ADMIN)
    credentials = copied(tables.credentials())
    restoring = Restore("UsersTable", credentials)
    delete(tables.users(), id=user.id)
    delete(tables.credentials(), email=user.email)
    delete(tables.sessions(), user_id=user.id, id="gate")

    assert restoring.doubtful() == {user.id: "possibly erased by the user"}
    [outcome] = restoring.restore(user.id)

    assert outcome.error is None
    credential = UserRepository().credential(user.email)
    assert credential is not None and credential.user_id == user.id
    account_state = AccountRepository().account_state(user.id)
    assert account_state is not None and (account_state.role, account_state.generation) == (
        Role.ADMIN,
        1,
    )


def test_user_without_a_credential_is_not_restored() -> None:
    user = sign_up()
    restoring = Restore("UsersTable")
    delete(tables.users(), id=user.id)
    delete(tables.credentials(), email=user.email)

    [outcome] = restoring.restore(user.id)

    assert "CredentialsTable" in (outcome.error or "")
    assert UserRepository().get(user.id) is None


def test_erased_user_is_doubtful_and_lost_user_is_not() -> None:
    erased, lost = sign_up(), sign_up()
    restoring = Restore("UsersTable")
    UserRepository().delete(erased)
    delete(tables.users(), id=lost.id)

    assert restoring.doubtful() == {erased.id: "possibly erased by the user", lost.id: None}


def test_email_of_another_user_is_not_restored() -> None:
    user = sign_up()
    restoring = Restore("UsersTable")
    delete(tables.users(), id=user.id)
    change(tables.credentials(), {"email": user.email}, user_id="another")

    [outcome] = restoring.restore(user.id)

    assert "another user's" in (outcome.error or "")
    assert UserRepository().get(user.id) is None


def test_damaged_user_is_restored_without_a_role() -> None:
    user = sign_up(Role.ADMIN)
    restoring = Restore("UsersTable")
    key = {"id": user.id}
    change(tables.users(), key, name="\0", email_verified="?", role="customer", version=9)

    [outcome] = restoring.restore_changed(user.id)

    again = UserRepository().get(user.id)
    assert outcome.error is None and again is not None
    assert (again.name, again.email_verified, again.version) == (user.name, False, 10)
    assert again.role is Role.CUSTOMER
    account_state = AccountRepository().account_state(user.id)
    assert account_state is not None and account_state.role is Role.CUSTOMER


def test_disabled_user_is_restored_disabled() -> None:
    user = sign_up()
    restoring = Restore("UsersTable")
    change(tables.sessions(), {"user_id": user.id, "id": "gate"}, status="inactive")
    delete(tables.users(), id=user.id)

    restoring.restore(user.id)

    again = UserRepository().get(user.id)
    assert again is not None and again.status is UserStatus.INACTIVE


def test_item_changed_since_the_comparison_is_not_restored() -> None:
    user = sign_up()
    restoring = Restore("UsersTable")
    change(tables.users(), {"id": user.id}, name="B", version=2)
    found = restoring.compare()
    change(tables.users(), {"id": user.id}, name="C", version=3)

    outcomes = restoring.restorer.restore(found.changed)

    assert ["changed" in (it.error or "") for it in outcomes] == [True]
    again = UserRepository().get(user.id)
    assert again is not None and again.name == "C"


def test_unknown_name_is_rejected_before_anything_is_restored() -> None:
    lost = sign_up()
    restoring = Restore("UsersTable")
    delete(tables.users(), id=lost.id)

    with pytest.raises(LookupError, match="typo"):
        restoring.restore(lost.id, "typo")
    assert UserRepository().get(lost.id) is None


def test_active_admins_are_recounted() -> None:
    sign_up(Role.ADMIN), sign_up(Role.ADMIN), sign_up()
    for damage in (1, 7):
        change(tables.users(), {"id": "admins"}, active_admins=damage)
        assert count_admins(dynamodb()) == 2
        assert UserRepository().active_admins() == 2
    delete(tables.users(), id="admins")
    assert count_admins(dynamodb()) == UserRepository().active_admins() == 2


def test_credential_is_restored_to_its_user_only() -> None:
    lost, moved, garbled = sign_up(), sign_up(), sign_up()
    restoring = Restore("CredentialsTable")
    delete(tables.credentials(), email=lost.email)
    delete(tables.credentials(), email=moved.email)
    change(tables.users(), {"id": moved.id}, email="new@analytical.example")
    change(tables.credentials(), {"email": garbled.email}, password_hash="garbled")

    [one] = restoring.restore(lost.id)
    [two] = restoring.restore(moved.id)
    [three] = restoring.restore_changed(garbled.id)

    assert (one.error, three.error) == (None, None)
    assert "another email" in (two.error or "")
    for user in (lost, garbled):
        credential = UserRepository().credential(user.email)
        assert credential is not None and credential.password_hash == "hash"
    assert UserRepository().credential(moved.email) is None


def test_account_state_is_restored_from_its_user_and_sessions_are_not() -> None:
    user = sign_up()
    change(tables.sessions(), {"user_id": user.id, "id": "gate"}, epoch=5)
    restoring = Restore("SessionsTable")
    delete(tables.sessions(), user_id=user.id, id="gate")
    change(tables.users(), {"id": user.id}, status="inactive")

    [outcome] = restoring.restore(user.id)

    account_state = AccountRepository().account_state(user.id)
    assert outcome.error is None and account_state is not None
    assert (account_state.generation, account_state.status) == (6, UserStatus.INACTIVE)


def test_restored_product_has_its_sku_and_is_not_sold_before_its_stock_count() -> None:
    lost, deleted = keep(), keep()
    restoring = Restore("ProductsTable")
    delete(tables.products(), id=lost.id)
    ProductRepository().delete(deleted, None)

    doubts = restoring.doubtful()
    assert doubts[lost.id] is None
    assert doubts[deleted.id] == "possibly deleted by an admin"
    assert doubts[f"sku#{deleted.sku}"] == "possibly deleted by an admin"
    outcomes = restoring.restore(lost.id, deleted.id)

    assert [it.error for it in outcomes] == [None, None]
    for product in (lost, deleted):
        again = ProductRepository().get(product.id)
        assert again is not None and (again.stock, again.sku) == (0, product.sku)
        assert again.version > product.version
        guard = get(tables.products(), id=f"sku#{product.sku}")
        assert guard is not None and guard["product_id"] == product.id


def test_lost_sku_item_is_restored_to_its_product() -> None:
    product = keep()
    guard = {"id": f"sku#{product.sku}"}
    restoring = Restore("ProductsTable")
    delete(tables.products(), **guard)

    assert restoring.doubtful() == {guard["id"]: None}
    [outcome] = restoring.restore(guard["id"])

    row = get(tables.products(), **guard)
    assert outcome.error is None
    assert row is not None and row["product_id"] == product.id


def test_product_with_a_used_sku_is_not_restored() -> None:
    product = keep()
    restoring = Restore("ProductsTable")
    delete(tables.products(), id=product.id)
    change(tables.products(), {"id": f"sku#{product.sku}"}, product_id="another")

    [outcome] = restoring.restore(product.id)

    assert "another product's" in (outcome.error or "")


def test_restored_product_keeps_its_current_stock() -> None:
    product = keep()
    restoring = Restore("ProductsTable")
    change(tables.products(), {"id": product.id}, name="\0", stock=3, version=8)

    restoring.restore_changed(product.id)

    again = ProductRepository().get(product.id)
    assert again is not None and (again.name, again.stock, again.version) == (product.name, 3, 9)


def test_restored_order_has_its_current_status_and_is_counted() -> None:
    user, product = sign_up(), keep()
    garbled, lost, kept = (place(user, product) for _ in range(3))
    restoring = Restore("OrdersTable")
    key = {"user_id": user.id, "id": garbled.id}
    change(tables.orders(), key, total="x", status="cancelled", version=4)
    delete(tables.orders(), user_id=user.id, id=lost.id)
    delete(tables.orders(), user_id=user.id, id="summary")

    assert restoring.missing() == {f"{user.id}/{lost.id}", f"{user.id}/summary"}
    outcomes = restoring.restore(f"{user.id}/{lost.id}", f"{user.id}/summary")
    outcomes += restoring.restore_changed(f"{user.id}/{garbled.id}")
    count_orders(dynamodb(), user.id)

    assert [it.error for it in outcomes] == [None] * 3
    repository = OrderRepository()
    one, two = repository.get(user.id, garbled.id), repository.get(user.id, lost.id)
    assert one is not None and (one.status, one.version) == (OrderStatus.CANCELLED, 5)
    assert one.total == garbled.total
    assert two is not None and (two.status, two.lines) == (OrderStatus.PENDING, lost.lines)
    assert repository.count(user.id, [OrderStatus.PENDING]) == 2
    assert repository.count(user.id, [OrderStatus.CANCELLED]) == 1
    assert kept.id not in str(outcomes)
    # Its stock was reserved when it was placed, and still is.
    stock = ProductRepository().get(product.id)
    assert stock is not None and stock.stock == 7


@pytest.mark.parametrize("is_erased", [True, False])
def test_restored_order_of_an_erased_user_has_no_note(is_erased: bool) -> None:
    user = sign_up()
    order = place(user, keep())
    change(tables.orders(), {"user_id": user.id, "id": order.id}, note="Ring twice.")
    restoring = Restore("OrdersTable")
    delete(tables.orders(), user_id=user.id, id=order.id)
    if is_erased:
        UserRepository().delete(user)

    [outcome] = restoring.restore(f"{user.id}/{order.id}")

    assert outcome.error is None
    found = get(tables.orders(), user_id=user.id, id=order.id)
    assert found and found["note"] == (None if is_erased else "Ring twice.")


def _lost_user() -> tuple[Restore, str]:
    user = sign_up()
    restoring = Restore("UsersTable")
    delete(tables.users(), id=user.id)
    return restoring, user.id


def _lost_order() -> tuple[Restore, str]:
    user = sign_up()
    order = place(user, keep())
    restoring = Restore("OrdersTable")
    delete(tables.orders(), user_id=user.id, id=order.id)
    return restoring, f"{user.id}/{order.id}"


@pytest.mark.parametrize("lose", [_lost_user, _lost_order])
def test_restored_items_send_no_email(lose: Callable[[], tuple[Restore, str]]) -> None:
    restoring, name = lose()
    before = {row["id"] for row in rows(tables.idempotency())}

    restoring.restore(name)

    marks = {row["id"] for row in rows(tables.idempotency())} - before
    assert len(marks) == 1
    assert DeliveryLogRepository(now).acquire(marks.pop().removeprefix("mail#")) is False


def test_account_state_of_an_erased_user_is_enabled_by_name() -> None:
    user = sign_up()
    credentials = copied(tables.credentials())
    restoring = Restore("UsersTable", credentials)
    UserRepository().delete(user)

    [outcome] = restoring.restore(user.id)

    row = get(tables.sessions(), user_id=user.id, id="gate")
    assert outcome.error is None
    assert row is not None and row["status"] == "active" and "ttl" not in row


def allow(user: User) -> dict[str, str]:
    """Return the key of a consent; a code belongs to it."""
    client = oauth_client(new_id())
    OAuthClientRepository().add(client, None, None)
    consent = consent_of(user.id, client, now())
    family = family_of(consent, now())
    GrantRepository().authorize(client, log_in(user), None, consent, family, [], False)
    return {"user_id": user.id, "id": f"client#{client.id}"}


def test_restored_consent_has_a_new_id_and_no_tokens() -> None:
    key = allow(sign_up())
    before = get(tables.grants(), **key)
    restoring = Restore("GrantsTable")
    delete(tables.grants(), **key)
    name = f"{key['user_id']}/{key['id']}"
    assert restoring.doubtful() == {name: "possibly ended by the user"}

    [outcome] = restoring.restore(name)

    after = get(tables.grants(), **key)
    assert outcome.error is None and before is not None and after is not None
    assert after.keys() == before.keys()
    assert after["version"] > before["version"] and after["scopes"] == before["scopes"]
    assert after["grant_id"] != before["grant_id"], "the codes of the old id stay invalid"


@pytest.mark.parametrize("gone", ["user", "client"])
def test_consent_without_user_or_client_is_not_restored(gone: str) -> None:
    key = allow(sign_up())
    restoring = Restore("GrantsTable")
    delete(tables.grants(), **key)
    if gone == "user":
        delete(tables.users(), id=key["user_id"])
    else:
        delete(tables.oauth_clients(), id=key["id"].removeprefix("client#"))

    [outcome] = restoring.restore(f"{key['user_id']}/{key['id']}")

    assert outcome.error == "the user or the client does not exist"
    assert get(tables.grants(), **key) is None


def test_restored_webhook_endpoint_is_disabled_and_counted() -> None:
    endpoint, others = webhook_endpoint(id=new_id()), WebhookRepository()
    others.add(endpoint, None, None)
    others.add_delivery(webhook_delivery(endpoint_id=endpoint.id))
    restoring = Restore("WebhooksTable")
    others.delete(endpoint, None)

    [outcome] = restoring.restore(endpoint.id)

    after = others.get(endpoint.id)
    assert outcome.error is None and after is not None
    assert after.url == endpoint.url and not after.is_active
    for _ in range(MAX_ENDPOINTS - 1):
        others.add(webhook_endpoint(id=new_id()), None, None)
    with pytest.raises(LimitReached):
        others.add(webhook_endpoint(id=new_id()), None, None)


def test_restored_client_has_no_secrets_of_that_time() -> None:
    client = oauth_client(new_id())
    OAuthClientRepository().add(client, None, None)
    restoring = Restore("OauthClientsTable")
    delete(tables.oauth_clients(), id=client.id)

    [outcome] = restoring.restore(client.id)

    after = OAuthClientRepository().get(client.id)
    assert outcome.error is None and after is not None
    assert after.name == client.name and client.secrets and not after.secrets


APP = AuthenticatorApp(
    *("01900000-0000-7000-8000-00000000000a", "01900000-0000-7000-8000-0000000000f2", "My phone"),
    *(b"salt", NOON, None),
    recovery_digests=frozenset({"ab", "cd"}),
)


def secured() -> AuthenticatorApp:
    """Return the app of a new user, whose log-ins need it."""
    user = sign_up()
    app = APP._replace(user_id=user.id)
    attempt = login_attempt(user.email, "192.0.2.1").opened(NOON)
    AuthenticatorRepository().add(app, [], attempt)
    change(tables.sessions(), {"user_id": user.id, "id": "gate"}, second_factor=app.id)
    return app


def test_lost_account_state_is_restored_with_the_second_factor() -> None:
    app = secured()
    restoring = Restore("SessionsTable")
    delete(tables.sessions(), user_id=app.user_id, id="gate")

    [outcome] = restoring.restore(app.user_id)

    account_state = AccountRepository().account_state(app.user_id)
    assert outcome.error is None and account_state is not None
    assert account_state.second_factor == app.id


def test_restored_account_state_needs_no_deleted_second_factor() -> None:
    app = secured()
    restoring = Restore("SessionsTable")
    AuthenticatorRepository().reset(app.user_id)
    delete(tables.sessions(), user_id=app.user_id, id="gate")

    [outcome] = restoring.restore(app.user_id)

    account_state = AccountRepository().account_state(app.user_id)
    assert outcome.error is None and account_state is not None
    assert account_state.second_factor is None


def test_lost_authenticator_is_restored_without_recovery_codes() -> None:
    app = secured()
    restoring = Restore("AuthenticatorsTable")
    delete(tables.authenticators(), user_id=app.user_id, id=app.id)
    name = f"{app.user_id}/{app.id}"
    assert restoring.doubtful() == {name: None}

    [outcome] = restoring.restore(name)

    restored = AuthenticatorRepository().app(app.user_id, app.id)
    assert outcome.error is None
    assert restored == app._replace(recovery_digests=frozenset())


def test_deleted_authenticator_is_not_restored() -> None:
    app = secured()
    restoring = Restore("AuthenticatorsTable")
    AuthenticatorRepository().reset(app.user_id)
    name = f"{app.user_id}/{app.id}"
    assert restoring.doubtful() == {name: "possibly deleted by the user or reset by an operator"}

    [outcome] = restoring.restore(name)

    assert outcome.error == "the account does not need it"
    assert AuthenticatorRepository().list(app.user_id) == []
