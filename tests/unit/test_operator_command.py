"""Operator commands: dry run first, audited in every case, and confirmed explicitly."""

from collections.abc import Mapping
from copy import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shop.caller import Role
from shop.email_queue import VERIFICATION_REQUESTED
from shop.entrypoints.operator_command import CommandResult, operator_command
from shop.errors import AccountInactive, LastAdmin, NotFound, ShopError, ValidationFailed
from shop.identifiers import id_of, made_at
from shop.identity.accounts.models import UserStatus
from shop.mail.email_resender import MAX_CONFIRMATION_AGE, EmailResender
from shop.operators.commands import EndSessions, ResendEmail, StatusChange
from shop.orders.models import Order, OrderStatus
from shop.redaction import SanitizedError
from shop.users.models import User
from tests.fakes.email_dependencies import ORDER, USER
from tests.fakes.user_store import FakeUserStore, user_service
from tests.support.fixtures import ADMIN, ALICE, NOON
from tests.support.gateway_events import Context
from tests.support.log_lines import LogLines

OPERATOR = "arn:aws:sts::123456789012:assumed-role/Operator/ada"
FRESH = id_of(int(NOON.timestamp() * 1000), random_bits=7)
SHUT: dict[str, Any] = {"operator": OPERATOR, "userId": ALICE.id, "status": "inactive"}


@operator_command(StatusChange)
def change(command: StatusChange) -> CommandResult:
    return {"sessions": 2}


def test_id_in_upper_case_is_accepted_in_lower_case(log: LogLines) -> None:
    change(SHUT | {"userId": ALICE.id.upper()}, Context())

    (line,) = audited(log)
    assert line["subject"] == {"user_id": ALICE.id}


def audited(log: LogLines) -> list[dict[str, Any]]:
    return [line for line in log() if line["message"] == "admin action"]


@pytest.mark.parametrize(
    ("given", "outcome"),
    [({}, "dry run"), ({"confirm": False}, "dry run"), ({"confirm": True}, "done")],
)
def test_command_is_a_dry_run_until_confirmed_and_audited_both_times(
    log: LogLines, given: dict[str, Any], outcome: str
) -> None:
    response = change(SHUT | given, Context())

    assert response == {"outcome": outcome, "facts": {"sessions": 2}}
    (line,) = audited(log)
    assert (line["action"], line["actor"]) == ("deactivate-user", OPERATOR)
    assert (line["subject"], line["outcome"]) == ({"user_id": ALICE.id}, outcome)
    assert (line["request_id"], line["function_name"]) == (Context.aws_request_id, "function")


def test_rejection_is_returned_and_audited(log: LogLines) -> None:
    @operator_command(EndSessions)
    def reject(command: EndSessions) -> CommandResult:
        raise LastAdmin

    response = reject({"operator": OPERATOR, "userId": ALICE.id, "confirm": True}, Context())

    assert (response["outcome"], response["code"]) == ("refused", "LAST_ADMIN")
    assert [line["outcome"] for line in audited(log)] == ["LastAdmin"]


def test_failure_is_audited_and_still_raised(log: LogLines) -> None:
    @operator_command(EndSessions)
    def fail(command: EndSessions) -> CommandResult:
        raise ConnectionError

    with pytest.raises(SanitizedError, match="ConnectionError"):
        fail({"operator": OPERATOR, "userId": ALICE.id}, Context())
    assert [line["outcome"] for line in audited(log)] == ["failed"]


@pytest.mark.parametrize(
    "slip",
    [
        {"userId": "root"},
        {"status": "gone"},
        {"confirm": "yes"},
        {"confirmed": True},
        {"operator": ""},
    ],
)
def test_malformed_command_is_rejected_before_any_effect(slip: dict[str, Any]) -> None:
    done = []

    @operator_command(StatusChange)
    def handler(command: StatusChange) -> CommandResult:
        done.append(command)
        return {}

    response = handler(SHUT | {"confirm": True} | slip, Context())

    assert (response["outcome"], response["code"]) == ("refused", "VALIDATION_ERROR")
    assert next(iter(slip)) in " ".join(response["why"])
    assert done == []


def test_malformed_command_is_audited_with_its_operator_and_without_its_input(
    log: LogLines,
) -> None:
    change(SHUT | {"userId": "ada@example.com", "Ada Lovelace": True}, Context())

    (line,) = audited(log)
    assert (line["action"], line["actor"]) == ("function", OPERATOR)
    assert (line["subject"], line["outcome"]) == ({}, "ValidationFailed")
    assert line["request_id"] == Context.aws_request_id
    assert "ada@" not in str(log()) and "Lovelace" not in str(log())


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"operator": ""},
        {"operator": 7},
        {"operator": "Ada Lovelace"},
        {"operator": f"{OPERATOR} who lives in London"},
        {"operator": "arn:aws:iam::123456789012:user/" + "a" * 3000},
        ["ada@example.com"],
        "ada@example.com",
        None,
    ],
)
def test_malformed_command_without_an_arn_is_audited_as_operator(log: LogLines, sent: Any) -> None:
    response = change(sent, Context())

    assert response["outcome"] == "refused"
    assert [line["actor"] for line in audited(log)] == ["operator"]


