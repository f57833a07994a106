"""Metrics of the deployed stack, in the log format that CloudWatch reads."""

import httpx2
import pytest

from tests.support.deployed_shop import Shop, new_email
from tests.support.emf_metrics import counted, metrics_of
from tests.support.fixtures import PASSWORD
from tests.support.log_groups import Logs

STACK = "shop-local"


@pytest.fixture
def logs(shop: Shop) -> Logs:
    return Logs(shop)


def logged_metrics(logs: Logs, response: httpx2.Response) -> dict[str, float]:
    """Return the metrics in the log line of a request."""
    (line,) = logs.lines(response.headers["X-Request-Id"], message="request")
    assert line["status"] == response.status_code
    return counted(line, STACK)


def test_every_request_has_its_latency_by_route(shop: Shop, logs: Logs) -> None:
    response = shop.admin.http.get(f"/api/users/{shop.admin.id}")

    (line,) = logs.lines(response.headers["X-Request-Id"], message="request")
    dimension = frozenset({("route", "GET /api/users/{userId}")})
    unit, value = metrics_of(line, STACK)["Latency", dimension]
    assert unit == "Milliseconds" and 0 < value == line["milliseconds"]


def test_sign_ups_and_logins_are_counted(shop: Shop, logs: Logs) -> None:
    email = new_email()
    body = {"email": email, "name": "Ada", "password": PASSWORD}
    wrong = {"email": email, "password": "wrong horse"}

    assert logged_metrics(logs, shop.anonymous.post("/api/users", json=body)) == {"SignUps": 1}
    assert logged_metrics(logs, shop.anonymous.post("/api/users", json=body)) == {}
    for _ in range(10):
        assert logged_metrics(logs, shop.anonymous.post("/api/sessions", json=wrong)) == {
            "LogInsFailed": 1
        }
    throttled = shop.anonymous.post("/api/sessions", json=wrong)
    assert throttled.status_code == 429
    assert logged_metrics(logs, throttled) == {"LogInsThrottled": 1}


def test_reused_refresh_token_is_counted(shop: Shop, logs: Logs) -> None:
    def refresh(token: str) -> httpx2.Response:
        return shop.anonymous.post("/api/access-tokens", json={"refreshToken": token})

    first = shop.sign_up().grant["refreshToken"]
    second = refresh(first)
    third = refresh(second.json()["refreshToken"])

    assert logged_metrics(logs, second) == logged_metrics(logs, third) == {}
    assert logged_metrics(logs, refresh(first)) == {"RefreshReuse": 1}
    assert logged_metrics(logs, refresh(first)) == {}


def test_orders_their_value_and_rejections_are_counted(shop: Shop, logs: Logs) -> None:
    person, product = shop.sign_up(), shop.product(price="12.25", currency="CHF", stock=3)

    placed = person.order((product["id"], 2), key="one-order")
    replayed = person.order((product["id"], 2), key="one-order")
    rejected = person.order((product["id"], 2))

    (line,) = logs.lines(placed.headers["X-Request-Id"], message="request")
    value = metrics_of(line, STACK)["OrderValue", frozenset({("currency", "CHF")})]
    assert value == ("None", 24.5)
    assert logged_metrics(logs, placed) == {"OrdersPlaced": 1, "OrderValue": 24.5}
    assert replayed.json() == placed.json() and logged_metrics(logs, replayed) == {}
    assert rejected.status_code == 409 and logged_metrics(logs, rejected) == {"StockRefusals": 1}
