"""Sessions and the gate in DynamoDB."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.attempts import repository as attempts
from shop.attempts.models import Attempt
from shop.auth.caller import Role
from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.sessions.models import Gate, RefreshDigests, Session
from shop.users.models import Credential, UserStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

SCHEMA_VERSION = 1
_GATE = "gate"
_ROTATED = (
    *("current_digest", "previous_digest", "salt", "rotated_at", "last_used_at"),
    *("idle_expires_at", "ttl", "user_agent", "ip_address"),
)


class SessionRepository:
    def credential(self, email: str) -> Credential | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.credentials(), Key={"email": {"S": email}}, ConsistentRead=True
        )
        return _credential(decode(answer["Item"])) if "Item" in answer else None

    def look_up(self, email: str, attempt: Attempt) -> tuple[Credential | None, Attempt]:
        """All in one consistent read of 3 units."""
        credentials, counted = tables.credentials(), tables.attempts()
        found = batch_get({credentials: [{"email": email}], counted: attempts.keys(attempt)})
        credential = next(map(_credential, found[credentials]), None)
        return credential, attempts.as_stored(attempt, found[counted])

    def of_user(self, user_id: str) -> tuple[Sequence[Session], Gate | None]:
        """1 read unit for each 4 KB. Log-ins keep them few, so that one page has them all."""
        answer = dynamodb().query(
            TableName=tables.sessions(),
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues=encode({":user": user_id}),
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        items = [decode(item) for item in answer["Items"]]
        gate = next((_gate_from_item(item) for item in items if item["id"] == _GATE), None)
        return [_from_item(item) for item in items if item["id"] != _GATE], gate

    def with_gate(self, user_id: str, session_id: str) -> tuple[Session | None, Gate | None]:
        """Both in one consistent read of 2 units."""
        table = tables.sessions()
        keys = [session_key(user_id, session_id), gate_key(user_id)]
        items = {item["id"]: item for item in batch_get({table: keys})[table]}
        session, gate = items.get(session_id), items.get(_GATE)
        return (
            _from_item(session) if session else None,
            _gate_from_item(gate) if gate else None,
        )

    def gate(self, user_id: str) -> Gate | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.sessions(), Key=encode(gate_key(user_id)), ConsistentRead=True
        )
        return _gate_from_item(decode(answer["Item"])) if "Item" in answer else None

    def ids(self, user_id: str) -> list[str]:
        """Of all sessions of a user, live or not; half a read unit for each 4 KB of them."""
        found: list[str] = []
        pages = (
            dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=tables.sessions(),
                KeyConditionExpression="user_id = :user AND id < :gate",
                ProjectionExpression="id",
                ExpressionAttributeValues=encode({":user": user_id, ":gate": _GATE}),
                ConsistentRead=True,
            )
        )
        for page in pages:
            found += [item["id"] for item in map(decode, page["Items"])]
        return found

    def begin(
        self,
        session: Session,
        email: str,
        password_hash: str,
        new_hash: str | None,
        attempt: Attempt,
        ended: Sequence[str] = (),
    ) -> bool:
        """5 actions, and one for each session that ends with it."""
        actions: dict[str, TransactWriteItemTypeDef] = {
            "credential": _hash_is_still(email, session.user_id, password_hash, new_hash),
            "gate": {
                "ConditionCheck": {
                    "TableName": tables.sessions(),
                    "Key": encode(gate_key(session.user_id)),
                    "ConditionExpression": "epoch = :epoch AND #status = :active",
                    "ExpressionAttributeNames": {"#status": "status"},
                    "ExpressionAttributeValues": encode(
                        {":epoch": session.epoch, ":active": UserStatus.ACTIVE.value}
                    ),
                }
            },
            "session": {
                "Put": {
                    "TableName": tables.sessions(),
                    "Item": encode(_to_item(session)),
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            },
            **{f"ended#{id_}": _delete(session.user_id, id_) for id_ in ended},
        }
        try:
            attempts.write_and_forget(actions, attempt)
        except transactions.ConditionFailed:
            return False
        return True

    def rotate(self, session: Session, spent: bytes) -> Session | None:
        """1 write unit for each KB; a condition that fails costs as much."""
        client = dynamodb()
        item = _to_item(session)
        changes = {f":{name}": item[name] for name in _ROTATED}
        try:
            client.update_item(
                TableName=tables.sessions(),
                Key=encode(session_key(session.user_id, session.id)),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in _ROTATED),
                ConditionExpression="#current_digest = :spent AND epoch = :epoch",
                ExpressionAttributeNames={f"#{name}": name for name in _ROTATED},
                ExpressionAttributeValues=encode(
                    changes | {":spent": spent, ":epoch": session.epoch}
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as failed:
            answer: Any = failed.response  # botocore's type does not know of the item
            return _from_item(decode(answer["Item"])) if answer.get("Item") else None
        return session

    def end(self, user_id: str, session_id: str, family: bytes | None = None) -> bool:
        """A transaction, since its token tells a try of ours whose answer was lost from another's
        delete: 2 write units for each KB.
        """
        delete = _delete(user_id, session_id)
        delete["Delete"]["ConditionExpression"] = "attribute_exists(id)"
        if family is not None:
            delete["Delete"]["ConditionExpression"] = "family_digest = :family"
            delete["Delete"]["ExpressionAttributeValues"] = encode({":family": family})
        try:
            transactions.write({"session": delete})
        except transactions.ConditionFailed:
            return False
        return True

    def end_all(self, user_id: str) -> None:
        """2 write units, however many sessions: the next epoch begins."""
        try:
            transactions.write(
                {
                    "gate": {
                        "Update": {
                            "TableName": tables.sessions(),
                            "Key": encode(gate_key(user_id)),
                            "UpdateExpression": "SET epoch = epoch + :one",
                            "ConditionExpression": "attribute_exists(id)",
                            "ExpressionAttributeValues": encode({":one": 1}),
                        }
                    }
                }
            )
        except transactions.ConditionFailed:
            return  # without a gate no session lives


def gate_to_item(gate: Gate) -> Item:
    return gate_key(gate.user_id) | {
        "epoch": gate.epoch,
        "status": gate.status.value,
        "role": gate.role.value,
        "schema_version": SCHEMA_VERSION,
    }


def gate_key(user_id: str) -> Item:
    return session_key(user_id, _GATE)


def session_key(user_id: str, session_id: str) -> Item:
    return {"user_id": user_id, "id": session_id}


def _delete(user_id: str, session_id: str) -> "TransactWriteItemTypeDef":
    return {
        "Delete": {"TableName": tables.sessions(), "Key": encode(session_key(user_id, session_id))}
    }


def _gate_from_item(item: Item) -> Gate:
    return Gate(
        user_id=item["user_id"],
        epoch=int(item["epoch"]),
        status=UserStatus(item["status"]),
        role=Role(item["role"]),
    )


def _to_item(session: Session) -> Item:
    refresh = session.refresh
    return {
        "user_id": session.user_id,
        "id": session.id,
        "epoch": session.epoch,
        "family_digest": refresh.family,
        "current_digest": refresh.current,
        "previous_digest": refresh.previous,
        "salt": refresh.salt,
        "rotated_at": None if refresh.rotated_at is None else to_text(refresh.rotated_at),
        "created_at": to_text(session.created_at),
        "last_used_at": to_text(session.last_used_at),
        "idle_expires_at": to_text(session.idle_expires_at),
        "absolute_expires_at": to_text(session.absolute_expires_at),
        "user_agent": session.user_agent,
        "ip_address": session.ip_address,
        "ttl": to_epoch(session.expires_at),
        "schema_version": SCHEMA_VERSION,
    }


def _from_item(item: Item) -> Session:
    def moment(name: str) -> datetime:
        return from_text(item[name])

    return Session(
        user_id=item["user_id"],
        id=item["id"],
        epoch=int(item["epoch"]),
        refresh=RefreshDigests(
            family=bytes(item["family_digest"]),
            current=bytes(item["current_digest"]),
            salt=bytes(item["salt"]),
            previous=None if item["previous_digest"] is None else bytes(item["previous_digest"]),
            rotated_at=None if item["rotated_at"] is None else moment("rotated_at"),
        ),
        created_at=moment("created_at"),
        last_used_at=moment("last_used_at"),
        idle_expires_at=moment("idle_expires_at"),
        absolute_expires_at=moment("absolute_expires_at"),
        user_agent=item["user_agent"],
        ip_address=item["ip_address"],
    )


def _hash_is_still(
    email: str, user_id: str, password_hash: str, new_hash: str | None
) -> "TransactWriteItemTypeDef":
    """Refuses unless the credential is as it was read; a new hash takes the old one's place."""
    key = {"email": {"S": email}}
    condition = "user_id = :user AND password_hash = :hash"
    values = {":user": user_id, ":hash": password_hash}
    if new_hash is None:
        return {
            "ConditionCheck": {
                "TableName": tables.credentials(),
                "Key": key,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": encode(values),
            }
        }
    return {
        "Update": {
            "TableName": tables.credentials(),
            "Key": key,
            "UpdateExpression": "SET password_hash = :new",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": encode(values | {":new": new_hash}),
        }
    }


def _credential(item: Item) -> Credential:
    return Credential(item["user_id"], item["password_hash"])
