"""Sessions and the gate in DynamoDB."""

from datetime import datetime

from shop.auth.caller import Role
from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.sessions.models import Gate, RefreshDigests, Session
from shop.users.models import Credential, UserStatus

SCHEMA_VERSION = 1
_GATE = "gate"


class SessionRepository:
    def credential(self, email: str) -> Credential | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.credentials(), Key={"email": {"S": email}}, ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        item = decode(answer["Item"])
        return Credential(item["user_id"], item["password_hash"])

    def gate(self, user_id: str) -> Gate | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.sessions(), Key=encode(gate_key(user_id)), ConsistentRead=True
        )
        return _gate_from_item(decode(answer["Item"])) if "Item" in answer else None

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

    def begin(self, session: Session, email: str, password_hash: str) -> bool:
        try:
            transactions.write(
                {
                    "credential": {
                        "ConditionCheck": {
                            "TableName": tables.credentials(),
                            "Key": {"email": {"S": email}},
                            "ConditionExpression": "user_id = :user AND password_hash = :hash",
                            "ExpressionAttributeValues": encode(
                                {":user": session.user_id, ":hash": password_hash}
                            ),
                        }
                    },
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
                }
            )
        except transactions.ConditionFailed:
            return False
        return True


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


def _gate_from_item(item: Item) -> Gate:
    return Gate(
        user_id=item["user_id"],
        epoch=int(item["epoch"]),
        status=UserStatus(item["status"]),
        role=Role(item["role"]),
    )


def _to_item(session: Session) -> Item:
    return {
        "user_id": session.user_id,
        "id": session.id,
        "epoch": session.epoch,
        "family_digest": session.refresh.family,
        "current_digest": session.refresh.current,
        "salt": session.refresh.salt,
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
            bytes(item["family_digest"]), bytes(item["current_digest"]), bytes(item["salt"])
        ),
        created_at=moment("created_at"),
        last_used_at=moment("last_used_at"),
        idle_expires_at=moment("idle_expires_at"),
        absolute_expires_at=moment("absolute_expires_at"),
        user_agent=item["user_agent"],
        ip_address=item["ip_address"],
    )
