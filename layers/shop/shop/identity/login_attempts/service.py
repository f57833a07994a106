"""The rules of rate limits: guesses of passwords, and other requests of persons and networks."""

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
    MAX_GUESSES_FROM_ANYWHERE,
    MAX_GUESSES_FROM_NETWORK,
    MAX_WRONG_CODES,
    Guess,
    RateLimitedRequest,
    RateLimitWindow,
)

_MAX_ATTEMPTS = 5


class LoginAttemptStore(Protocol):
    def count(self, attempt: RateLimitedRequest, now: datetime) -> RateLimitedRequest | None:
        """Count in both windows, or in neither and return their stored state."""

    def settle(self, attempt: RateLimitedRequest) -> None:
        """Record that a guess failed."""

    def read(self, attempt: RateLimitedRequest) -> RateLimitedRequest:
        """Return the request in its stored windows."""

    def revert(self, attempt: RateLimitedRequest) -> None:
        """Delete the count of a guess with the right password."""

    def release(self, attempt: RateLimitedRequest) -> None:
        """Decrement both windows."""


class LoginAttemptService:
    def __init__(self, attempts: LoginAttemptStore, clock: Clock) -> None:
        self._attempts = attempts
        self._clock = clock

    def count(self, attempt: RateLimitedRequest) -> RateLimitedRequest:
        """Count a request; return it with the windows that it was counted in.

        Raise `TooManyRequests` without counting: otherwise rejected requests from one network
        could lock out all others.
        """
        for _ in range(_MAX_ATTEMPTS):
            now = self._clock()
            attempt = attempt.opened(now)
            full = [it for it in attempt.windows if it.is_full and not it.is_abandoned(now)]
            ends = [window.full_until for window in full if window.full_until]
            if ends:
                seconds = (max(ends) - now).total_seconds()
                raise TooManyRequests(retry_after=math.ceil(seconds))
            meanwhile = self._attempts.count(attempt, now)
            if meanwhile is None:
                return attempt
            attempt = meanwhile
        raise ServiceUnavailable(retry_after=1)

    def full_until(self, attempt: RateLimitedRequest) -> datetime | None:
        """Return the time until which the stored windows reject this request; None for now."""
        now = self._clock()
        stored = self._attempts.read(attempt).opened(now)
        full = [it.full_until for it in stored.windows if it.is_full]
        return max((time for time in full if time is not None), default=None)

    @contextmanager
    def guess(self, attempt: RateLimitedRequest) -> Iterator[Guess]:
        """Count a guess before its password is compared, and record its outcome.

        A 4xx is a failed guess, recorded before the client reads it. A 503 is not a guess: it is
        reverted if the password was right, which reveals nothing new.
        Guesses without a recorded outcome stop counting after `UNSETTLED_DURATION`, also if the
        database is down: the client learned nothing from them. Until then they fill the window, so
        causing failures gives no additional guesses. Raise `TooManyRequests`.
        """
        guess = Guess(self.count(attempt))
        try:
            yield guess
        except ShopError as error:
            if not isinstance(error, ServiceUnavailable) and not guess.needs_code:
                self._attempts.settle(guess.attempt)
            else:
                self._revert_if_right(guess)
            raise
        except Exception:
            self._revert_if_right(guess)
            raise

    @contextmanager
    def limit(self, attempt: RateLimitedRequest) -> Iterator[None]:
        """Count a request, but not one that ends in a 503 or 500, which clients retry.

        Raise `TooManyRequests`.
        """
        counted = self.count(attempt)
        try:
            yield
        except Exception as error:
            if not isinstance(error, ShopError) or isinstance(error, ServiceUnavailable):
                with suppress(Exception):  # the same failure may affect this call
                    self._attempts.release(counted)
            raise

    def _revert_if_right(self, guess: Guess) -> None:
        if guess.is_right:
            with suppress(Exception):  # the same failure may affect this call
                self._attempts.revert(guess.attempt)


def login_attempt(email: str, ip_address: str) -> RateLimitedRequest:
    """Return a guess of the password of an email from an IP address, with empty windows."""
    return RateLimitedRequest(
        RateLimitWindow(_digest(f"{email} {network_of(ip_address)}"), MAX_GUESSES_FROM_NETWORK),
        RateLimitWindow(_digest(email), MAX_GUESSES_FROM_ANYWHERE),
    )


def code_attempt(id_: str, ip_address: str) -> RateLimitedRequest:
    """Return a guess of a code, with empty windows.

    The id is that of the user, since a user can change the email, or that of an enrolment, whose
    wrong codes concern no log-in.
    """
    return RateLimitedRequest(
        RateLimitWindow(_digest(f"code {id_} {network_of(ip_address)}"), MAX_WRONG_CODES),
        RateLimitWindow(_digest(f"code {id_}"), MAX_WRONG_CODES),
    )


def rate_limited_request(
    kind: str, person: str, ip_address: str, max_count: int, max_from_network: int
) -> RateLimitedRequest:
    """Return a request of a kind that concerns a person, with empty windows.

    The window of the network counts requests for all persons. Logins never have the same digests,
    since the kind is not an email address.
    """
    return RateLimitedRequest(
        RateLimitWindow(_digest(f"{kind} from {network_of(ip_address)}"), max_from_network),
        RateLimitWindow(_digest(f"{kind} for {person}"), max_count),
        is_guess=False,
    )


def network_of(text: str) -> str:
    """Return the IPv4 /24 or IPv6 /64 network: the usual range of a household or host."""
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((address.packed, 24 if address.version == 4 else 64), strict=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
