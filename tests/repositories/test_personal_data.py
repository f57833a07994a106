"""Erasure of a user's personal data in every table, and of no other user's."""

from collections.abc import Iterator
from copy import replace
from typing import Any

import pytest

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import now
from shop.dynamo import records, tables, transactions
from shop.dynamo.codec import Item, decode
from shop.errors import NotFound
from shop.events.records import event_of
from shop.http.response import Response
from shop.idempotency import IdempotentRequest
from shop.identifiers import new_id
from shop.identity.accounts.repository import AccountRepository
from shop.identity.recovery.models import Purpose, RecoveryToken
from shop.identity.recovery.repository import RecoveryRepository
from shop.orders.models import Order, OrderStatus
from shop.orders.repository import OrderRepository
from shop.projections.records import changed_entity
from shop.retries import StaleVersion
from shop.stream_records import StreamRecord
from shop.users.erasure import PersonalDataRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.repositories.test_schema_versions import everything, log_in
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.stored_shop import keep, place, sign_up


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def noted(user: User, note: str | None = "Ring twice.") -> Order:
    order = place(user, keep())
    with_note = replace(order, note=note, version=2)
    OrderRepository().save(order, with_note, [])
    return with_note


def leave_traces(user: User) -> tuple[Order, Order]:
    """Store items in every table; return an order with a note, and one without."""
    log_in(user)
    with_note, without = noted(user), place(user, keep())
    for _ in range(2):
        idempotency = IdempotentRequest(
            f"{user.id}#{new_id()}", b"", lambda _: Response(201, {}, ""), now, user.id
        )
        transactions.write(records.put(idempotency.response_record(with_note)))
        token = RecoveryToken(new_id(), Purpose.RESET, user.id, user.email, 1, NOON)
        RecoveryRepository().add(token)
    return with_note, without


def of(user: User) -> list[tuple[str, Item]]:
    return [(table, item) for table, item in everything() if user.id in str(item)]


def in_table(user: User, name: str) -> list[Item]:
    return [item for table, item in of(user) if table == name]


def test_erasure_deletes_personal_data_of_one_user_only() -> None:
    ada, other = sign_up(), sign_up()
    with_note, without = leave_traces(ada)
    leave_traces(other)
    others = of(other)

    assert PersonalDataRepository().erase(ada.id, is_gone=True) is True

    cleared = OrderRepository().get(ada.id, with_note.id)
    assert cleared is not None
    assert cleared == replace(with_note, note=None, version=3, updated_at=cleared.updated_at)
    assert cleared.updated_at > with_note.updated_at
    assert OrderRepository().get(ada.id, without.id) == without
    assert in_table(ada, "idempotency") == in_table(ada, "recovery_tokens") == []
    assert of(other) == others


def test_erasure_before_the_commit_clears_notes_only() -> None:
    """Without recorded responses, a retry of an order would place another."""
    ada = sign_up()
    with_note, _ = leave_traces(ada)
    kept = [(table, item) for table, item in of(ada) if table != "orders"]

    assert PersonalDataRepository().erase(ada.id, is_gone=False) is True

    assert [(table, item) for table, item in of(ada) if table != "orders"] == kept
    cleared = OrderRepository().get(ada.id, with_note.id)
    assert cleared is not None and cleared.note is None


def test_erasure_deletes_sessions_and_keeps_the_account_state() -> None:
    ada, other = sign_up(), sign_up()
    for _ in range(3):
        log_in(ada)
    log_in(other)

    assert PersonalDataRepository().erase(ada.id, is_gone=True) is True

    assert [row["id"] for row in in_table(ada, "sessions")] == ["gate"]
    assert len(in_table(other, "sessions")) == 2


def test_second_erasure_pass_finds_and_changes_nothing() -> None:
    ada = sign_up()
    leave_traces(ada)
    PersonalDataRepository().erase(ada.id, is_gone=True)
    before = [*everything()]

    assert PersonalDataRepository().erase(ada.id, is_gone=True) is False

    assert [*everything()] == before


