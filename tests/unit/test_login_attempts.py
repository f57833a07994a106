"""Login attempts: ten per network and a hundred in total, until the window ends."""

from contextlib import suppress
from copy import replace
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shop.deadline import DeadlineExceeded
from shop.errors import (
    AccountInactive,
    EmailInUse,
    InvalidCredentials,
    ServiceUnavailable,
    ShopError,
    TooManyRequests,
)
from shop.identity.login_attempts.models import (
    MAX_GUESSES_FROM_ANYWHERE,
    MAX_GUESSES_FROM_NETWORK,
    UNSETTLED_DURATION,
    WINDOW,
    RateLimitedRequest,
    RateLimitWindow,
)
from shop.identity.login_attempts.service import (
    LoginAttemptService,
    login_attempt,
    network_of,
    rate_limited_request,
)
from tests.support.fixtures import NOON

HOME = "192.0.2.1"


@dataclass
class Counter:
    """Rate limit windows in memory, with a manual clock."""

    tallies: dict[str, RateLimitWindow] = field(default_factory=dict)
    now: datetime = NOON
    is_changing: bool = False
    is_down: bool = False

    def count(self, attempt: RateLimitedRequest, now: datetime) -> RateLimitedRequest | None:
        if self.is_changing:
            return attempt
        for tally in attempt.windows:
            abandoned = tally.unsettled if tally.is_abandoned(now) else 0
            self.tallies[tally.digest] = replace(
                tally,
                attempts=tally.attempts - abandoned + 1,
                unsettled=tally.unsettled - abandoned + attempt.is_guess,
                unsettled_until=now + UNSETTLED_DURATION if attempt.is_guess else None,
            )
        return None

    def read(self, attempt: RateLimitedRequest) -> RateLimitedRequest:
        return attempt.with_windows(self.tallies.get(it.digest, it) for it in attempt.windows)

    def settle(self, attempt: RateLimitedRequest) -> None:
        self._change(attempt, counted=0)

    def revert(self, attempt: RateLimitedRequest) -> None:
        self._change(attempt, counted=-1)

    def release(self, attempt: RateLimitedRequest) -> None:
        if self.is_down:
            raise ConnectionError
        for tally in attempt.windows:
            stored = self.tallies[tally.digest]
            self.tallies[tally.digest] = replace(stored, attempts=stored.attempts - 1)

    def attempt(self, email: str = "ada@example.com", address: str = HOME) -> RateLimitedRequest:
        return self.service().count(self.seen(email, address))

    def fail(self, error: BaseException, is_right: bool = False) -> None:
        """Make a guess in a request that ends with this error."""
        with pytest.raises(type(error)), self.service().guess(self.seen()) as guess:
            guess.is_right = is_right
            raise error

    def seen(self, email: str = "ada@example.com", address: str = HOME) -> RateLimitedRequest:
        seen = login_attempt(email, address)
        return seen.with_windows(self.tallies.get(tally.digest, tally) for tally in seen.windows)

    def service(self) -> LoginAttemptService:
        return LoginAttemptService(self, lambda: self.now)

    def _change(self, attempt: RateLimitedRequest, counted: int) -> None:
        if self.is_down:
            raise ConnectionError
        for tally in attempt.windows:
            stored = self.tallies[tally.digest]
            self.tallies[tally.digest] = replace(
                stored, attempts=stored.attempts + counted, unsettled=stored.unsettled - 1
            )


OUTAGE = ServiceUnavailable()
WRONG = InvalidCredentials()


def test_right_guess_that_ends_in_503_is_taken_back() -> None:
    counter = Counter()

    for error in (OUTAGE, ConnectionError()):
        counter.fail(error, is_right=True)

    assert [(tally.attempts, tally.unsettled) for tally in counter.tallies.values()] == [(0, 0)] * 2


@pytest.mark.parametrize("error", [OUTAGE, ConnectionError(), DeadlineExceeded()])
def test_guesses_that_ended_in_503_stop_counting_once_their_requests_have_ended(
    error: BaseException,
) -> None:
    counter = Counter(is_down=True)
    for _ in range(MAX_GUESSES_FROM_NETWORK):
        counter.fail(error, is_right=True)

    counter.now += UNSETTLED_DURATION - timedelta(seconds=1)
    with pytest.raises(TooManyRequests) as rejection:
        counter.attempt()
    counter.now += timedelta(seconds=1)
    counter.attempt()

    assert rejection.value.retry_after == 1
    assert [(tally.attempts, tally.unsettled) for tally in counter.tallies.values()][0] == (1, 1)


