"""Login attempts over HTTP are limited per account, and alike for emails without an account."""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import bcrypt
import httpx2
import pytest

from shop.clock import now, to_text
from shop.errors import TooManyRequests
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService, login_attempt
from tests.support.dependency_failures import THROTTLED, assert_retryable_503
from tests.support.deployed_shop import TLS, Shop, error_of, gather, new_email
from tests.support.fault_proxy import WRITES, FaultProxy, response_lost
from tests.support.fixtures import PASSWORD
from tests.support.waiting import HANG_SECONDS

REJECTED = (429, "TOO_MANY_REQUESTS")
WRONG = (401, "INVALID_CREDENTIALS")
HOME = "127.0.0.1"


def log_in(
    shop: Shop, email: str, password: str = "wrong horse", address: str = HOME
) -> httpx2.Response:
    """Log in from this address: all of 127.0.0.0/8 is local, and the gateway sees the caller's."""
    transport = httpx2.HTTPTransport(local_address=address, verify=TLS)
    with httpx2.Client(base_url=shop.url, timeout=HANG_SECONDS, transport=transport) as client:
        return client.post("/api/sessions", json={"email": email, "password": password})


def guess(shop: Shop, email: str, times: int, address: str = HOME) -> Counter[tuple[int, str]]:
    """Count the errors of sequential guesses."""
    return Counter(error_of(log_in(shop, email, address=address)) for _ in range(times))


def digests(email: str, address: str = HOME) -> tuple[str, str]:
    network, anywhere = login_attempt(email, address).windows
    return network.digest, anywhere.digest


def counts(shop: Shop, email: str, address: str = HOME) -> tuple[int, int]:
    """Return the stored counts of the address's network, and of all networks."""
    stored = {item["digest"]["S"]: int(item["count"]["N"]) for item in shop.table("AttemptsTable")}
    network, anywhere = digests(email, address)
    return stored.get(network, 0), stored.get(anywhere, 0)


def end_window(shop: Shop, email: str, address: str = HOME) -> None:
    just_over = to_text(datetime.now(UTC) - timedelta(milliseconds=1))
    for digest in digests(email, address):
        shop.change("AttemptsTable", {"digest": digest}, ends_at=just_over)


def account(shop: Shop) -> str:
    return shop.sign_up().email


def nobody(shop: Shop) -> str:
    return new_email()


@pytest.mark.parametrize("whose", [account, nobody])
def test_eleventh_attempt_is_rejected_even_with_the_right_password(
    shop: Shop, whose: Callable[[Shop], str]
) -> None:
    email = whose(shop)
    assert guess(shop, email, 10) == {WRONG: 10}
    before = shop.everything()

    responses = [log_in(shop, email, PASSWORD), log_in(shop, f" {email.upper()}")]

    for response in responses:
        assert error_of(response) == REJECTED
        assert 800 < int(response.headers["Retry-After"]) <= 900
        assert response.headers["Cache-Control"] == "no-store"
    assert shop.everything() == before


@pytest.mark.parametrize("whose", [account, nobody])
def test_parallel_attempts_beyond_the_limit_are_not_compared(
    shop: Shop, whose: Callable[[Shop], str]
) -> None:
    email = whose(shop)
    before = shop.everything_but_attempts()

    responses = gather(20, lambda _: log_in(shop, email))

    assert Counter(map(error_of, responses)) == {WRONG: 10, REJECTED: 10}
    assert counts(shop, email) == (10, 10)
    assert shop.everything_but_attempts() == before


