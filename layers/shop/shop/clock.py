"""Time as a dependency: always UTC, always whole milliseconds."""

from collections.abc import Callable
from datetime import UTC, datetime

type Clock = Callable[[], datetime]


def now() -> datetime:
    """The present, cut to milliseconds so that what is stored equals what was told."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-22T18:06:00.123Z`."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)  # an offset takes as long as all the rest
    return f"{utc.isoformat(timespec='milliseconds')}Z"


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_epoch(moment: datetime) -> int:
    """Whole seconds since 1970, as JWT claims and DynamoDB's TTL want them."""
    return int(moment.timestamp())
