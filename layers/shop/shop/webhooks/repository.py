"""Webhook endpoints and deliveries in DynamoDB.

The partition `endpoints` has the endpoints and their count, the partition of an endpoint its
deliveries, and the partition `requests` the rate limits. Pending deliveries have the sort key of
the index `by_due`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import actions, records, tables, transactions
from shop.dynamo.actions import Increment, absent, any_of, compares, equals, exists
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import IndexQuery, KeyRange
from shop.errors import Forbidden, LimitReached
from shop.idempotency import Record
from shop.identity.accounts.admin_check import CALLER, check_admin
from shop.pagination import IndexPage, PageRequest
from shop.retries import StaleVersion
from shop.webhooks.models import (
    MAX_ENDPOINTS,
    MAX_REQUESTS_PER_MINUTE,
    Attempt,
    DeliveryStatus,
    DisabledReason,
    EndpointStatus,
    Failure,
    WebhookDelivery,
    WebhookEndpoint,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    type Actions = dict[str, Action]

SCHEMA_VERSION = 1
KEPT_FOR = timedelta(days=30)  # after the last change of a delivery
_ENDPOINTS, _COUNT, _REQUESTS = "endpoints", "count", "requests"


class WebhookRepository:
    def find_record(self, idempotency_key: str | None) -> Record | None:
        return records.find_record(idempotency_key)

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        return records.find_committed_record(idempotency_key)

    def add(self, endpoint: WebhookEndpoint, record: Record | None, by_admin: str | None) -> None:
        """Write endpoint and record; raise `LimitReached`, `StaleVersion` or `Forbidden`.

        2 write units for each KB, 2 for the count, and 2 for the admin and each KB of the record.
        """
        put = actions.put(tables.webhooks(), endpoint_to_item(endpoint), absent("id"))
        is_below_limit = any_of(absent(_COUNT), compares(_COUNT, "<", MAX_ENDPOINTS))
        count = actions.update(tables.webhooks(), _key(_COUNT), is_below_limit, adds={_COUNT: 1})
        changes = {**check_admin(by_admin), "endpoint": put, _COUNT: count, **records.put(record)}
        _write(changes)

    def get(self, endpoint_id: str) -> WebhookEndpoint | None:
        """Return the endpoint, or None. 1 read unit."""
        item = _get(_key(endpoint_id))
        return None if item is None else endpoint_from_item(item)

    def list(self) -> Sequence[WebhookEndpoint]:
        """Return all endpoints, oldest first. 1 read unit for each 4 KB."""
        response = dynamodb().query(
            TableName=tables.webhooks(),
            KeyConditionExpression="#partition = :endpoints",
            ExpressionAttributeNames={"#partition": "endpoint_id"},
            ExpressionAttributeValues=encode({":endpoints": _ENDPOINTS}),
            ConsistentRead=True,
        )
        items = map(decode, response["Items"])
        return [endpoint_from_item(it) for it in items if it["id"] != _COUNT]

    def save(self, before: WebhookEndpoint, after: WebhookEndpoint, by_admin: str | None) -> None:
        """Write the changes of an admin; raise `StaleVersion` or `Forbidden`.

        2 write units for each KB, and 2 for the admin.
        """
        _write({**check_admin(by_admin), "endpoint": _update(before, after)})

    def save_state(self, before: WebhookEndpoint, after: WebhookEndpoint) -> None:
        """Write the changes that attempts cause; raise `StaleVersion`. 1 write unit for each KB."""
        client = dynamodb()
        try:
            client.update_item(**_update(before, after)["Update"])
        except client.exceptions.ConditionalCheckFailedException:
            raise StaleVersion from None

    def delete(self, endpoint: WebhookEndpoint, by_admin: str | None) -> None:
        """Delete the endpoint; raise `StaleVersion` or `Forbidden`.

        4 write units, and 2 for the admin. Its deliveries expire.
        """
        is_current = equals(version=endpoint.version)
        delete = actions.delete(tables.webhooks(), _key(endpoint.id), is_current)
        sets = {_COUNT: Increment(-1)}
        count = actions.update(tables.webhooks(), _key(_COUNT), exists(_COUNT), sets=sets)
        _write({**check_admin(by_admin), "endpoint": delete, _COUNT: count})

    def lease_sweep(self, endpoint_id: str, now: datetime, until: datetime) -> bool:
        """Take the lease of the sweep; return False while another holds it. 1 write unit."""
        is_free = any_of(absent("swept_until"), compares("swept_until", "<=", to_text(now)))
        return self._set_lease(endpoint_id, until, is_free)

    def release_sweep(self, endpoint_id: str, now: datetime) -> None:
        """End the lease of the sweep. 1 write unit."""
        self._set_lease(endpoint_id, now)

    def _set_lease(self, endpoint_id: str, until: datetime, *conditions: actions.Condition) -> bool:
        client = dynamodb()
        update = actions.update(
            tables.webhooks(),
            _key(endpoint_id),
            exists("id"),
            *conditions,
            sets={"swept_until": to_text(until)},
        )
        try:
            client.update_item(**update["Update"])
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def get_delivery(self, endpoint_id: str, delivery_id: str) -> WebhookDelivery | None:
        """Return the delivery, or None. 1 read unit for each 4 KB."""
        item = _get({"endpoint_id": endpoint_id, "id": delivery_id})
        return None if item is None else delivery_from_item(item)

    def find_delivery(self, endpoint_id: str, event_id: str) -> WebhookDelivery | None:
        """Return the delivery of an event, or None. Half a read unit, and 1 for each 4 KB."""
        response = dynamodb().query(
            TableName=tables.webhooks(),
            IndexName="by_event",
            KeyConditionExpression="#partition = :endpoint AND event_id = :event",
            ExpressionAttributeNames={"#partition": "endpoint_id"},
            ExpressionAttributeValues=encode({":endpoint": endpoint_id, ":event": event_id}),
        )
        ids = [decode(it)["id"] for it in response["Items"]]
        return self.get_delivery(endpoint_id, ids[0]) if ids else None

    def deliveries(
        self,
        endpoint_id: str,
        status: DeliveryStatus | None,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[WebhookDelivery]:
        """Return a page of deliveries by the time of the event.

        1 read unit for each 4 KB; with a status, half a unit for each delivery and 8 KB of keys.
        """
        if status is None:
            return _BY_ID.page([KeyRange(endpoint_id)], page_request, is_descending)
        ranges = [KeyRange(endpoint_id, f"{status.value}#")]
        return _BY_STATUS.page(ranges, page_request, is_descending, lambda it: it.status is status)

    def due(self, endpoint_id: str, after: str, now: datetime, limit: int) -> Sequence[str]:
        """Return due positions after another one, the oldest first: each ends with a delivery's id.

        Half a read unit for each 4 KB of keys. Eventually consistent.
        """
        response = dynamodb().query(
            TableName=tables.webhooks(),
            IndexName="by_due",
            KeyConditionExpression="#partition = :endpoint AND due_id BETWEEN :after AND :now",
            ExpressionAttributeNames={"#partition": "endpoint_id"},
            ExpressionAttributeValues=encode(
                {":endpoint": endpoint_id, ":after": f"{after} ", ":now": f"{to_text(now)}#~"}
            ),
            Limit=limit,
        )
        return [decode(it)["due_id"] for it in response["Items"]]

    def add_delivery(self, delivery: WebhookDelivery) -> bool:
        """Write a new delivery; return False if it exists.

        1 write unit for each KB, 1 for each index.
        """
        return _put(delivery, absent("id"))

    def save_delivery(self, before: WebhookDelivery, after: WebhookDelivery) -> bool:
        """Write a changed delivery; return False if it changed since it was read.

        1 write unit for each KB, 2 for each index with another key.
        """
        return _put(after, equals(version=before.version))

    def count_request(self, endpoint_id: str, now: datetime) -> bool:
        """Count a redelivery or ping; return False above the limit of a minute. 1 write unit."""
        client = dynamodb()
        minute = to_text(now)[:16]
        update = actions.update(
            tables.webhooks(),
            {"endpoint_id": _REQUESTS, "id": f"{endpoint_id}#{minute}"},
            any_of(absent(_COUNT), compares(_COUNT, "<", MAX_REQUESTS_PER_MINUTE)),
            sets={"ttl": to_epoch(now + timedelta(hours=1))},
            adds={_COUNT: 1},
        )
        try:
            client.update_item(**update["Update"])
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def endpoint_to_item(endpoint: WebhookEndpoint) -> Item:
    return {
        "endpoint_id": _ENDPOINTS,
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.event_types),
        "status": endpoint.status.value,
        "disabled_reason": endpoint.disabled_reason and endpoint.disabled_reason.value,
        "secret_version": endpoint.secret_version,
        "previous_secret_expires_at": _text(endpoint.previous_secret_expires_at),
        "failing_since": _text(endpoint.failing_since),
        "created_by": endpoint.created_by,
        "created_at": to_text(endpoint.created_at),
        "updated_at": to_text(endpoint.updated_at),
        "version": endpoint.version,
        "failures": endpoint.failures,
        "rests_until": _text(endpoint.rests_until),
        "rest_seconds": endpoint.rest_seconds,
        "schema_version": SCHEMA_VERSION,
    }


def endpoint_from_item(item: Item) -> WebhookEndpoint:
    reason = item["disabled_reason"]
    return WebhookEndpoint(
        id=item["id"],
        url=item["url"],
        description=item["description"],
        event_types=item["event_types"],
        status=EndpointStatus(item["status"]),
        disabled_reason=None if reason is None else DisabledReason(reason),
        secret_version=int(item["secret_version"]),
        previous_secret_expires_at=_time(item["previous_secret_expires_at"]),
        failing_since=_time(item["failing_since"]),
        created_by=item["created_by"],
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        version=int(item["version"]),
        failures=int(item["failures"]),
        rests_until=_time(item["rests_until"]),
        rest_seconds=int(item["rest_seconds"]),
    )


def delivery_to_item(delivery: WebhookDelivery) -> Item:
    due_at = _text(delivery.next_attempt_at)
    return {
        "endpoint_id": delivery.endpoint_id,
        "id": delivery.id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "body": delivery.body,
        "status": delivery.status.value,
        "status_id": f"{delivery.status.value}#{delivery.id}",
        # Only pending deliveries are in the index.
        **({} if due_at is None else {"due_id": f"{due_at}#{delivery.id}"}),
        "attempts": [
            {
                "at": to_text(it.at),
                "status": it.status,
                "failure": it.failure and it.failure.value,
                "milliseconds": it.milliseconds,
            }
            for it in delivery.attempts
        ],
        "tries": delivery.tries,
        "next_attempt_at": due_at,
        "response": delivery.response,
        "created_at": to_text(delivery.created_at),
        "updated_at": to_text(delivery.updated_at),
        "version": delivery.version,
        "ttl": to_epoch(delivery.updated_at + KEPT_FOR),
        "schema_version": SCHEMA_VERSION,
    }


def delivery_from_item(item: Item) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint_id=item["endpoint_id"],
        id=item["id"],
        event_id=item["event_id"],
        event_type=item["event_type"],
        body=item["body"],
        status=DeliveryStatus(item["status"]),
        attempts=[
            Attempt(
                at=from_text(it["at"]),
                status=None if it["status"] is None else int(it["status"]),
                failure=None if it["failure"] is None else Failure(it["failure"]),
                milliseconds=int(it["milliseconds"]),
            )
            for it in item["attempts"]
        ],
        tries=int(item["tries"]),
        next_attempt_at=_time(item["next_attempt_at"]),
        response=item["response"],
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        version=int(item["version"]),
    )


_BY_ID = IndexQuery(tables.webhooks, "endpoint_id", "id", delivery_from_item)
_BY_STATUS = IndexQuery(
    tables.webhooks,
    "endpoint_id",
    "status_id",
    delivery_from_item,
    "by_status",
    ("endpoint_id", "id"),
)


def _key(endpoint_id: str) -> Item:
    return {"endpoint_id": _ENDPOINTS, "id": endpoint_id}


def _get(key: Item) -> Item | None:
    response = dynamodb().get_item(
        TableName=tables.webhooks(), Key=encode(key), ConsistentRead=True
    )
    return decode(response["Item"]) if "Item" in response else None


def _put(delivery: WebhookDelivery, condition: actions.Condition) -> bool:
    client = dynamodb()
    put = actions.put(tables.webhooks(), delivery_to_item(delivery), condition)
    try:
        client.put_item(**put["Put"])
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _update(before: WebhookEndpoint, after: WebhookEndpoint) -> "Action":
    """Set the attributes that change, unless others changed since: the version has no failures."""
    old, new = endpoint_to_item(before), endpoint_to_item(after)
    state = {name: old[name] for name in ("version", "failures", "rests_until")}
    sets = {name: value for name, value in new.items() if value != old[name]}
    return actions.update(tables.webhooks(), _key(before.id), equals(**state), sets=sets)


def _write(changes: "Actions") -> None:
    try:
        transactions.write(changes)
    except transactions.ConditionFailed as failed:
        if CALLER in failed.old:
            raise Forbidden from None
        if records.ACTION in failed.old or _COUNT not in failed.old:
            raise StaleVersion from None
        raise LimitReached from None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