def test_failed_guesses_stay_counted_beside_those_that_ended_in_503() -> None:
    counter = Counter()
    for _ in range(MAX_GUESSES_FROM_NETWORK - 1):
        counter.fail(WRONG)
    counter.fail(OUTAGE)

    counter.now += UNSETTLED_DURATION
    counter.fail(WRONG)
    counter.now += UNSETTLED_DURATION
    with pytest.raises(TooManyRequests) as rejection:
        counter.attempt()

    assert rejection.value.retry_after == (WINDOW - 2 * UNSETTLED_DURATION).total_seconds()


@pytest.mark.parametrize("rejection", [WRONG, AccountInactive(), EmailInUse()])
def test_rejected_guess_stays_counted_for_any_password(rejection: ShopError) -> None:
    counter = Counter()

    counter.fail(rejection, is_right=rejection is not WRONG)

    assert [(tally.attempts, tally.unsettled) for tally in counter.tallies.values()] == [(1, 0)] * 2


def test_unrecordable_failed_guess_does_not_reveal_its_outcome() -> None:
    counter = Counter(is_down=True)

    with pytest.raises(ConnectionError), counter.service().guess(counter.seen()):
        raise WRONG

    assert [(tally.attempts, tally.unsettled) for tally in counter.tallies.values()] == [(1, 1)] * 2


def test_parallel_guesses_fill_the_window_while_their_outcome_is_open() -> None:
    counter = Counter()
    for _ in range(MAX_GUESSES_FROM_NETWORK):
        counter.attempt()

    with pytest.raises(TooManyRequests) as rejection:
        counter.attempt()

    assert rejection.value.retry_after == UNSETTLED_DURATION.total_seconds()


def test_eleventh_attempt_of_a_network_is_rejected_until_the_window_ends() -> None:
    counter = Counter()
    for _ in range(MAX_GUESSES_FROM_NETWORK):
        counter.fail(WRONG)
    before = dict(counter.tallies)

    counter.now += timedelta(minutes=5, seconds=0.5)
    with pytest.raises(TooManyRequests) as rejection:
        counter.attempt(address="192.0.2.254")

    assert rejection.value.retry_after == 600
    assert counter.tallies == before
    counter.now = NOON + WINDOW
    assert counter.attempt().from_network.ends_at == NOON + 2 * WINDOW


def test_other_networks_and_emails_are_not_limited() -> None:
    counter = Counter()
    for _ in range(MAX_GUESSES_FROM_NETWORK):
        counter.attempt()

    counter.attempt(address="192.0.3.1")
    counter.attempt(email="bob@example.com")


def test_attempts_of_all_networks_are_limited_to_one_hundred() -> None:
    counter = Counter()
    for number in range(MAX_GUESSES_FROM_ANYWHERE):
        counter.settle(counter.attempt(address=f"10.0.{number}.1"))

    with pytest.raises(TooManyRequests) as rejection:
        counter.attempt(address="10.1.0.1")

    assert rejection.value.retry_after == WINDOW.total_seconds()


def test_constantly_changing_window_is_a_503() -> None:
    with pytest.raises(ServiceUnavailable):
        Counter(is_changing=True).attempt()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.254", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.254", "192.0.2.0/24"),
        ("", "unknown"),
        ("no address", "unknown"),
    ],
)
def test_network_is_a_24_or_a_64_prefix(address: str, network: str) -> None:
    assert network_of(address) == network


def test_digests_contain_no_email_and_differ_by_email_and_network() -> None:
    attempts = [
        login_attempt(email, address)
        for email in ("ada@example.com", "bob@example.com")
        for address in (HOME, "192.0.3.1")
    ]

    digests = {tally.digest for attempt in attempts for tally in attempt.windows}
    assert len(digests) == 6
    assert all(len(digest) == 64 and "@" not in digest for digest in digests)


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (ServiceUnavailable(retry_after=1), 0),
        (ConnectionError(), 0),
        (InvalidCredentials(), 1),
        (None, 1),
    ],
)
def test_limited_request_counts_unless_it_ends_in_503(
    error: Exception | None, counted: int
) -> None:
    counter = Counter()
    attempt = rate_limited_request("sign-up", "ada@example.com", HOME, 2, 2)

    with suppress(Exception), counter.service().limit(attempt):
        if error is not None:
            raise error

    assert [tally.attempts for tally in counter.tallies.values()] == [counted] * 2


def test_limited_request_fails_by_its_own_error_if_it_cannot_be_released() -> None:
    counter = Counter(is_down=True)

    with (
        pytest.raises(ServiceUnavailable),
        counter.service().limit(rate_limited_request("sign-up", "ada@example.com", HOME, 2, 2)),
    ):
        raise ServiceUnavailable(retry_after=1)
