"""Email in DynamoDB: its data, its delivery log and its limit, in the idempotency table."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any  # botocore's type does not know of a failed condition's item
from uuid import uuid4

from shop.clients import dynamodb
from shop.clock import Clock, to_epoch, to_text
from shop.deadline import DeadlineExceeded, deadline
from shop.dynamo import actions, tables
from shop.dynamo.actions import (
    Append,
    absent,
    any_of,
    compares,
    contains,
    equals,
    negated,
    size_below,
)
from shop.dynamo.codec import Item, decode, encode
from shop.mail.models import LIMIT_WINDOW, MAX_UNVERIFIED
from shop.mail.service import DeliveryNotRecorded, InProgress
from shop.orders.models import Order
from shop.orders.repository import OrderRepository
from shop.users.models import User
from shop.users.repository import UserRepository

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

LEASE_DURATION = timedelta(seconds=40)  # longer than the worker may run
_KEPT_FOR = timedelta(days=40)  # longer than the bus archives events
_MAX_PAUSE = 0.5  # seconds between attempts to record, before jitter


class EmailContextRepository:
    def user(self, user_id: str) -> User | None:
        """Return the user, or None. 1 read unit."""
        return UserRepository().get(user_id)

    def owner(self, email: str) -> User | None:
        """Return the user with this email, or None. 2 read units.

        Reads no hash: the function has no permission for it.
        """
        response = dynamodb().get_item(
            TableName=tables.credentials(),
            Key=encode({"email": email}),
            ProjectionExpression="email, user_id",
            ConsistentRead=True,
        )
        user = self.user(decode(response["Item"])["user_id"]) if "Item" in response else None
        return user if user and user.email == email else None

    def order(self, user_id: str, order_id: str) -> Order | None:
        """Return the order, or None. 1 read unit for each 4 KB."""
        return OrderRepository().get(user_id, order_id)


class DeliveryLogRepository:
    """The delivery log: a row per notification, with the lease of the sandbox that handles it.

    A sandbox handles one message at a time, so its own lease is left over from a failed attempt.
    """

    def __init__(
        self,
        clock: Clock,
        lease: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._lease = lease or str(uuid4())
        self._pause = pause

    def acquire(self, notification_id: str) -> bool:
        """Take the lease; return False for a handled one.

        1 write unit, also for a failed condition.
        """
        client = dynamodb()
        now = self._clock()
        update = actions.update(
            tables.idempotency(),
            _key(notification_id),
            absent("finished_at"),
            any_of(
                absent("claimed_until"),
                compares("claimed_until", "<=", to_text(now)),
                equals(claim=self._lease),
            ),
            sets={
                "claim": self._lease,
                "claimed_until": to_text(now + LEASE_DURATION),
                "ttl": to_epoch(now + _KEPT_FOR),
            },
            is_old_returned=True,
        )
        try:
            client.update_item(**update["Update"])
        except client.exceptions.ConditionalCheckFailedException as failed:
            response: Any = failed.response
            if "finished_at" in decode(response["Item"]):
                return False
            raise InProgress(notification_id) from None
        return True

    def complete(self, notification_id: str, seconds: float) -> None:
        """Record it as handled. 1 write unit per attempt. Safe to repeat after a lost response."""
        failure: Exception | None = None
        try:
            with deadline(seconds):
                while True:
                    try:
                        dynamodb().update_item(
                            **_finished(notification_id, self._clock())["Update"]
                        )
                        return
                    except Exception as error:
                        failure = error
                    self._pause(random.uniform(0, _MAX_PAUSE))
        except DeadlineExceeded:
            raise DeliveryNotRecorded from failure

    def release(self, notification_id: str) -> None:
        """End this sandbox's lease. 1 write unit."""
        client = dynamodb()
        update = actions.update(
            tables.idempotency(),
            _key(notification_id),
            equals(claim=self._lease),
            sets={"claimed_until": to_text(self._clock())},
        )
        with suppress(client.exceptions.ConditionalCheckFailedException):
            client.update_item(**update["Update"])


class LimitRepository:
    """The notifications of an address, in a window that the first of them opens.

    It holds their ids, not their number: retries of an email must not count again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def allows(self, address: str, notification_id: str) -> bool:
        """Count each notification once; return False above the limit of the address.

        2 write units, or 1 for the first.
        """
        # A digest, so that the table holds no email address.
        key = _key(f"to#{sha256(address.encode()).hexdigest()}")
        return self._open_window(key, notification_id) or self._add_to_window(key, notification_id)

    def _open_window(self, key: Item, notification_id: str) -> bool:
        client = dynamodb()
        now = self._clock()
        ends_at = now + LIMIT_WINDOW
        update = actions.update(
            tables.idempotency(),
            key,
            # DynamoDB deletes late, so a window that is over may still be there.
            any_of(absent("ends_at"), compares("ends_at", "<=", to_text(now))),
            sets={
                "notices": [notification_id],
                "ends_at": to_text(ends_at),
                "ttl": to_epoch(ends_at),
            },
        )
        try:
            client.update_item(**update["Update"])
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _add_to_window(self, key: Item, notification_id: str) -> bool:
        client = dynamodb()
        update = actions.update(
            tables.idempotency(),
            key,
            size_below("notices", MAX_UNVERIFIED),
            negated(contains("notices", notification_id)),
            sets={"notices": Append([notification_id])},
            is_old_returned=True,
        )
        try:
            client.update_item(**update["Update"])
        except client.exceptions.ConditionalCheckFailedException as failed:
            response: Any = failed.response
            return notification_id in decode(response["Item"])["notices"]
        return True


def _finished(notification_id: str, at: datetime) -> "Action":
    return actions.update(
        tables.idempotency(), _key(notification_id), sets={"finished_at": to_text(at)}
    )


def _key(name: str) -> Item:
    return {"id": f"mail#{name}"}
