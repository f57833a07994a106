"""The cost per million calls, against numbers computed independently, and its documentation."""

import json

import pytest

from tests.benchmarks.costs import price, report
from tests.benchmarks.costs.price import Prices, Use
from tests.benchmarks.costs.routes import AUTHORIZER, is_traced, memory_of, needs_token
from tests.benchmarks.costs.scenario import MEASURED
from tests.routes import ROUTES
from tests.support.sam_template import functions

PRICES = Prices(
    gateway_request=3.5e-6,
    lambda_request=2e-7,
    lambda_gb_second=1.33334e-5,
    read_unit=1.25e-7,
    write_unit=6.25e-7,
    log_byte=5e-10,
    queue_request=4e-7,
    event=1e-6,
    trace=5e-6,
)
GET = Use(cpu=0.002, round_trips=1, reads=1, writes=0, log_bytes=440)
ORDER = Use(cpu=0.004, round_trips=2, reads=4, writes=19, log_bytes=800)


@pytest.mark.parametrize(
    ("memory", "milliseconds"), [(128, 32.64), (512, 11.91), (1769, 7), (3538, 7)]
)
def test_cpu_share_stretches_cpu_time_and_not_waits(memory: int, milliseconds: float) -> None:
    assert price.seconds(GET, memory) * 1000 == pytest.approx(milliseconds, abs=0.005)


def test_lambda_bills_whole_milliseconds_of_all_the_memory() -> None:
    # 12 ms of half a GB: 6,000 GB-seconds per million, and 0.20 for the requests.
    assert price.of_lambda(GET, 512, PRICES) == pytest.approx(0.2 + 6_000 * 1.33334e-5)
    # Exactly 7 ms are not rounded up to 8.
    assert price.of_lambda(GET, 1769, PRICES) == pytest.approx(0.2 + 7 * 1769 / 1024 * 0.0133334)


def test_tables_bill_units_and_the_gateway_its_traces() -> None:
    assert price.of_tables(ORDER, PRICES) == pytest.approx(0.5 + 11.875)
    # Of 50 per second: the first, and 5 % of 49.
    assert price.of_gateway(PRICES, is_traced=True) == pytest.approx(3.5 + 5 * 3.45 / 50)
    assert price.of_gateway(PRICES, is_traced=False) == pytest.approx(3.5)


@pytest.mark.parametrize(("rate", "share"), [(0.2, 1), (1, 1), (2, 0.525), (100, 0.0595)])
def test_trace_share_grows_with_fewer_requests(rate: float, share: float) -> None:
    assert price.traced(rate) == pytest.approx(share)


def test_unsampled_requests_cost_no_traces() -> None:
    routes = {function.route for function in functions() if function.route}

    assert {route for route in routes if not is_traced(route)} == {
        "GET /api/users",
        "PUT /api/email-verifications/{token}",
        "PUT /api/password-resets/{token}",
        "GET /oauth/authorize",
    }


def test_cold_start_has_a_full_core_until_its_first_request() -> None:
    # 200 ms at any size, and 10 ms that the first request took longer: 34.6 at 512 MB.
    at_half = price.of_cold_start(0.2, 0.012, GET, 512, PRICES)
    assert at_half == pytest.approx((0.2 + 0.03455) / 2 * 13.3334, rel=1e-3)
    at_full = price.of_cold_start(0.2, 0.012, GET, 1769, PRICES)
    assert at_full == pytest.approx(0.21 * 1769 / 1024 * 13.3334)


def test_lambda_log_lines_messages_and_events_are_billed() -> None:
    use = Use(cpu=0, round_trips=0, reads=0, writes=0, log_bytes=388, messages=1, events=2)

    # 388 + 560 of Lambda's two lines + 26 beside each of these; three requests of the queue.
    assert price.of_the_rest(use, PRICES) == pytest.approx(0.5 + 1.2 + 2.0)


def test_every_price_has_a_source() -> None:
    kept = json.loads(price.PRICES.read_text())

    assert kept["dollars"].keys() == kept["sources"].keys()
    assert price.prices() == PRICES


def test_memory_is_read_from_the_template() -> None:
    by_name = {function.name: memory_of(function) for function in functions()}

    assert (by_name["CreateSession"], by_name["AnswerPreflight"]) == (1769, 256)


def test_only_routes_behind_the_authorizer_pay_for_it() -> None:
    assert needs_token("GET /api/users/{userId}")
    assert not needs_token("POST /api/sessions") and not needs_token(AUTHORIZER)


def test_documented_price_of_every_measured_route_is_current() -> None:
    routes = json.loads(report.NUMBERS.read_text())["routes"]

    assert routes.keys() <= {*ROUTES, AUTHORIZER}, "a route is gone; run: make bench-costs"
    assert report.PAGE.read_text() == report.page(), "run: make generate"
    for route in routes.keys() & ROUTES.keys():
        assert routes[route]["use"]["round_trips"] == len(ROUTES[route].waits), (
            f"{route} waits another number of times than measured; run: make bench-costs"
        )


def test_price_of_a_new_route_is_not_measured_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MEASURED", ("GET /api/coupons", *MEASURED))

    assert "Not measured yet: `GET /api/coupons`" in report.page()
