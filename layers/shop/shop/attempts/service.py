"""The rules of attempts: who guesses passwords runs out of guesses, right or not."""

import hashlib
import math
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

from shop.attempts.models import MOST_FROM_ANYWHERE, MOST_FROM_NETWORK, Attempt, Tally
from shop.clock import Clock
from shop.errors import ServiceUnavailable, TooManyRequests

_TRIES = 5


class AttemptStore(Protocol):
    def count(self, attempt: Attempt, now: datetime) -> Attempt | None:
        """Counts one in both of these windows, or in neither and returns how they stand."""


class AttemptService:
    def __init__(self, attempts: AttemptStore, clock: Clock) -> None:
        self._attempts = attempts
        self._clock = clock

    def count(self, attempt: Attempt) -> Attempt:
        """The attempt with the windows that it was counted in.

        Raises `TooManyRequests`, and then nothing is counted: or whoever is refused in one network
        could lock all others out.
        """
        for _ in range(_TRIES):
            now = self._clock()
            attempt = attempt.opened(now)
            ends = [tally.ends_at for tally in attempt if tally.is_full and tally.ends_at]
            if ends:
                seconds = (max(ends) - now).total_seconds()
                raise TooManyRequests(retry_after=math.ceil(seconds))
            meanwhile = self._attempts.count(attempt, now)
            if meanwhile is None:
                return attempt
            attempt = meanwhile
        raise ServiceUnavailable(retry_after=1)


def attempt_on(email: str, ip_address: str) -> Attempt:
    """An attempt on an e-mail from an address, with nothing known of earlier ones."""
    return Attempt(
        Tally(_digest(f"{email} {network_of(ip_address)}"), MOST_FROM_NETWORK),
        Tally(_digest(email), MOST_FROM_ANYWHERE),
    )


def wish(kind: str, person: str, ip_address: str, most: int, most_from_network: int) -> Attempt:
    """A wish that concerns a person, known or not; a network's are counted whomever they concern.

    No log-in has such digests: the kind is no e-mail.
    """
    return Attempt(
        Tally(_digest(f"{kind} from {network_of(ip_address)}"), most_from_network),
        Tally(_digest(f"{kind} for {person}"), most),
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
