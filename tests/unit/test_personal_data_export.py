"""The export: who reads it, the stated recipients, and the email to the user."""

from collections.abc import Mapping
from copy import replace
from datetime import datetime, timedelta

import pytest

from shop.caller import App, Caller
from shop.email_queue import PERSONAL_DATA_EXPORTED
from shop.errors import BadRequest, Forbidden, InsufficientScope, NotFound
from shop.http.list_queries import write_cursor
from shop.orders.models import Order
from shop.pagination import IndexPage
from shop.personal_data.categories import categories
from shop.personal_data.models import AccountData
from shop.personal_data.requests import PersonalDataQuery
from shop.personal_data.service import PersonalDataService
from shop.users.models import User
from shop.webhooks.models import EndpointStatus, WebhookEndpoint
from tests.fakes.email_dependencies import ORDER, USER
from tests.support.fixtures import ADMIN, ALICE, BOB, NOON
from tests.support.sample_items import webhook_endpoint

FIRST = PersonalDataQuery()
LISTING = f"personal data of {ALICE.id}"
NOTHING = AccountData((), (), (), (), {}, ())


class Office:
    """A store with one user, who has two orders on two pages, and a queue of emails."""

    def __init__(self, *endpoints: WebhookEndpoint) -> None:
        self.known: User | None = USER
        self.endpoints = endpoints
        self.now = NOON
        self.reads = 0
        self.requested: list[tuple[str, str, datetime, Mapping[str, str]]] = []
        self.service = PersonalDataService(self, self, lambda: categories(30), lambda: self.now)

    def account(self, user_id: str) -> tuple[User | None, AccountData, IndexPage[Order]]:
        self.reads += 1
        return self.known, NOTHING._replace(endpoints=self.endpoints), IndexPage([ORDER], ALICE.id)

    def orders(self, user_id: str, after: str) -> tuple[User | None, IndexPage[Order]]:
        self.reads += 1
        assert after == ALICE.id
        return self.known, IndexPage([ORDER], None)

    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        self.requested.append((id_, type_, time, data))

    def recipients(self) -> dict[str, list[str]]:
        statements = self.service.export(ALICE, ALICE.id, FIRST).statements
        return {it.category.data: [*it.recipients] for it in statements}


def endpoint(host: str, *event_types: str, is_active: bool = True) -> WebhookEndpoint:
    status = EndpointStatus.ACTIVE if is_active else EndpointStatus.DISABLED
    url = f"https://{host}/token"
    return webhook_endpoint(url=url, event_types=event_types, status=status)


@pytest.mark.parametrize("caller", [ALICE, ADMIN], ids=["self", "admin"])
def test_export_is_for_the_user_and_admins(caller: Caller) -> None:
    data = Office().service.export(caller, ALICE.id, FIRST)

    assert (data.user, data.orders, data.exported_at) == (USER, [ORDER], NOON)


def test_export_of_another_user_is_forbidden_before_anything_is_read() -> None:
    office = Office()

    with pytest.raises(Forbidden):
        office.service.export(BOB, ALICE.id, FIRST)

    assert office.reads == 0


@pytest.mark.parametrize("caller", [ALICE, ADMIN], ids=["self", "admin"])
def test_export_is_closed_to_applications(caller: Caller) -> None:
    app = App("client", frozenset({"account:read", "admin:users:read"}), is_for_user=True)

    with pytest.raises(InsufficientScope):
        Office().service.export(replace(caller, app=app), ALICE.id, FIRST)


def test_export_of_a_deleted_user_is_not_found_and_sends_no_email() -> None:
    office = Office()
    cursor = office.service.export(ALICE, ALICE.id, FIRST).next_cursor
    office.known, office.requested = None, []

    for query in (FIRST, PersonalDataQuery(cursor=cursor)):
        with pytest.raises(NotFound):
            office.service.export(ADMIN, ALICE.id, query)

    assert office.requested == []


def test_later_page_has_orders_only_and_sends_no_email() -> None:
    office = Office()
    first = office.service.export(ALICE, ALICE.id, FIRST)
    office.requested = []

    last = office.service.export(ALICE, ALICE.id, PersonalDataQuery(cursor=first.next_cursor))

    assert first.account is not None and first.statements
    assert last._replace(user=USER) == (NOON, USER, None, (), [ORDER], None)
    assert office.requested == []


def test_cursor_is_bound_to_its_user() -> None:
    office = Office()
    cursor = office.service.export(ALICE, ALICE.id, FIRST).next_cursor

    with pytest.raises(BadRequest):
        office.service.export(ADMIN, BOB.id, PersonalDataQuery(cursor=cursor))


def test_exports_of_a_day_request_the_same_email() -> None:
    office = Office()
    for hours in (0, 11, 12):
        office.now = NOON + timedelta(hours=hours)
        office.service.export(ADMIN, ALICE.id, FIRST)
    office.service.export(ADMIN, BOB.id, FIRST)

    today, again, tomorrow, other = (id_ for id_, *_ in office.requested)
    assert today == again
    assert len({today, tomorrow, other}) == 3
    assert office.requested[0][1:] == (PERSONAL_DATA_EXPORTED, NOON, {"userId": ALICE.id})


def test_recipients_are_hosts_of_active_endpoints_with_such_events() -> None:
    office = Office(
        endpoint("erp.example.com", "order.placed", "order.cancelled"),
        endpoint("crm.example.com", "user.deleted"),
        endpoint("lake.example.com", "*"),
        endpoint("lake.example.com", "order.placed"),
        endpoint("old.example.com", "*", is_active=False),
    )

    found = office.recipients()

    assert found["user"] == ["crm.example.com", "lake.example.com"]
    assert found["orders"] == ["erp.example.com", "lake.example.com"]
    assert {data for data, hosts in found.items() if hosts} == {"user", "orders"}


def test_retention_of_logs_is_that_of_the_deployment() -> None:
    (logs,) = (it for it in categories(90) if it.data == "logs")

    assert logs.kept_for == "90 days"


def test_categories_have_unique_names() -> None:
    names = [it.data for it in categories(30)]

    assert len(names) == len({*names})


@pytest.mark.parametrize("position", ["zzz" + ALICE.id, " " + ALICE.id, "\0" + ALICE.id, "x", ""])
def test_forged_position_is_rejected_before_a_read(position: str) -> None:
    office = Office()
    query = PersonalDataQuery(cursor=write_cursor(LISTING, position))

    with pytest.raises(BadRequest):
        office.service.export(ALICE, ALICE.id, query)

    assert office.reads == 0