@pytest.mark.parametrize(
    ("role", "status", "admins", "rejection"),
    [
        (Role.ADMIN, UserStatus.INACTIVE, 1, LastAdmin),
        (Role.ADMIN, UserStatus.INACTIVE, 2, None),
        (Role.ADMIN, UserStatus.ACTIVE, 1, None),
        (Role.CUSTOMER, UserStatus.INACTIVE, 1, None),
    ],
)
def test_dry_run_previews_the_last_admin_rule(
    role: Role, status: UserStatus, admins: int, rejection: type[ShopError] | None
) -> None:
    store = FakeUserStore()
    store.user, store.admins = replace(store.user, role=role), admins

    if rejection is None:
        assert user_service(store).preview(ADMIN, ALICE.id, status) == store.user
    else:
        with pytest.raises(rejection):
            user_service(store).preview(ADMIN, ALICE.id, status)
    assert store.writes == 0


class FakeOperatorStore:
    """A user, an order, and the queue of requested emails."""

    def __init__(self, user: User | None = USER, order: Order | None = ORDER) -> None:
        self.known, self.placed = user, order
        self.wishes: list[tuple[str, str, Mapping[str, str]]] = []

    def user(self, user_id: str) -> User | None:
        return self.known

    def order(self, user_id: str, order_id: str) -> Order | None:
        return self.placed

    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        self.wishes.append((id_, type_, data))

    def resend(self, order_id: str | None = None, confirmed: str | None = None) -> tuple[str, str]:
        return EmailResender(self, self, lambda: NOON, lambda: FRESH).resend(
            ALICE.id, order_id, confirmed
        )


def test_unconfirmed_command_queues_no_email() -> None:
    office = FakeOperatorStore()

    assert office.resend() == (VERIFICATION_REQUESTED, FRESH)
    assert office.wishes == []


def test_confirmed_id_becomes_the_email_id_so_that_retries_send_one_email() -> None:
    office = FakeOperatorStore()

    for _ in range(2):
        office.resend(confirmed=office.resend()[1])

    assert office.wishes == [(FRESH, VERIFICATION_REQUESTED, {"userId": ALICE.id})] * 2


@pytest.mark.parametrize("status", OrderStatus)
def test_order_email_follows_the_order_status(status: OrderStatus) -> None:
    office = FakeOperatorStore(order=replace(ORDER, status=status))

    office.resend(ORDER.id, FRESH)

    [(_, type_, data)] = office.wishes
    is_cancelled = status is OrderStatus.CANCELLED
    assert type_ == ("order.cancelled" if is_cancelled else "order.placed")
    assert data == {"userId": ALICE.id, "orderId": ORDER.id}


@pytest.mark.parametrize(
    "age", [MAX_CONFIRMATION_AGE + timedelta(seconds=1), -timedelta(seconds=1)]
)
def test_confirmation_id_older_than_an_hour_is_rejected(age: timedelta) -> None:
    office = FakeOperatorStore()
    stale = id_of(int((NOON - age).timestamp() * 1000), random_bits=7)
    assert made_at(stale) == NOON - age

    with pytest.raises(ValidationFailed, match="dry run"):
        office.resend(confirmed=stale)
    assert office.wishes == []


@pytest.mark.parametrize("first", ["0", "e", "f"])
def test_confirmation_id_of_another_subject_is_rejected(first: str) -> None:
    office = FakeOperatorStore()

    with pytest.raises(ValidationFailed, match="dry run"):
        office.resend(confirmed=f"{first}e2e2e2e-2e2e-4e2e-8e2e-2e2e2e2e2e2e")
    assert office.wishes == []


@pytest.mark.parametrize(
    ("office", "rejection"),
    [
        (FakeOperatorStore(user=None), NotFound),
        (FakeOperatorStore(user=replace(USER, status=UserStatus.INACTIVE)), AccountInactive),
        (FakeOperatorStore(user=replace(USER, email_verified=True)), ValidationFailed),
    ],
)
def test_user_without_a_right_to_email_gets_none(
    office: FakeOperatorStore, rejection: type[ShopError]
) -> None:
    with pytest.raises(rejection):
        office.resend(confirmed=FRESH)
    assert office.wishes == []


def test_unknown_order_is_not_found() -> None:
    with pytest.raises(NotFound):
        FakeOperatorStore(order=None).resend(ORDER.id)


def test_email_is_confirmed_by_an_id_only() -> None:
    event = {"operator": OPERATOR, "userId": ALICE.id, "confirm": "1"}

    response = operator_command(ResendEmail)(lambda _: {})(event, Context())

    assert response["code"] == "VALIDATION_ERROR"
