"""Users in DynamoDB: the profile, the credential under its e-mail, the gate, and the admins' count.

A user is changed with all that hangs on it in one transaction. Each action is conditional on what
was read: the profile on its version, the credential on its owner and hash.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shop.attempts import repository as attempts
from shop.attempts.models import Attempt
from shop.auth.caller import Role
from shop.clients import dynamodb
from shop.clock import from_text, now, to_epoch, to_text
from shop.correlation import correlation_id
from shop.dynamo import tables, totals, transactions
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import Listing, Range
from shop.dynamo.sort_keys import shard_key, shard_keys, text_key
from shop.errors import EmailInUse, Forbidden, LastAdmin, Unauthorized
from shop.pagination import Rows, Span
from shop.retries import StaleVersion
from shop.search import fold
from shop.sessions.models import Gate
from shop.sessions.repository import SessionRepository, gate_key, gate_to_item, session_key
from shop.users.admin_check import CALLER, check_admin
from shop.users.models import Credential, FormerEmail, User, UserStatus
from shop.users.search import find

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        TransactWriteItemTypeDef,
        UpdateTypeDef,
    )

    type Actions = dict[str, TransactWriteItemTypeDef]

SCHEMA_VERSION = 1  # of credentials and the admins' count
_USER_SCHEMA_VERSION = 2  # since items have the keys of the lists
_ADMINS = {"id": "admins"}  # the row that counts active admins
_GATE_KEPT_FOR = timedelta(days=1)  # a deleted user's, far longer than an access token lives


class UserRepository:
    def add(self, user: User, password_hash: str) -> None:
        """3 items of up to 1 KB: 6 write units; 2 more for an admin."""
        gate = Gate(user.id, epoch=1, status=user.status, role=user.role)
        actions: Actions = {
            "user": _put_new(tables.users(), user_to_item(user), "id"),
            "credential": _put_credential(user.email, Credential(user.id, password_hash)),
            "gate": {"Put": {"TableName": tables.sessions(), "Item": encode(gate_to_item(gate))}},
            **_count_admins(int(user.is_active_admin)),
        }
        try:
            transactions.write(actions)
        except transactions.ConditionFailed as failed:
            if "credential" in failed.old:
                raise EmailInUse from None
            raise

    def get(self, user_id: str) -> User | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.users(), Key=encode({"id": user_id}), ConsistentRead=True
        )
        return _from_item(decode(answer["Item"])) if "Item" in answer else None

    def credential(self, email: str) -> Credential | None:
        return SessionRepository().credential(email)

    def save(
        self,
        before: User,
        after: User,
        attempt: Attempt | None = None,
        by_admin: str | None = None,
    ) -> None:
        """2 write units; 4 more where the e-mail changes, 4 for an attempt, 2 for status or role,
        2 for admins, 2 where an admin does it to another.
        """
        actions: Actions = {"user": profile_update(before, after), **check_admin(by_admin)}
        if after.email != before.email:
            credential = self.credential(before.email)
            if credential is None or credential.user_id != before.id:
                raise StaleVersion
            actions["old credential"] = _delete_credential(before.email, credential)
            actions["credential"] = _put_credential(after.email, credential)
        if (after.status, after.role) != (before.status, before.role):
            is_shut = after.status is UserStatus.INACTIVE
            actions["gate"] = _change_gate(after, bumped=int(is_shut))
        actions |= _count_admins(after.is_active_admin - before.is_active_admin)
        _write(actions, attempt)

    def delete(self, user: User, by_admin: str | None = None) -> None:
        """6 write units, and 2 for each session (as many as one transaction holds), where the user
        is an admin, and where one does it to another.
        """
        credential = self.credential(user.email)
        if credential is None or credential.user_id != user.id:
            raise StaleVersion
        table = tables.sessions()
        actions: Actions = {
            "user": {
                "Delete": {
                    "TableName": tables.users(),
                    "Key": encode({"id": user.id}),
                    "ConditionExpression": "version = :version",
                    "ExpressionAttributeValues": encode({":version": user.version}),
                }
            },
            "credential": _delete_credential(user.email, credential),
            "gate": _shut_gate(user),
            **_count_admins(-int(user.is_active_admin)),
            **check_admin(by_admin),
        }
        sessions = SessionRepository()
        for session_id in sessions.ids(user.id)[: transactions.MOST_ACTIONS - len(actions)]:
            key = encode(session_key(user.id, session_id))
            actions[f"session {session_id}"] = {"Delete": {"TableName": table, "Key": key}}
        _write(actions)

    def change_password(
        self, user: User, session_id: str, old_hash: str, new_hash: str, attempt: Attempt
    ) -> None:
        """12 write units and 2 read units."""
        session, gate = SessionRepository().with_gate(user.id, session_id)
        if session is None or gate is None or not session.is_live(gate, now()):
            raise Unauthorized
        _write(
            {
                "user": _update_password_time(user),
                "credential": hash_update(user, old_hash, new_hash),
                "gate": raise_epoch(gate_key(user.id), gate.epoch),
                "session": raise_epoch(session_key(user.id, session_id), gate.epoch),
            },
            attempt,
        )

    def list(
        self, statuses: Sequence[UserStatus], sort: str, span: Span, descends: bool
    ) -> Rows[User]:
        """Half a read unit for each 4 KB of the page and of the pages before its number, and at
        least half for each shard of each status.
        """
        return _BY[sort].page(_ranges(statuses), span, descends)

    def search(
        self, text: str, statuses: Sequence[UserStatus], span: Span, descends: bool
    ) -> tuple[Rows[User], int | None]:
        return find(fold(text), statuses, _BY["createdAt"], _ranges(statuses), span, descends)

    def count(self, statuses: Sequence[UserStatus]) -> int:
        return totals.read("users", statuses)

    def active_admins(self) -> int:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.users(), Key=encode(_ADMINS), ConsistentRead=True
        )
        return int(decode(answer.get("Item", {})).get("active_admins", 0))


def _ranges(statuses: Sequence[UserStatus]) -> Sequence[Range]:
    return [Range(shard) for status in statuses for shard in shard_keys(status)]


def _write(actions: "Actions", attempt: Attempt | None = None) -> None:
    try:
        if attempt is None:
            transactions.write(actions)
        else:
            attempts.write_and_forget(actions, attempt)
    except transactions.ConditionFailed as failed:
        if CALLER in failed.old:
            raise Forbidden from None
        if "user" in failed.old or "old credential" in failed.old or "gate" in failed.old:
            raise StaleVersion from None
        if "admins" in failed.old:
            raise LastAdmin from None
        if "credential" in failed.old and "old credential" in actions:
            raise EmailInUse from None
        raise StaleVersion from None


def profile_update(
    before: User, after: User, password_changed_at: datetime | None = None
) -> "TransactWriteItemTypeDef":
    """Sets what may change and leaves the rest, which newer code may have added."""
    item = user_to_item(after)
    if password_changed_at is not None:
        item["password_changed_at"] = to_text(password_changed_at)
    names = sorted(item.keys() - {"id", "created_at"})
    return {
        "Update": {
            "TableName": tables.users(),
            "Key": encode({"id": after.id}),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in names),
            "ConditionExpression": "version = :before",
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
            "ExpressionAttributeValues": encode(
                {":before": before.version} | {f":{name}": item[name] for name in names}
            ),
        }
    }


def hash_update(user: User, old_hash: str, new_hash: str) -> "TransactWriteItemTypeDef":
    return {
        "Update": {
            "TableName": tables.credentials(),
            "Key": encode({"email": user.email}),
            "UpdateExpression": "SET password_hash = :new",
            "ConditionExpression": "user_id = :user AND password_hash = :old",
            "ExpressionAttributeValues": encode(
                {":user": user.id, ":old": old_hash, ":new": new_hash}
            ),
        }
    }


def _update_password_time(user: User) -> "TransactWriteItemTypeDef":
    """The change is told by the profile's stream, so the profile has to change with it."""
    return {
        "Update": {
            "TableName": tables.users(),
            "Key": encode({"id": user.id}),
            "UpdateExpression": (
                "SET password_changed_at = :now, updated_at = :now, version = :next,"
                " request_id = :request"
            ),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": encode(
                {
                    ":now": to_text(now()),
                    ":version": user.version,
                    ":next": user.version + 1,
                    ":request": correlation_id.get(),
                }
            ),
        }
    }


