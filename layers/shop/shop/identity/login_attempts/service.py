"""The rules of attempts: who guesses passwords runs out of guesses, right or not."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

from shop.clock import Clock
from shop.errors import ServiceUnavailable, ShopError, TooManyRequests
from shop.identity.login_attempts.models import (
    MAX_FROM_ANYWHERE,
    MAX_FROM_NETWORK,
    Guess,
    LoginAttempt,
    RateLimitWindow,
)

_TRIES = 5


class LoginAttemptStore(Protocol):
    def count(self, attempt: LoginAttempt, now: datetime) -> LoginAttempt | None:
        """Counts one in both of these windows, or in neither and returns how they stand."""

    def settle(self, attempt: LoginAttempt) -> None:
        """Records that a guess failed."""

    def take_back(self, attempt: LoginAttempt) -> None:
        """Forgets a guess whose password was right."""

    def release(self, attempt: LoginAttempt) -> None:
        """Counts one less in both windows."""


class LoginAttemptService:
    def __init__(self, attempts: LoginAttemptStore, clock: Clock) -> None:
        self._attempts = attempts
        self._clock = clock

    def count(self, attempt: LoginAttempt) -> LoginAttempt:
        """The attempt with the windows that it was counted in.

        Raises `TooManyRequests`, and then nothing is counted: or whoever is refused in one network
        could lock all others out.
        """
        for _ in range(_TRIES):
            now = self._clock()
            attempt = attempt.opened(now)
            full = [it for it in attempt if it.is_full and not it.is_abandoned(now)]
            ends = [tally.full_until for tally in full if tally.full_until]
            if ends:
                seconds = (max(ends) - now).total_seconds()
                raise TooManyRequests(retry_after=math.ceil(seconds))
            meanwhile = self._attempts.count(attempt, now)
            if meanwhile is None:
                return attempt
            attempt = meanwhile
        raise ServiceUnavailable(retry_after=1)

    @contextmanager
    def guess(self, attempt: LoginAttempt) -> Iterator[Guess]:
        """Count a guess before its password is compared, and record its outcome.

        A 4xx is a failed guess, recorded before the client reads it. A request that ends in 503 is
        no guess: it is taken back where the password was right, which tells a guesser nothing new.
        All others without a recorded outcome stop counting after `UNSETTLED_FOR`, also where the
        database was down: they told the client nothing, and until then they fill the window, so
        that causing failures gives no more guesses. Raises `TooManyRequests`.
        """
        guess = Guess(self.count(attempt))
        try:
            yield guess
        except ShopError as refusal:
            if not isinstance(refusal, ServiceUnavailable):
                self._attempts.settle(guess.attempt)
            else:
                self._take_back_if_right(guess)
            raise
        except Exception:
            self._take_back_if_right(guess)
            raise

    @contextmanager
    def limit(self, attempt: LoginAttempt) -> Iterator[None]:
        """Count a request, but not one that ends in 503 or 500: clients are told to retry these.

        Raises `TooManyRequests`.
        """
        counted = self.count(attempt)
        try:
            yield
        except Exception as error:
            if not isinstance(error, ShopError) or isinstance(error, ServiceUnavailable):
                with suppress(Exception):  # what made the request fail may last
                    self._attempts.release(counted)
            raise

    def _take_back_if_right(self, guess: Guess) -> None:
        if guess.is_right:
            with suppress(Exception):  # what made the request fail may last
                self._attempts.take_back(guess.attempt)


def login_attempt(email: str, ip_address: str) -> LoginAttempt:
    """An attempt on an e-mail from an address, with nothing known of earlier ones."""
    return LoginAttempt(
        RateLimitWindow(_digest(f"{email} {network_of(ip_address)}"), MAX_FROM_NETWORK),
        RateLimitWindow(_digest(email), MAX_FROM_ANYWHERE),
    )


def rate_limit_key(
    kind: str, person: str, ip_address: str, most: int, most_from_network: int
) -> LoginAttempt:
    """A wish that concerns a person, known or not; a network's are counted whomever they concern.

    No log-in has such digests: the kind is no e-mail.
    """
    return LoginAttempt(
        RateLimitWindow(_digest(f"{kind} from {network_of(ip_address)}"), most_from_network),
        RateLimitWindow(_digest(f"{kind} for {person}"), most),
        is_guess=False,
    )


def network_of(text: str) -> str:
    """What one household or host usually has at its disposal: an IPv4 /24 or an IPv6 /64."""
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((address.packed, 24 if address.version == 4 else 64), strict=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