def test_parallel_attempts_that_read_no_count_are_limited(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Call the service directly: sandboxes start one by one on a small machine, without a race."""
    email, table, client = (
        new_email(),
        shop.stack.resources()["AttemptsTable"],
        shop.stack.client("dynamodb"),
    )
    monkeypatch.setattr("shop.dynamo.tables.attempts", lambda: table)
    monkeypatch.setattr("shop.dynamo.transactions.dynamodb", lambda: client)
    began = now()
    service = LoginAttemptService(LoginAttemptRepository(), lambda: began)

    def count(_: int) -> str:
        try:
            service.count(login_attempt(email, HOME))
        except TooManyRequests:
            return "rejected"
        return "counted"

    assert Counter(gather(20, count)) == {"counted": 10, "rejected": 10}
    assert counts(shop, email) == (10, 10)


def set_unsettled_until(shop: Shop, email: str, seconds: float) -> None:
    """Set the latest end of requests without an outcome."""
    until = to_text(datetime.now(UTC) + timedelta(seconds=seconds))
    for digest in digests(email):
        shop.change("AttemptsTable", {"digest": digest}, unsettled_until=until)


OUTAGES: dict[str, Callable[[Shop, FaultProxy], AbstractContextManager[object]]] = {
    "sessions throttled": lambda shop, proxy: proxy.on(
        THROTTLED, table=shop.resources["SessionsTable"]
    ),
    "credentials not written": lambda shop, proxy: proxy.on(
        THROTTLED, *WRITES, table=shop.resources["CredentialsTable"]
    ),
    "everything throttled": lambda _, proxy: proxy.on(THROTTLED),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
def test_logins_that_ended_in_503_are_not_counted_as_guesses(
    shop: Shop,
    faults: FaultProxy,
    outage: Callable[[Shop, FaultProxy], AbstractContextManager[object]],
) -> None:
    email = account(shop)

    with outage(shop, faults):
        for _ in range(10):
            assert_retryable_503(log_in(shop, email, PASSWORD))

    assert counts(shop, email) == (0, 0)
    assert log_in(shop, email, PASSWORD).status_code == 201


@pytest.mark.parametrize("password", [PASSWORD, "wrong horse"], ids=["right", "wrong"])
def test_logins_with_lost_responses_stop_counting_once_they_have_ended(
    shop: Shop, faults: FaultProxy, password: str
) -> None:
    """The client of a lost response cannot know whether the attempt was counted, nor release it."""
    email = account(shop)

    with faults.on(response_lost, *WRITES, table=shop.resources["AttemptsTable"]):
        for _ in range(10):
            assert_retryable_503(log_in(shop, email, password))
    assert counts(shop, email) == (10, 10)

    set_unsettled_until(shop, email, 100)
    rejected = log_in(shop, email, PASSWORD)
    assert error_of(rejected) == REJECTED
    assert 0 < int(rejected.headers["Retry-After"]) <= 100
    set_unsettled_until(shop, email, -0.001)
    assert log_in(shop, email, PASSWORD).status_code == 201


def test_outage_that_hides_the_outcome_of_guesses_allows_no_extra_guess(
    shop: Shop, faults: FaultProxy
) -> None:
    """The count is written but not its outcome, so right and wrong passwords look equal."""
    email = account(shop)
    attempts = shop.resources["AttemptsTable"]

    for password in ["wrong horse"] * 9 + [PASSWORD]:
        with faults.on(THROTTLED, *WRITES, table=attempts, skip=1):
            assert_retryable_503(log_in(shop, email, password))

    assert counts(shop, email) == (10, 10)
    set_unsettled_until(shop, email, 100)
    assert error_of(log_in(shop, email, PASSWORD)) == REJECTED
    set_unsettled_until(shop, email, -0.001)
    # Guesses without an outcome have expired, so the whole limit is left.
    assert guess(shop, email, 11) == {WRONG: 10, REJECTED: 1}


def test_limited_network_is_rejected_and_another_is_not(shop: Shop) -> None:
    email = account(shop)
    guess(shop, email, 10)

    assert error_of(log_in(shop, email, PASSWORD, "127.0.0.2")) == REJECTED
    assert log_in(shop, email, PASSWORD, "127.0.1.1").status_code == 201
    # A login from another network does not lift the limit of this one.
    assert error_of(log_in(shop, email, PASSWORD)) == REJECTED
    assert counts(shop, email) == (10, 10)


def test_attempts_are_counted_anew_after_the_window(shop: Shop) -> None:
    email = account(shop)
    guess(shop, email, 10)
    end_window(shop, email)

    assert error_of(log_in(shop, email)) == WRONG
    assert counts(shop, email) == (1, 1)
    assert log_in(shop, email, PASSWORD).status_code == 201


def test_successful_login_resets_the_count(
    shop: Shop,
) -> None:
    email = account(shop)

    for _ in range(3):
        assert guess(shop, email, 9) == {WRONG: 9}
        assert log_in(shop, email, PASSWORD).status_code == 201
        assert counts(shop, email)[0] == 0

    assert counts(shop, email) == (0, 27)


def test_parallel_successful_logins_all_succeed_and_leave_no_count(shop: Shop) -> None:
    email = account(shop)

    responses = gather(8, lambda _: log_in(shop, email, PASSWORD))

    assert [response.status_code for response in responses] == [201] * 8
    assert counts(shop, email) == (0, 0)


def test_attempts_across_networks_are_limited_to_one_hundred(shop: Shop) -> None:
    email = account(shop)

    outcomes = gather(10, lambda n: guess(shop, email, 10, f"127.0.{n + 1}.1"))

    assert sum(outcomes, Counter()) == {WRONG: 100}
    before = shop.everything()
    rejected = log_in(shop, email, PASSWORD, "127.0.11.1")
    assert error_of(rejected) == REJECTED
    assert 700 < int(rejected.headers["Retry-After"]) <= 900
    assert shop.everything() == before


def test_rejected_attempts_of_one_network_do_not_count_for_others(shop: Shop) -> None:
    email = account(shop)

    assert guess(shop, email, 30) == {WRONG: 10, REJECTED: 20}

    assert counts(shop, email) == (10, 10)


def test_attempts_table_contains_no_email_and_no_ip_address(shop: Shop) -> None:
    email = new_email()
    log_in(shop, email)

    rows = shop.table("AttemptsTable")

    assert set(digests(email)) <= {row["digest"]["S"] for row in rows}
    for row in rows:
        guessed = {"unsettled", "unsettled_until"}  # requests for emails keep their counts
        assert row.keys() - guessed == {"digest", "count", "ends_at", "ttl", "schema_version"}
        assert re.fullmatch("[0-9a-f]{64}", row["digest"]["S"])


def test_malformed_addresses_are_counted_separately(shop: Shop) -> None:
    first, second = (f"no address {new_email()} {n}" for n in range(2))

    assert guess(shop, first, 11) == {WRONG: 10, REJECTED: 1}
    assert guess(shop, second, 1) == {WRONG: 1}


def test_low_cost_hash_is_upgraded_by_a_successful_login_only(shop: Shop) -> None:
    email = account(shop)
    weak = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    shop.change("CredentialsTable", {"email": email}, password_hash=weak)

    def stored() -> str:
        items = {item["email"]["S"]: item for item in shop.table("CredentialsTable")}
        return str(items[email]["password_hash"]["S"])

    assert error_of(log_in(shop, email)) == WRONG
    assert stored() == weak
    responses = gather(4, lambda _: log_in(shop, email, PASSWORD))

    assert [response.status_code for response in responses] == [201] * 4
    assert stored().startswith("$2b$05$") and bcrypt.checkpw(PASSWORD.encode(), stored().encode())


def test_malformed_stored_hash_is_a_failed_login(shop: Shop) -> None:
    email = account(shop)
    shop.change("CredentialsTable", {"email": email}, password_hash="malformed")

    assert error_of(log_in(shop, email, PASSWORD)) == WRONG
