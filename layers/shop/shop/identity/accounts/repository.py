"""Accounts in DynamoDB: the only file that writes password hashes and account states.

The email is the key of a credential, which makes emails unique. An account state is in the table
of sessions, so that the authorizer reads both in one call.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any  # `Any`: attributes of an item are of several types

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import from_text, now, to_epoch, to_text
from shop.correlation import correlation_id
from shop.dynamo import actions, tables
from shop.dynamo.actions import Increment, absent, equals, exists
from shop.dynamo.codec import Item, decode, encode
from shop.identity.accounts.models import Account, AccountState, Credential, UserStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1
STATE_ID = "gate"  # the stored name of the account state, which sorts after every session's id
_DISABLED_FOR = timedelta(days=1)  # a deleted user's state: far longer than an access token lives


class AccountRepository:
    def credential(self, email: str) -> Credential | None:
        """Return the credential, or None. 1 read unit."""
        response = dynamodb().get_item(
            TableName=tables.credentials(), Key=encode({"email": email}), ConsistentRead=True
        )
        return credential_from_item(decode(response["Item"])) if "Item" in response else None

    def account_state(self, user_id: str) -> AccountState | None:
        """Return the account state, or None. 1 read unit."""
        response = dynamodb().get_item(
            TableName=tables.sessions(), Key=encode(account_state_key(user_id)), ConsistentRead=True
        )
        return account_state_from_item(decode(response["Item"])) if "Item" in response else None

    def account(self, user_id: str) -> Account | None:
        """Return the account, or None. 1 read unit."""
        response = dynamodb().get_item(
            TableName=tables.users(), Key=encode({"id": user_id}), ConsistentRead=True
        )
        if "Item" not in response:
            return None
        item = decode(response["Item"])
        return Account(
            id=item["id"],
            email=item["email"],
            status=UserStatus(item["status"]),
            email_verified=item["email_verified"],
            updated_at=from_text(item["updated_at"]),
            version=int(item["version"]),
        )


def add_credential(email: str, credential: Credential) -> "Action":
    return actions.put(tables.credentials(), credential_to_item(email, credential), absent("email"))


def check_hash(email: str, credential: Credential) -> "Action":
    """Return the action that fails unless the credential is as it was read."""
    return actions.check(tables.credentials(), {"email": email}, _is(credential))


def replace_hash(email: str, credential: Credential, new_hash: str) -> "Action":
    """Return the action that replaces the hash, and fails unless the credential is as read."""
    return actions.update(
        tables.credentials(), {"email": email}, _is(credential), sets={"password_hash": new_hash}
    )


def delete_credential(email: str, credential: Credential) -> "Action":
    """Return the action that deletes the credential, and fails unless it is as read."""
    return actions.delete(tables.credentials(), {"email": email}, _is(credential))


def put_account_state(state: AccountState) -> "Action":
    return actions.put(tables.sessions(), account_state_to_item(state))


def change_account_state(user_id: str, status: UserStatus, role: Role) -> "Action":
    """Change status and role; an inactive user's sessions end."""
    return actions.update(
        tables.sessions(),
        account_state_key(user_id),
        exists("id"),
        sets={
            "status": status.value,
            "role": role.value,
            "epoch": Increment(int(status is UserStatus.INACTIVE)),
        },
    )


def disable_account_state(user_id: str) -> "Action":
    """Keep the state of a deleted user for a day, disabled, so that every token is rejected.

    It keeps the id of the deleting request for the event of the deletion.
    """
    return actions.update(
        tables.sessions(),
        account_state_key(user_id),
        exists("id"),
        sets={
            "status": UserStatus.INACTIVE.value,
            "epoch": Increment(1),
            "ttl": to_epoch(now() + _DISABLED_FOR),
            "request_id": correlation_id.get(),
        },
    )


def check_without_second_factor(user_id: str) -> "Action":
    """Return the action that fails unless the account is active and has no second factor."""
    return actions.check(
        tables.sessions(),
        account_state_key(user_id),
        equals(status=UserStatus.ACTIVE.value),
        absent("second_factor"),
    )


