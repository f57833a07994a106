"""Time as a dependency: always UTC, always whole milliseconds."""

from collections.abc import Callable
from datetime import UTC, datetime

type Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the time in whole milliseconds, so that stored and returned times are equal."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_text(moment: datetime) -> str:
    """Format as RFC 3339 in UTC with milliseconds: `2026-11-22T18:06:00.123Z`."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)  # formatting an offset would double the time
    return f"{utc.isoformat(timespec='milliseconds')}Z"


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_epoch(moment: datetime) -> int:
    """Return whole seconds since 1970, the unit of JWT claims and of DynamoDB's TTL."""
    return int(moment.timestamp())
