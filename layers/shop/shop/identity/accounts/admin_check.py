"""The role of a caller, checked in the transaction of a change that only admins may make."""

from typing import TYPE_CHECKING

from shop.caller import Role
from shop.dynamo import tables
from shop.dynamo.codec import encode
from shop.identity.accounts.models import UserStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

CALLER = "caller"  # the name of the action


def check_admin(user_id: str | None) -> "dict[str, TransactWriteItemTypeDef]":
    """Return an action that fails unless this user is an active admin; none for None.

    2 write units. API Gateway caches the role of the authorizer for 50 s.
    """
    if user_id is None:
        return {}
    return {
        CALLER: {
            "ConditionCheck": {
                "TableName": tables.users(),
                "Key": encode({"id": user_id}),
                "ConditionExpression": "#role = :admin AND #status = :active",
                "ExpressionAttributeNames": {"#role": "role", "#status": "status"},
                "ExpressionAttributeValues": encode(
                    {":admin": Role.ADMIN.value, ":active": UserStatus.ACTIVE.value}
                ),
            }
        }
    }
