"""The admin check: a write that only admins may make verifies the role in its own transaction."""

from typing import TYPE_CHECKING

from shop.caller import Role
from shop.dynamo import actions, tables
from shop.dynamo.actions import equals
from shop.identity.accounts.models import UserStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

CALLER = "caller"  # the name of the action


def check_admin(user_id: str | None) -> "dict[str, Action]":
    """Return the action that fails unless this user is an active admin; no action for None.

    2 write units. Needed because API Gateway caches the authorizer's result, and with it the role,
    for 50 s.
    """
    if user_id is None:
        return {}
    is_active_admin = equals(role=Role.ADMIN.value, status=UserStatus.ACTIVE.value)
    return {CALLER: actions.check(tables.users(), {"id": user_id}, is_active_admin)}