def check_second_factor(user_id: str, generation: int, authenticator_id: str) -> "Action":
    """Return the action that fails unless the account is active, with these sessions and app."""
    return actions.check(
        tables.sessions(),
        account_state_key(user_id),
        equals(epoch=generation, status=UserStatus.ACTIVE.value, second_factor=authenticator_id),
    )


def end_sessions(user_id: str) -> "Action":
    """Start the next session generation, whatever the current one is."""
    return actions.update(
        tables.sessions(), account_state_key(user_id), exists("id"), sets={"epoch": Increment(1)}
    )


def start_generation(key: Item, generation: int) -> "Action":
    """Move an account state or a session to the generation after `generation`."""
    return actions.update(
        tables.sessions(), key, equals(epoch=generation), sets={"epoch": generation + 1}
    )


def turn_second_factor_on(user_id: str, generation: int, authenticator_id: str) -> "Action":
    """Set the authenticator that log-ins need, and start the generation after `generation`.

    Fail if another one is set: an account has at most one.
    """
    return actions.update(
        tables.sessions(),
        account_state_key(user_id),
        equals(epoch=generation, status=UserStatus.ACTIVE.value),
        absent("second_factor"),
        sets={"epoch": generation + 1, "second_factor": authenticator_id},
    )


def turn_second_factor_off(user_id: str, authenticator_id: str) -> "Action":
    """Log in with the password alone again; fail if this authenticator is not the one in use."""
    return actions.update(
        tables.sessions(),
        account_state_key(user_id),
        equals(second_factor=authenticator_id),
        removes=["second_factor"],
    )


def reset_second_factor(user_id: str) -> "Action":
    """Log in with the password alone again, whatever the second factor is."""
    return actions.update(
        tables.sessions(), account_state_key(user_id), exists("id"), removes=["second_factor"]
    )


def verify_email(account: Account, at: datetime) -> "Action":
    return _change_profile(account.id, account.version, at, email_verified=True)


def change_password_time(
    user_id: str, version: int, at: datetime, is_email_verified: bool = False
) -> "Action":
    """Change the profile with the password: the event is published from the profile's stream."""
    verified = {"email_verified": True} if is_email_verified else {}
    return _change_profile(user_id, version, at, password_changed_at=to_text(at), **verified)


def _change_profile(user_id: str, version: int, at: datetime, **attributes: Any) -> "Action":
    return actions.update(
        tables.users(),
        {"id": user_id},
        equals(version=version),
        sets={
            **attributes,
            "updated_at": to_text(at),
            "version": version + 1,
            "request_id": correlation_id.get(),
        },
    )


def _is(credential: Credential) -> actions.Condition:
    return equals(user_id=credential.user_id, password_hash=credential.password_hash)


def credential_to_item(email: str, credential: Credential) -> Item:
    return {
        "email": email,
        "user_id": credential.user_id,
        "password_hash": credential.password_hash,
        "schema_version": SCHEMA_VERSION,
    }


def credential_from_item(item: Item) -> Credential:
    return Credential(item["user_id"], item["password_hash"])


def account_state_key(user_id: str) -> Item:
    return {"user_id": user_id, "id": STATE_ID}


def account_state_to_item(state: AccountState) -> Item:
    return account_state_key(state.user_id) | {
        "epoch": state.generation,
        "status": state.status.value,
        "role": state.role.value,
        "schema_version": SCHEMA_VERSION,
        # Absent without one, as in all rows of earlier versions.
        **({} if state.second_factor is None else {"second_factor": state.second_factor}),
    }


def account_state_from_item(item: Item) -> AccountState:
    return AccountState(
        user_id=item["user_id"],
        generation=int(item["epoch"]),
        status=UserStatus(item["status"]),
        role=Role(item["role"]),
        second_factor=item.get("second_factor"),
    )
