"""Metrics are counted idempotency, in CloudWatch's format, in the log line of their request."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from shop import metrics
from shop.caller import Role
from shop.entrypoints.http import endpoint
from shop.entrypoints.operation import operation
from shop.errors import (
    CurrencyMismatch,
    InsufficientStock,
    InvalidCredentials,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from shop.http.response_models import ResponseModel
from shop.idempotency import Replayed
from shop.identifiers import new_id
from shop.orders.service import OrderService
from shop.users.models import User
from shop.users.requests import UserCreate
from shop.users.service import UserService
from tests.fakes.order_store import DOLLAR, PEAR, PLUM, FakeOrderStore, idempotency, order_of
from tests.fakes.session_store import FakeSessionStore, attempt, refresh
from tests.fakes.user_store import FakeRateLimiter, FakeUserStore
from tests.support.emf_metrics import counted, metrics_of
from tests.support.fixtures import ALICE, BROWSER, NOON, PASSWORD
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tests.support.sam_template import template

SHOP = "metrics_namespace"
PLACES = "POST /api/users/{userId}/orders"


class Done(ResponseModel):
    text: str = "done"


def logged_metrics(work: Any) -> dict[str, float]:
    """Return the metrics counted during the work."""
    metrics.collect()
    work()
    return counted(metrics.log_fields(), SHOP)


def raises(error: type[Exception], work: Any) -> Any:
    def attempt() -> None:
        with pytest.raises(error):
            work()

    return attempt


def place(store: FakeOrderStore, *lines: Any, key: str | None = None) -> Any:
    service = OrderService(store, lambda: NOON, new_id)
    return lambda: service.place(ALICE, ALICE.id, order_of(*lines), idempotency(key))


def test_request_logs_its_latency_by_declared_route(log: LogLines) -> None:
    @endpoint("GET /api/things/{thingId}")
    def read() -> Done:
        return Done()

    read(event("GET /api/things/{thingId}", {"thingId": new_id()}), Context())

    (line,) = log()
    route = frozenset({("route", "GET /api/things/{thingId}")})
    assert metrics_of(line, SHOP) == {("Latency", route): ("Milliseconds", line["milliseconds"])}


def test_request_logs_its_own_counts_only(log: LogLines) -> None:
    @endpoint(PLACES)
    def handler() -> Done:
        if len(log()) == 0:
            metrics.count("OrdersPlaced")
            metrics.count("OrdersPlaced")
            metrics.measure("OrderValue", 12.5, currency="EUR")
        return Done()

    for _ in range(2):
        handler(event(PLACES, {"userId": "me"}), Context())

    first, second = log()
    actual = metrics_of(first, SHOP)
    assert actual["OrdersPlaced", frozenset()] == ("Count", 2)
    assert actual["OrderValue", frozenset({("currency", "EUR")})] == ("None", 12.5)
    assert len(actual) == 3
    assert counted(second, SHOP) == {}


def test_failed_request_logs_its_counts(log: LogLines) -> None:
    @endpoint(PLACES, raises=(NotFound,))
    def handler() -> Done:
        metrics.count("StockRefusals")
        raise NotFound

    handler(event(PLACES, {"userId": "me"}), Context())

    assert [counted(line, SHOP) for line in log()] == [{"StockRefusals": 1}]


def test_all_metrics_together_stay_within_the_format_limits() -> None:
    metrics.collect()
    for name in get_args(metrics.Countable.__value__):
        metrics.count(name)
    metrics.measure("OrderValue", 12.5, currency="EUR")
    metrics.measure("Latency", 3.2, route=PLACES)

    names = {name for name, _ in metrics_of(metrics.log_fields(), SHOP)}

    assert names == {
        *("SignUps", "LogInsFailed", "LogInsThrottled", "WrongCodes", "RefreshReuse"),
        *("OrdersPlaced", "StockRefusals", "OrderValue", "Latency"),
        *("ClientsRefused", "CodesReplayed", "OAuthRefreshReuse"),
        *("PasskeysAdded", "PasskeyLogIns", "PasskeysCopied"),
        *("WebhooksDelivered", "WebhooksRefused", "WebhookEndpointsDisabled"),
    }


def test_order_and_its_value_are_counted_when_placed() -> None:
    metrics.collect()
    place(FakeOrderStore(), (PEAR, 2), (PLUM, 1))()

    actual = metrics_of(metrics.log_fields(), SHOP)

    assert actual["OrdersPlaced", frozenset()] == ("Count", 1)
    assert actual["OrderValue", frozenset({("currency", "EUR")})] == ("None", 20.1)
    assert counted(metrics.log_fields(), SHOP).keys() == {"OrdersPlaced", "OrderValue"}


def test_replay_counts_nothing() -> None:
    store = FakeOrderStore()
    place(store, (PLUM, 3), key="one")()

    assert logged_metrics(raises(Replayed, place(store, (PLUM, 3), key="one"))) == {}


def test_rejected_order_counts_its_reason_once() -> None:
    short = place(FakeOrderStore(), (PLUM, 4), (PEAR, 11))

    assert logged_metrics(raises(InsufficientStock, short)) == {"StockRefusals": 1}
    assert (
        logged_metrics(raises(CurrencyMismatch, place(FakeOrderStore(), (PEAR, 1), (DOLLAR, 1))))
        == {}
    )


def test_failed_login_is_counted_and_a_successful_one_is_not() -> None:
    lobby = FakeSessionStore()
    log_in = lobby.service().log_in

    assert logged_metrics(lambda: log_in(attempt(), BROWSER)) == {}
    wrong = raises(InvalidCredentials, lambda: log_in(attempt(password="no"), BROWSER))
    assert logged_metrics(wrong) == {"LogInsFailed": 1}
    lobby.is_full = True
    full = raises(TooManyRequests, lambda: log_in(attempt(), BROWSER))
    assert logged_metrics(full) == {"LogInsThrottled": 1}


def test_spent_refresh_token_counts_once_when_it_ends_its_session() -> None:
    lobby = FakeSessionStore()
    first = lobby.service().log_in(attempt(), BROWSER).refresh_token

    assert logged_metrics(lambda: refresh(lobby, first)) == {}
    assert logged_metrics(lambda: refresh(lobby, first)) == {}  # within the grace period
    lobby.now = NOON + timedelta(seconds=31)
    again = raises(Unauthorized, lambda: refresh(lobby, first))
    assert logged_metrics(again) == {"RefreshReuse": 1}
    assert logged_metrics(again) == {}  # the session has ended


class FakeRegistry(FakeUserStore):
    def add(self, user: User, password_hash: str) -> None:
        self.user = user


SIGN_UP = UserCreate.model_validate(
    {"email": "new@example.com", "name": "Ada", "password": PASSWORD}
)


def sign_up(role: Role = Role.CUSTOMER) -> User:
    service = UserService(
        FakeRegistry(),
        FakeRateLimiter(),
        lambda password: password,
        lambda *_: True,
        lambda: 20,
        lambda: NOON,
        new_id,
    )
    return service.sign_up(SIGN_UP, BROWSER if role is Role.CUSTOMER else None, role)


def test_sign_up_is_counted() -> None:
    assert logged_metrics(sign_up) == {"SignUps": 1}


def test_operator_actions_are_not_counted(log: LogLines) -> None:
    operation(lambda _: {"id": sign_up(Role.ADMIN).id})({}, Context())

    assert not any("_aws" in line for line in log())


def test_log_levels_that_drop_metrics_cannot_be_deployed() -> None:
    level = template()["Parameters"]["LogLevel"]

    assert level["AllowedValues"] == ["DEBUG", "INFO"]
    assert level["Default"] in level["AllowedValues"]
