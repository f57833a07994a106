"""Recovery tokens in DynamoDB, spent in the transaction of what they are good for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shop.attempts import repository as attempts
from shop.attempts.models import Attempt
from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import tables, transactions
from shop.dynamo.codec import decode, encode
from shop.errors import NotFound
from shop.recovery.models import Purpose, RecoveryToken
from shop.retries import StaleVersion
from shop.sessions.models import Gate
from shop.sessions.repository import SessionRepository, gate_key
from shop.users.models import Credential, User
from shop.users.repository import UserRepository, hash_update, profile_update, raise_epoch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

SCHEMA_VERSION = 1


class RecoveryRepository:
    def add(self, token: RecoveryToken) -> None:
        """1 write unit."""
        item = {
            "digest": token.digest,
            "purpose": token.purpose.value,
            "user_id": token.user_id,
            "email": token.email,
            "epoch": token.epoch,
            "expires_at": to_text(token.expires_at),
            "ttl": to_epoch(token.expires_at),
            "schema_version": SCHEMA_VERSION,
        }
        dynamodb().put_item(TableName=tables.recovery_tokens(), Item=encode(item))

    def token(self, digest: str) -> RecoveryToken | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.recovery_tokens(), Key=encode({"digest": digest}), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        item = decode(answer["Item"])
        return RecoveryToken(
            digest=item["digest"],
            purpose=Purpose(item["purpose"]),
            user_id=item["user_id"],
            email=item["email"],
            epoch=int(item["epoch"]),
            expires_at=from_text(item["expires_at"]),
        )

    def user(self, user_id: str) -> User | None:
        """1 read unit."""
        return UserRepository().get(user_id)

    def gate(self, user_id: str) -> Gate | None:
        """1 read unit."""
        return SessionRepository().gate(user_id)

    def credential(self, email: str) -> Credential | None:
        """1 read unit."""
        return SessionRepository().credential(email)

    def verify(self, token: RecoveryToken, before: User, after: User) -> None:
        """4 write units, and 2 for each index that shows the user."""
        _spend(token, {"user": profile_update(before, after)})

    def reset(
        self,
        token: RecoveryToken,
        before: User,
        after: User,
        old_hash: str,
        new_hash: str,
        forgotten: Attempt,
    ) -> None:
        """12 write units, and 2 for each index that shows the user."""
        _spend(
            token,
            {
                "user": profile_update(before, after, password_changed_at=after.updated_at),
                "credential": hash_update(before, old_hash, new_hash),
                "gate": raise_epoch(gate_key(before.id), token.epoch),
                **attempts.clear(forgotten),
            },
        )


def _spend(token: RecoveryToken, actions: "Mapping[str, TransactWriteItemTypeDef]") -> None:
    spent: TransactWriteItemTypeDef = {
        "Delete": {
            "TableName": tables.recovery_tokens(),
            "Key": encode({"digest": token.digest}),
            "ConditionExpression": "attribute_exists(digest)",
        }
    }
    try:
        transactions.write({"token": spent, **actions})
    except transactions.ConditionFailed as failed:
        raise (NotFound if "token" in failed.old else StaleVersion) from None
