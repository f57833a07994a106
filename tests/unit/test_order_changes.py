"""Order changes: permitted transitions per role, and their effect on stock."""

from collections.abc import Sequence
from copy import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shop.caller import Caller, Role
from shop.errors import (
    Forbidden,
    InvalidTransition,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
    ShopError,
)
from shop.identifiers import new_id
from shop.orders.models import TRANSITIONS, OrderStatus
from shop.orders.service import OrderService
from shop.preconditions import Precondition
from tests.fakes.order_store import (
    CANCELLED,
    COMPLETED,
    LINK,
    PEAR,
    PENDING,
    PLUM,
    PROCESSING,
    WHATEVER,
    FakeOrderStore,
    act,
    idempotency,
    order_of,
    placed,
    update,
)
from tests.support.fixtures import ADMIN, ALICE, BOB, NOON


@pytest.fixture
def store() -> FakeOrderStore:
    return FakeOrderStore()


@pytest.fixture
def service(store: FakeOrderStore) -> OrderService:
    return OrderService(store, lambda: NOON, new_id)


def test_terminal_statuses_have_no_transition_and_every_status_is_listed() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    assert not TRANSITIONS[COMPLETED] and not TRANSITIONS[CANCELLED]
    assert all(status not in targets for status, targets in TRANSITIONS.items())


@pytest.mark.parametrize(("before", "after"), [(PENDING, PROCESSING), (PROCESSING, COMPLETED)])
def test_order_advanced_by_an_admin_keeps_its_stock(
    service: OrderService, store: FakeOrderStore, before: OrderStatus, after: OrderStatus
) -> None:
    order = placed(service, store, before)

    moved = act(service, ADMIN, order, status=after)

    assert moved == replace(order, status=after, version=2)
    assert store.get(ALICE.id, order.id) == moved
    assert store.stock(PEAR) == 7


def test_product_without_counted_stock_is_unchanged(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store)
    counted = replace(LINK, stock=5)
    store.products[LINK.id] = counted

    act(service, ALICE, order, status=CANCELLED)

    assert store.products[LINK.id] == counted
    assert store.products[PEAR.id] == replace(PEAR, version=2)


@pytest.mark.parametrize("status", [PROCESSING, COMPLETED, PENDING])
def test_owner_can_only_set_cancelled(
    service: OrderService, store: FakeOrderStore, status: OrderStatus
) -> None:
    order = placed(service, store)

    with pytest.raises(Forbidden):
        act(service, ALICE, order, status=status)

    assert store.orders == [order]


@pytest.mark.parametrize("status", [PROCESSING, COMPLETED, CANCELLED])
@pytest.mark.parametrize("changes", [{"status": CANCELLED}, {"note": "x"}, {"note": None}])
def test_owner_changes_only_pending_orders(
    service: OrderService, store: FakeOrderStore, status: OrderStatus, changes: dict[str, Any]
) -> None:
    order = placed(service, store, status)

    with pytest.raises(InvalidTransition, match=f"This order is {status}"):
        act(service, ALICE, order, **changes)

    assert store.orders == [order]
    assert store.stock(PEAR) == 7


@pytest.mark.parametrize("status", OrderStatus)
def test_admin_edits_and_clears_the_note_in_any_status(
    service: OrderService, store: FakeOrderStore, status: OrderStatus
) -> None:
    order = placed(service, store, status)

    noted = act(service, ADMIN, order, note="Left at the door.")
    cleared = act(service, ADMIN, order, note=None)

    assert noted == replace(order, note="Left at the door.", version=2)
    assert cleared == replace(order, note=None, version=3)
    assert store.stock(PEAR) == 7


def test_status_and_note_change_together_or_not_at_all(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store)

    cancelled = act(service, ALICE, order, status=CANCELLED, note="Ordered twice.")
    with pytest.raises(InvalidTransition):
        act(service, ADMIN, order, status=COMPLETED, note="Done.")

    assert (cancelled.status, cancelled.note) == (CANCELLED, "Ordered twice.")
    assert store.orders == [cancelled]


@pytest.mark.parametrize("changes", [{}, {"note": None}])
def test_unchanged_order_keeps_its_version(
    service: OrderService, store: FakeOrderStore, changes: dict[str, Any]
) -> None:
    order = placed(service, store)

    assert act(service, ALICE, order, **changes) == order
    assert store.orders == [order]


def test_stranger_is_rejected_before_any_read(service: OrderService) -> None:
    for order_id in (new_id(), new_id()):
        with pytest.raises(Forbidden):
            service.update(BOB, ALICE.id, order_id, update(status="cancelled"), WHATEVER)
        with pytest.raises(NotFound):
            service.update(ADMIN, ALICE.id, order_id, update(status="cancelled"), WHATEVER)


def test_stale_precondition_is_rejected_before_the_transition(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store, COMPLETED)

    with pytest.raises(PreconditionFailed):
        act(service, ADMIN, order, Precondition(frozenset({'"2"'})), status="cancelled")
    with pytest.raises(InvalidTransition):
        act(service, ADMIN, order, Precondition(frozenset({'"1"'})), status="cancelled")

    assert store.orders == [order]


