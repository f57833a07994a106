"""Emails to the owner of an account about its second factors and passkeys."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID, uuid5

from shop.clock import Clock
from shop.email_queue import SECOND_FACTOR_CHANGED


class Change(StrEnum):
    """Stored in messages and matched by the worker, so the values stay."""

    ADDED = "added"
    REMOVED = "removed"
    CODES_REPLACED = "recovery_codes_replaced"
    RESET = "reset"
    WRONG_CODES = "wrong_codes"


class EmailQueue(Protocol):
    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        """Request an email."""


class SecurityNotices:
    def __init__(self, emails: EmailQueue, clock: Clock) -> None:
        self._emails = emails
        self._clock = clock

    def send(self, user_id: str, change: Change, kind: str, reference: str) -> None:
        """Request the email about a change of a kind of authenticator, `totp` or `passkey`.

        One email is sent for each reference, such as the id of the authenticator.
        """
        id_ = str(uuid5(UUID(user_id), f"{kind} {change} {reference}"))
        data = {"userId": user_id, "change": change.value, "kind": kind}
        self._emails.put(id_, SECOND_FACTOR_CHANGED, self._clock(), data)
