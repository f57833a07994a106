"""What mail reads, its marks and its limit: rows beside the records of requests."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Any  # botocore's type does not know of a refused condition's item
from uuid import uuid4

from shop.clients import dynamodb
from shop.clock import Clock, to_epoch, to_text
from shop.deadline import DeadlineExceeded, deadline
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.mail.models import COUNTED_FOR, MAX_UNVERIFIED
from shop.mail.service import InProgress, NotMarked
from shop.orders.models import Order
from shop.orders.repository import OrderRepository
from shop.users.models import User
from shop.users.repository import UserRepository

CLAIMED_FOR = timedelta(seconds=40)  # longer than the worker may run
_KEPT_FOR = timedelta(days=40)  # longer than the bus archives events
_MAX_PAUSE = 0.5  # seconds between tries of a mark, before jitter


class EmailContextRepository:
    def user(self, user_id: str) -> User | None:
        """1 read unit."""
        return UserRepository().get(user_id)

    def owner(self, email: str) -> User | None:
        """2 read units. The hash beside the owner's id is not for mail: it may not read it."""
        answer = dynamodb().get_item(
            TableName=tables.credentials(),
            Key=encode({"email": email}),
            ProjectionExpression="email, user_id",
            ConsistentRead=True,
        )
        user = self.user(decode(answer["Item"])["user_id"]) if "Item" in answer else None
        return user if user and user.email == email else None

    def order(self, user_id: str, order_id: str) -> Order | None:
        """1 read unit for each 4 KB."""
        return OrderRepository().get(user_id, order_id)


class DeliveryLogRepository:
    """`claim` names the sandbox, which handles one message at a time: a claim of its own that it
    finds is left over from a try that failed, and no longer anybody's.
    """

    def __init__(
        self,
        clock: Clock,
        claim: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._claim = claim or str(uuid4())
        self._pause = pause

    def claim(self, notice_id: str) -> bool:
        """1 write unit, also where it is refused."""
        client = dynamodb()
        now = self._clock()
        try:
            client.update_item(
                TableName=tables.idempotency(),
                Key=_key(notice_id),
                UpdateExpression="SET claim = :claim, claimed_until = :until, #ttl = :ttl",
                ConditionExpression="attribute_not_exists(finished_at) AND "
                "(attribute_not_exists(claimed_until) OR claimed_until <= :now OR claim = :claim)",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=encode(
                    {
                        ":claim": self._claim,
                        ":now": to_text(now),
                        ":until": to_text(now + CLAIMED_FOR),
                        ":ttl": to_epoch(now + _KEPT_FOR),
                    }
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as failed:
            answer: Any = failed.response
            if "finished_at" in decode(answer["Item"]):
                return False
            raise InProgress(notice_id) from None
        return True

    def finish(self, notice_id: str, seconds: float) -> None:
        """1 write unit for each try. Safe to repeat where a response was lost."""
        failure: Exception | None = None
        try:
            with deadline(seconds):
                while True:
                    try:
                        dynamodb().update_item(
                            TableName=tables.idempotency(),
                            Key=_key(notice_id),
                            UpdateExpression="SET finished_at = :now",
                            ExpressionAttributeValues=encode({":now": to_text(self._clock())}),
                        )
                        return
                    except Exception as error:
                        failure = error
                    self._pause(random.uniform(0, _MAX_PAUSE))
        except DeadlineExceeded:
            raise NotMarked from failure

    def release(self, notice_id: str) -> None:
        """1 write unit."""
        client = dynamodb()
        with suppress(client.exceptions.ConditionalCheckFailedException):
            client.update_item(
                TableName=tables.idempotency(),
                Key=_key(notice_id),
                UpdateExpression="SET claimed_until = :now",
                ConditionExpression="claim = :claim",
                ExpressionAttributeValues=encode(
                    {":now": to_text(self._clock()), ":claim": self._claim}
                ),
            )


class LimitRepository:
    """The notices that were mailed to an address, in a window that the first of them opened.

    Their ids and not their number, or mails that SES does not take would be counted at each try.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def admits(self, address: str, notice_id: str) -> bool:
        """2 write units, or 1 if it is the first."""
        # Whoever reads the table reads no e-mail.
        key = _key(f"to#{sha256(address.encode()).hexdigest()}")
        return self._opens_with(key, notice_id) or self._goes_on_with(key, notice_id)

    def _opens_with(self, key: Item, notice_id: str) -> bool:
        client = dynamodb()
        now = self._clock()
        ends_at = now + COUNTED_FOR
        try:
            client.update_item(
                TableName=tables.idempotency(),
                Key=key,
                UpdateExpression="SET notices = :notices, ends_at = :ends, #ttl = :ttl",
                # DynamoDB deletes late, so a window that is over may still be there.
                ConditionExpression="attribute_not_exists(ends_at) OR ends_at <= :now",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=encode(
                    {
                        ":notices": [notice_id],
                        ":now": to_text(now),
                        ":ends": to_text(ends_at),
                        ":ttl": to_epoch(ends_at),
                    }
                ),
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _goes_on_with(self, key: Item, notice_id: str) -> bool:
        client = dynamodb()
        try:
            client.update_item(
                TableName=tables.idempotency(),
                Key=key,
                UpdateExpression="SET notices = list_append(notices, :notices)",
                ConditionExpression="size(notices) < :most AND NOT contains(notices, :notice)",
                ExpressionAttributeValues=encode(
                    {":notices": [notice_id], ":notice": notice_id, ":most": MAX_UNVERIFIED}
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as failed:
            answer: Any = failed.response
            return notice_id in decode(answer["Item"])["notices"]
        return True


def _key(name: str) -> Item:
    return encode({"id": f"mail#{name}"})