def test_concurrent_note_is_kept_unless_a_version_is_required(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store)
    store.meanwhile = [lambda: act(service, ADMIN, order, note="Ring twice.")]

    cancelled = act(service, ALICE, order, status=CANCELLED)

    assert cancelled == replace(order, status=CANCELLED, note="Ring twice.", version=3)
    assert store.stock(PEAR) == 10

    other = placed(service, store)
    store.meanwhile = [lambda: act(service, ADMIN, other, note="Ring twice.")]
    with pytest.raises(PreconditionFailed):
        act(service, ALICE, other, Precondition(frozenset({'"1"'})), status=CANCELLED)
    assert store.stock(PEAR) == 7


def test_second_of_cancellation_and_completion_is_rejected(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store, PROCESSING)
    store.meanwhile = [lambda: act(service, ADMIN, order, status=COMPLETED)]

    with pytest.raises(InvalidTransition):
        act(service, ADMIN, order, status=CANCELLED)

    assert [kept.status for kept in store.orders] == [COMPLETED]
    assert store.stock(PEAR) == 7


@pytest.mark.parametrize(
    ("caller", "changes", "checked"),
    [
        (ADMIN, {"note": "Ring twice."}, ADMIN.id),
        (ADMIN, {"status": CANCELLED}, ADMIN.id),
        (ADMIN, {"status": PROCESSING}, ADMIN.id),
        (replace(ALICE, role=Role.ADMIN), {"status": PROCESSING}, ALICE.id),
        (replace(ALICE, role=Role.ADMIN), {"status": CANCELLED}, None),
        (ALICE, {"note": "Ring twice."}, None),
        (ALICE, {"status": CANCELLED}, None),
    ],
)
def test_order_change_that_takes_an_admin_checks_the_callers_role(
    service: OrderService,
    store: FakeOrderStore,
    caller: Caller,
    changes: dict[str, Any],
    checked: str | None,
) -> None:
    act(service, caller, placed(service, store), **changes)

    assert store.by_admin == checked


@pytest.mark.usefixtures("no_time_to_retry")
def test_order_change_gets_503_while_others_win(
    service: OrderService, store: FakeOrderStore
) -> None:
    order = placed(service, store)

    def edit() -> None:
        store.orders[0] = replace(store.orders[0], version=store.orders[0].version + 1)

    store.meanwhile = [edit] * 100

    with pytest.raises(ServiceUnavailable) as rejection:
        act(service, ALICE, order, status=CANCELLED)

    assert rejection.value.retry_after == 1
    assert [kept.status for kept in store.orders] == [PENDING]
    assert store.stock(PEAR) == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"status": None},
        {"status": "lost"},
        {"status": "Cancelled"},
        {"note": ""},
        {"note": 1},
        {"total": "0.01"},
        {"version": 2},
    ],
)
def test_invalid_order_change_is_rejected(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        update(**changes)


# A second, independent implementation of the rules, for the property below.
WAYS = ("pending>processing", "pending>cancelled", "processing>completed", "processing>cancelled")

callers = st.sampled_from([ALICE, BOB, ADMIN, replace(ALICE, role=Role.ADMIN)])
changes_ = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(OrderStatus),
        "note": st.sampled_from([None, "Ring.", "Knock."]),
    },
)


def expected_rejection(
    caller: Caller, status: OrderStatus, changes: dict[str, Any]
) -> type[ShopError] | None:
    is_admin = caller.role is Role.ADMIN
    asked = changes.get("status")
    if not is_admin and (caller.id != ALICE.id or asked in (PENDING, PROCESSING, COMPLETED)):
        return Forbidden
    if changes and not is_admin and status != "pending":
        return InvalidTransition
    if asked is not None and f"{status}>{asked}" not in WAYS:
        return InvalidTransition
    return None


@given(st.lists(st.tuples(callers, changes_), max_size=12))
def test_random_changes_follow_the_rules(
    asked: Sequence[tuple[Caller, dict[str, Any]]],
) -> None:
    store = FakeOrderStore()
    service = OrderService(store, lambda: NOON, new_id)
    order = service.place(ALICE, ALICE.id, order_of((PEAR, 3), (PLUM, 1), (LINK, 2)), idempotency())
    status, note, version = order.status, order.note, 1

    for caller, changes in asked:
        rejection = expected_rejection(caller, status, changes)
        if rejection is not None:
            with pytest.raises(rejection):
                act(service, caller, order, **changes)
        else:
            before = (status, note)
            status, note = changes.get("status", status), changes.get("note", note)
            version += before != (status, note)
            act(service, caller, order, **changes)
        (kept,) = store.orders
        assert kept == replace(order, status=status, note=note, version=version)
        is_back = status is CANCELLED
        assert (store.stock(PEAR), store.stock(PLUM)) == ((10, 3) if is_back else (7, 2))
        assert store.stock(LINK) is None
