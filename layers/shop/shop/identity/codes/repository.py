"""Authenticator apps in DynamoDB: reads of one, and the action that spends a code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, to_text
from shop.dynamo import actions, tables
from shop.dynamo.actions import absent, compares, exists
from shop.dynamo.codec import Item, decode, encode
from shop.identity.codes.models import AuthenticatorApp, CodeUse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

KIND = "totp"


class AuthenticatorAppRepository:
    def app(self, user_id: str, authenticator_id: str) -> AuthenticatorApp | None:
        """Return the app, or None. 1 read unit."""
        response = dynamodb().get_item(
            TableName=tables.authenticators(),
            Key=encode(authenticator_key(user_id, authenticator_id)),
            ConsistentRead=True,
        )
        item = decode(response["Item"]) if "Item" in response else None
        return app_from_item(item) if item and item["kind"] == KIND else None


def spend(use: CodeUse) -> "Action":
    """Return the action that spends a code, and fails if it is spent or the app is gone."""
    at = to_text(use.at)
    if use.step is None:
        code = f"recovery_codes.{use.recovery_digest}"
        return _change(use, exists(code), sets={"last_used_at": at}, removes=[code])
    newer = compares("last_step", "<", use.step)
    return _change(use, newer, sets={"last_used_at": at, "last_step": use.step})


def replace_recovery_codes(use: CodeUse, digests: frozenset[str]) -> "Action":
    """Return the action that spends a code and replaces all recovery codes."""
    sets = {"last_used_at": to_text(use.at), "recovery_codes": recovery_codes_to_item(digests)}
    if use.step is None:
        return _change(use, exists(f"recovery_codes.{use.recovery_digest}"), sets=sets)
    newer = compares("last_step", "<", use.step)
    return _change(use, newer, sets={**sets, "last_step": use.step})


def _change(
    use: CodeUse, condition: actions.Condition, sets: Item, removes: Sequence[str] = ()
) -> "Action":
    return actions.update(
        tables.authenticators(),
        authenticator_key(use.user_id, use.authenticator_id),
        absent("expires_at"),  # which an enrolment has
        condition,
        sets=sets,
        removes=removes,
    )


def authenticator_key(user_id: str, authenticator_id: str) -> Item:
    return {"user_id": user_id, "id": authenticator_id}


def recovery_codes_to_item(digests: frozenset[str]) -> Item:
    """Return a map, from which one action removes one code."""
    return dict.fromkeys(sorted(digests), True)


def app_from_item(item: Item) -> AuthenticatorApp:
    last_used_at, expires_at = item["last_used_at"], item.get("expires_at")
    return AuthenticatorApp(
        user_id=item["user_id"],
        id=item["id"],
        name=item["name"],
        salt=bytes(item["salt"]),
        created_at=from_text(item["created_at"]),
        expires_at=None if expires_at is None else from_text(expires_at),
        last_step=int(item["last_step"]),
        last_used_at=None if last_used_at is None else from_text(last_used_at),
        recovery_digests=frozenset(item["recovery_codes"]),
    )
