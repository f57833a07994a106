"""Notifications, and the emails that they lead to."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple  # the data of an event has values of many types

MAX_EVENT_AGE = timedelta(hours=24)  # replays of older events send no email
# To an unverified address, which may belong to a stranger
MAX_UNVERIFIED = 10
LIMIT_WINDOW = timedelta(hours=24)


class Notification(NamedTuple):
    """An event or a request that may lead to an email: the parts of a CloudEvent that email needs.

    The id is the same for every delivery.
    """

    id: str
    type: str
    time: datetime
    data: Mapping[str, Any]


class EmailMessage(NamedTuple):
    """The content of an email, in two formats; the subject contains no user input."""

    subject: str
    text: str
    html: str


class OutgoingEmail(NamedTuple):
    address: str
    message: EmailMessage
    is_limited: bool  # whether it counts towards a limit of an unverified address
    limit: str = ""  # the limit; notices of security have one that no other email uses up
