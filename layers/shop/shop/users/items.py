"""Users as items, for reads by id, which need no other storage."""

from collections.abc import Mapping, Sequence

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import from_text
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.identity.accounts.models import UserStatus
from shop.users.models import FormerEmail, User


def find_user(user_id: str) -> User | None:
    """Return the user, or None. 1 read unit."""
    response = dynamodb().get_item(
        TableName=tables.users(), Key=encode({"id": user_id}), ConsistentRead=True
    )
    return user_from_item(decode(response["Item"])) if "Item" in response else None


def find_users(user_ids: Sequence[str]) -> Mapping[str, User]:
    """Return the users that exist, by id. 1 read unit for each; no request without ids."""
    if not user_ids:
        return {}
    found = batch_get({tables.users(): [{"id": user_id} for user_id in user_ids]})
    return {item["id"]: user_from_item(item) for item in found[tables.users()]}


def user_from_item(item: Item) -> User:
    changed_at = item.get("password_changed_at")
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
        password_changed_at=None if changed_at is None else from_text(changed_at),
    )
