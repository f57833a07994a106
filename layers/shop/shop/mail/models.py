"""What a mail is, and what asks for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any  # an event's data is of many types

NEWS_FOR = timedelta(hours=24)  # of an event; a replay of older ones is no reason to write
# To an address that nobody has verified, which may be a stranger's, and for how long they count.
MAX_UNVERIFIED = 10
COUNTED_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Notification:
    """Something that happened, or that somebody asked for: as much of a CloudEvent as mail needs.

    The id is the same however often it comes.
    """

    id: str
    type: str
    time: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True)
class EmailMessage:
    """A mail that is written, both ways; the subject holds nothing that a stranger chose."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Mail:
    address: str
    letter: EmailMessage
    is_limited: bool  # whether it counts among the few to an address that nobody has verified
