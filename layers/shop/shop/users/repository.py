"""Users in DynamoDB: the profile, the credential under its e-mail, and the gate."""

from shop.auth.caller import Role
from shop.clients import dynamodb
from shop.clock import from_text, to_text
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, decode, encode
from shop.errors import EmailInUse
from shop.sessions.models import Gate
from shop.sessions.repository import gate_to_item
from shop.users.models import User, UserStatus

SCHEMA_VERSION = 1


class UserRepository:
    def add(self, user: User, password_hash: str) -> None:
        credential = {"email": user.email, "user_id": user.id, "password_hash": password_hash}
        gate = Gate(user.id, epoch=1, status=user.status, role=user.role)
        try:
            transactions.write(
                {
                    "user": {
                        "Put": {
                            "TableName": tables.users(),
                            "Item": encode(_to_item(user)),
                            "ConditionExpression": "attribute_not_exists(id)",
                        }
                    },
                    "credential": {
                        "Put": {
                            "TableName": tables.credentials(),
                            "Item": encode(credential | {"schema_version": SCHEMA_VERSION}),
                            "ConditionExpression": "attribute_not_exists(email)",
                        }
                    },
                    "gate": {
                        "Put": {"TableName": tables.sessions(), "Item": encode(gate_to_item(gate))}
                    },
                }
            )
        except transactions.ConditionFailed as failed:
            if "credential" in failed.old:
                raise EmailInUse from None
            raise

    def get(self, user_id: str) -> User | None:
        """1 read unit."""
        answer = dynamodb().get_item(
            TableName=tables.users(), Key={"id": {"S": user_id}}, ConsistentRead=True
        )
        return _from_item(decode(answer["Item"])) if "Item" in answer else None


def _to_item(user: User) -> Item:
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
        "schema_version": SCHEMA_VERSION,
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
    )
