"""Ten guesses from a network, a hundred from anywhere, then nothing until the window ends."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shop.attempts.models import MOST_FROM_ANYWHERE, MOST_FROM_NETWORK, WINDOW, Attempt, Tally
from shop.attempts.service import AttemptService, attempt_on, network_of
from shop.errors import ServiceUnavailable, TooManyRequests
from tests.people import NOON

HOME = "192.0.2.1"


@dataclass
class Counter:
    """Tallies in memory, under a clock that stands still until it is moved."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    now: datetime = NOON
    is_changing: bool = False

    def count(self, attempt: Attempt, now: datetime) -> Attempt | None:
        if self.is_changing:
            return attempt
        for tally in attempt:
            self.tallies[tally.digest] = replace(tally, count=tally.count + 1)
        return None

    def attempt(self, email: str = "ada@example.com", address: str = HOME) -> Attempt:
        seen = attempt_on(email, address)
        attempt = Attempt(*(self.tallies.get(tally.digest, tally) for tally in seen))
        return AttemptService(self, lambda: self.now).count(attempt)


def test_the_eleventh_attempt_from_a_network_is_refused_until_the_window_ends() -> None:
    counter = Counter()
    for _ in range(MOST_FROM_NETWORK):
        counter.attempt()
    before = dict(counter.tallies)

    counter.now += timedelta(minutes=5, seconds=0.5)
    with pytest.raises(TooManyRequests) as refused:
        counter.attempt(address="192.0.2.254")

    assert refused.value.retry_after == 600
    assert counter.tallies == before
    counter.now = NOON + WINDOW
    assert counter.attempt().from_network.ends_at == NOON + 2 * WINDOW


def test_another_network_and_another_e_mail_are_not_refused() -> None:
    counter = Counter()
    for _ in range(MOST_FROM_NETWORK):
        counter.attempt()

    counter.attempt(address="192.0.3.1")
    counter.attempt(email="bob@example.com")


def test_a_hundred_attempts_from_anywhere_are_the_most() -> None:
    counter = Counter()
    for number in range(MOST_FROM_ANYWHERE):
        counter.attempt(address=f"10.0.{number}.1")

    with pytest.raises(TooManyRequests) as refused:
        counter.attempt(address="10.1.0.1")

    assert refused.value.retry_after == WINDOW.total_seconds()


def test_a_window_that_keeps_changing_is_given_up() -> None:
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
def test_a_network_is_a_24_or_a_64(address: str, network: str) -> None:
    assert network_of(address) == network


def test_digests_tell_no_e_mail_and_differ_by_e_mail_and_network() -> None:
    attempts = [
        attempt_on(email, address)
        for email in ("ada@example.com", "bob@example.com")
        for address in (HOME, "192.0.3.1")
    ]

    digests = {tally.digest for attempt in attempts for tally in attempt}
    assert len(digests) == 6
    assert all(len(digest) == 64 and "@" not in digest for digest in digests)