def _put_credential(email: str, credential: Credential) -> "TransactWriteItemTypeDef":
    return _put_new(tables.credentials(), credential_to_item(email, credential), "email")


def _delete_credential(email: str, credential: Credential) -> "TransactWriteItemTypeDef":
    return {
        "Delete": {
            "TableName": tables.credentials(),
            "Key": encode({"email": email}),
            "ConditionExpression": "user_id = :user AND password_hash = :hash",
            "ExpressionAttributeValues": encode(
                {":user": credential.user_id, ":hash": credential.password_hash}
            ),
        }
    }


def raise_epoch(key: Item, epoch: int) -> "TransactWriteItemTypeDef":
    """Of the gate or of a session, to the next after `epoch`."""
    return {
        "Update": {
            "TableName": tables.sessions(),
            "Key": encode(key),
            "UpdateExpression": "SET epoch = :next",
            "ConditionExpression": "epoch = :epoch",
            "ExpressionAttributeValues": encode({":epoch": epoch, ":next": epoch + 1}),
        }
    }


def _change_gate(user: User, bumped: int) -> "TransactWriteItemTypeDef":
    return {
        "Update": {
            "TableName": tables.sessions(),
            "Key": encode(gate_key(user.id)),
            "UpdateExpression": "SET #status = :status, #role = :role, epoch = epoch + :bumped",
            "ConditionExpression": "attribute_exists(id)",
            "ExpressionAttributeNames": {"#status": "status", "#role": "role"},
            "ExpressionAttributeValues": encode(
                {":status": user.status.value, ":role": user.role.value, ":bumped": bumped}
            ),
        }
    }