def test_cleared_note_is_null_for_older_code_and_publishes_no_event() -> None:
    ada = sign_up()
    order = noted(ada)
    key = {"user_id": {"S": ada.id}, "id": {"S": order.id}}

    def row() -> dict[str, Any]:
        return dynamodb().get_item(TableName=tables.orders(), Key=key)["Item"]

    before = row()
    PersonalDataRepository().erase(ada.id, is_gone=False)
    after = row()

    assert decode(after)["note"] is None and "note" in after
    change: dict[str, Any] = {
        "SequenceNumber": "1",
        "ApproximateCreationDateTime": 1.0,
        "Keys": key,
        "OldImage": before,
        "NewImage": after,
    }
    record = StreamRecord({"eventSourceARN": f"t/{tables.orders()}/stream/1", "dynamodb": change})
    assert event_of(record) is None and changed_entity(record) is None


def test_edit_that_read_a_note_before_its_erasure_is_stale() -> None:
    ada = sign_up()
    order = noted(ada)
    PersonalDataRepository().erase(ada.id, is_gone=False)

    going_on = replace(order, status=OrderStatus.PROCESSING, version=3)
    with pytest.raises(StaleVersion):
        OrderRepository().save(order, going_on, [])


def test_erasure_deletes_personal_data_on_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = sign_up()
    for _ in range(5):
        leave_traces(ada)

    class OneAPage:
        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb(), name)

        def query(self, **arguments: Any) -> Any:
            return dynamodb().query(**arguments, Limit=1)

    monkeypatch.setattr("shop.users.erasure.dynamodb", OneAPage)
    assert PersonalDataRepository().erase(ada.id, is_gone=True) is True

    assert in_table(ada, "idempotency") == in_table(ada, "recovery_tokens") == []
    assert [row["id"] for row in in_table(ada, "sessions")] == ["gate"]
    assert {row.get("note") for row in in_table(ada, "orders")} == {None}


def test_failed_erasure_pass_has_made_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = sign_up()
    orders = sorted(noted(ada).id for _ in range(4))

    class FailingForTheLast:
        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb(), name)

        def update_item(self, **arguments: Any) -> Any:
            if arguments["Key"]["id"]["S"] in orders[2:]:
                raise ConnectionError
            return dynamodb().update_item(**arguments)

    with monkeypatch.context() as patched:
        patched.setattr("shop.users.erasure.dynamodb", FailingForTheLast)
        with pytest.raises(ConnectionError):
            PersonalDataRepository().erase(ada.id, is_gone=False)
        # Still patched: the last call may begin after another one has failed.
        after = [OrderRepository().get(ada.id, id_) for id_ in orders]
        assert [it and it.note for it in after] == [None, None, "Ring twice.", "Ring twice."]

    assert PersonalDataRepository().erase(ada.id, is_gone=False) is True

    after = [OrderRepository().get(ada.id, id_) for id_ in orders]
    assert [it and (it.note, it.version) for it in after] == [(None, 3)] * 4


def test_erased_owner_cannot_write_a_note() -> None:
    ada = sign_up()
    order, admin = noted(ada), sign_up(Role.ADMIN)
    UserRepository().delete(ada, admin.id)
    before = [*everything()]

    edited = replace(order, note="And again.", version=3)
    with pytest.raises(NotFound):
        OrderRepository().save(order, edited, [], is_by_owner=True)
    assert [*everything()] == before

    OrderRepository().save(order, replace(order, note=None, version=3), [], is_by_owner=True)


def test_idempotency_record_has_the_id_of_its_user() -> None:
    ada = sign_up()
    idempotency = IdempotentRequest(
        "key", b"digest", lambda _: Response(201, {}, "body"), now, ada.id
    )
    transactions.write(records.put(idempotency.response_record(ada)))

    found = records.find_record(idempotency.key)

    assert found is not None and found.user_id == ada.id
    assert (
        AccountRepository().account_state(ada.id) is not None
    )  # an item of the user that is no record
    assert [row["user_id"] for row in in_table(ada, "idempotency")] == [ada.id]


def test_idempotency_record_of_older_code_without_user_is_replayed() -> None:
    idempotency = IdempotentRequest(new_id(), b"digest", lambda _: Response(201, {}, "body"), now)
    transactions.write(records.put(idempotency.response_record(None)))

    found = records.find_record(idempotency.key)

    assert found is not None and (found.user_id, found.response.body) == (None, "body")