def _shut_gate(user: User) -> "TransactWriteItemTypeDef":
    """A deleted user's gate stays for a while, shut, so that no token finds it open.

    It says who deleted the user, for the event that the deletion is told by.
    """
    return {
        "Update": {
            "TableName": tables.sessions(),
            "Key": encode(gate_key(user.id)),
            "UpdateExpression": (
                "SET #status = :shut, epoch = epoch + :one, #ttl = :ttl, request_id = :request"
            ),
            "ConditionExpression": "attribute_exists(id)",
            "ExpressionAttributeNames": {"#status": "status", "#ttl": "ttl"},
            "ExpressionAttributeValues": encode(
                {
                    ":shut": UserStatus.INACTIVE.value,
                    ":one": 1,
                    ":ttl": to_epoch(now() + _GATE_KEPT_FOR),
                    ":request": correlation_id.get(),
                }
            ),
        }
    }


def _count_admins(difference: int) -> "Actions":
    """The action that keeps the number of active admins, never below one; none for 0."""
    if not difference:
        return {}
    update: UpdateTypeDef = {
        "TableName": tables.users(),
        "Key": encode(_ADMINS),
        "UpdateExpression": "ADD active_admins :difference SET schema_version = :schema",
    }
    values = {":difference": difference, ":schema": SCHEMA_VERSION}
    if difference < 0:
        update["ConditionExpression"] = "active_admins > :least"
        values[":least"] = 1
    update["ExpressionAttributeValues"] = encode(values)
    return {"admins": {"Update": update}}


def _put_new(table: str, item: Item, key: str) -> "TransactWriteItemTypeDef":
    return {
        "Put": {
            "TableName": table,
            "Item": encode(item),
            "ConditionExpression": f"attribute_not_exists({key})",
        }
    }


def credential_to_item(email: str, credential: Credential) -> Item:
    return {
        "email": email,
        "user_id": credential.user_id,
        "password_hash": credential.password_hash,
        "schema_version": SCHEMA_VERSION,
    }


def user_to_item(user: User) -> Item:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "status": user.status.value,
        "role": user.role.value,
        "email_verified": user.email_verified,
        "created_at": to_text(user.created_at),
        "updated_at": to_text(user.updated_at),
        "version": user.version,
        "request_id": correlation_id.get(),
        "schema_version": _USER_SCHEMA_VERSION,
        "status_shard": shard_key(user.status, user.id),
        "name_key": text_key(user.name, user.id),
        "email_key": text_key(user.email, user.id),
        "former_emails": [{"email": it.email, "version": it.version} for it in user.former_emails],
    }


def _from_item(item: Item) -> User:
    return User(
        id=item["id"],
        email=item["email"],
        name=item["name"],
        status=UserStatus(item["status"]),
        role=Role(item["role"]),
        email_verified=item["email_verified"],
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        version=int(item["version"]),
        former_emails=tuple(
            FormerEmail(it["email"], int(it["version"])) for it in item.get("former_emails", ())
        ),
    )


_BY = {
    "createdAt": Listing(tables.users, "status_shard", "id", _from_item, "by_id"),
    "name": Listing(tables.users, "status_shard", "name_key", _from_item, "by_name"),
    "email": Listing(tables.users, "status_shard", "email_key", _from_item, "by_email"),
}
