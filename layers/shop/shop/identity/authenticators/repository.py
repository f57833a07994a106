"""Authenticators in DynamoDB, with the flag of the account that makes log-ins need a code."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import compares, exists
from shop.dynamo.codec import Item, decode, encode
from shop.identity.accounts import repository as accounts
from shop.identity.accounts.models import Account, AccountState, Credential
from shop.identity.accounts.repository import AccountRepository
from shop.identity.authenticators.models import Authenticator, Kind
from shop.identity.codes import repository as codes
from shop.identity.codes.models import AuthenticatorApp, CodeUse
from shop.identity.codes.repository import AuthenticatorAppRepository, authenticator_key
from shop.identity.login_attempts import repository as rate_limits
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.sessions.models import Session
from shop.identity.sessions.repository import SessionRepository, session_key
from shop.retries import StaleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1


class AuthenticatorRepository:
    def list(self, user_id: str) -> Sequence[Authenticator]:
        """Return the authenticators, oldest first, without enrolments. 1 read unit per 4 KB."""
        listed = [
            authenticator_from_item(item) for item in _items_of(user_id) if "expires_at" not in item
        ]
        # Ids of passkeys derive from their credentials, so they do not sort by time.
        return sorted(listed, key=lambda it: (it.created_at, it.id))

    def enrolments(self, user_id: str) -> Sequence[str]:
        """Return the ids of apps that are not confirmed. 1 read unit per 4 KB."""
        return [item["id"] for item in _items_of(user_id) if "expires_at" in item]

    def account(self, user_id: str) -> Account | None:
        return AccountRepository().account(user_id)

    def credential(self, email: str) -> Credential | None:
        return AccountRepository().credential(email)

    def app(self, user_id: str, authenticator_id: str) -> AuthenticatorApp | None:
        return AuthenticatorAppRepository().app(user_id, authenticator_id)

    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]:
        return SessionRepository().with_account_state(user_id, session_id)

    def add(
        self, app: AuthenticatorApp, replaced: Sequence[str], attempt: RateLimitedRequest
    ) -> None:
        """Store an enrolment in place of earlier ones, and uncount the guess of the password.

        Raise `StaleVersion` if the account was disabled, or got a second factor: its app may be
        one of the replaced.
        """
        changes = {
            "account state": accounts.check_without_second_factor(app.user_id),
            "authenticator": actions.put(tables.authenticators(), _to_item(app)),
            **{f"replaced#{id_}": _delete(app.user_id, id_) for id_ in replaced},
        }
        _write(changes, attempt)

    def confirm(
        self, use: CodeUse, session_id: str, generation: int, digests: frozenset[str]
    ) -> None:
        """Activate an app, turn the second factor on, and end all other sessions.

        Raise `StaleVersion` if the enrolment, the session or the account changed.
        """
        changes = {
            "authenticator": actions.update(
                tables.authenticators(),
                authenticator_key(use.user_id, use.authenticator_id),
                compares("expires_at", ">", to_text(use.at)),
                sets={
                    "last_step": use.step,
                    "last_used_at": to_text(use.at),
                    "recovery_codes": codes.recovery_codes_to_item(digests),
                },
                removes=["expires_at", "ttl"],
            ),
            "account state": accounts.turn_second_factor_on(
                use.user_id, generation, use.authenticator_id
            ),
            "session": accounts.start_generation(session_key(use.user_id, session_id), generation),
        }
        _write(changes, use.attempt)

    def replace_recovery_codes(
        self, use: CodeUse, generation: int, digests: frozenset[str]
    ) -> None:
        """Spend the code, and replace all recovery codes.

        Raise `StaleVersion` if the code is spent, or the sessions or the account changed.
        """
        changes = {
            "account state": accounts.check_second_factor(
                use.user_id, generation, use.authenticator_id
            ),
            "authenticator": codes.replace_recovery_codes(use, digests),
        }
        _write(changes, use.attempt)

    def delete(self, authenticator: Authenticator) -> bool:
        """Return whether this request deleted it; with the app, the second factor is off."""
        user_id, id_ = authenticator.user_id, authenticator.id
        deletion = {"authenticator": _delete(user_id, id_, exists("id"))}
        off = {"account state": accounts.turn_second_factor_off(user_id, id_)}
        try:
            try:
                transactions.write(
                    {**deletion, **off} if authenticator.kind is Kind.TOTP else deletion
                )
            except transactions.ConditionFailed as failed:
                if "authenticator" in failed.old:
                    raise
                # Restored from a backup: the account does not need it.
                transactions.write(deletion)
        except transactions.ConditionFailed:
            return False
        return True

    def reset(self, user_id: str) -> int:
        """Delete all authenticators, turn the second factor off, and return their number."""
        ids = [item["id"] for item in _items_of(user_id)]
        changes = {f"authenticator#{id_}": _delete(user_id, id_) for id_ in ids}
        changes["account state"] = accounts.reset_second_factor(user_id)
        transactions.write(changes)
        return len(ids)


def authenticator_from_item(item: Item) -> Authenticator:
    kind, last_used_at = Kind(item["kind"]), item["last_used_at"]
    return Authenticator(
        user_id=item["user_id"],
        id=item["id"],
        kind=kind,
        name=item["name"],
        created_at=from_text(item["created_at"]),
        last_used_at=None if last_used_at is None else from_text(last_used_at),
        recovery_codes_left=len(item["recovery_codes"]) if kind is Kind.TOTP else None,
    )


def _items_of(user_id: str) -> Sequence[Item]:
    response = dynamodb().query(
        TableName=tables.authenticators(),
        KeyConditionExpression="user_id = :user",
        ExpressionAttributeValues=encode({":user": user_id}),
        ConsistentRead=True,
    )
    return [decode(item) for item in response["Items"]]


def _delete(user_id: str, id_: str, *conditions: actions.Condition) -> "Action":
    return actions.delete(tables.authenticators(), authenticator_key(user_id, id_), *conditions)


def _write(changes: "dict[str, Action]", attempt: RateLimitedRequest) -> None:
    try:
        rate_limits.write_and_revert(changes, attempt)
    except transactions.ConditionFailed:
        raise StaleVersion from None


def _to_item(app: AuthenticatorApp) -> Item:
    return authenticator_key(app.user_id, app.id) | {
        "kind": Kind.TOTP.value,
        "name": app.name,
        "salt": app.salt,
        "created_at": to_text(app.created_at),
        "last_step": app.last_step,
        "last_used_at": _text_or_none(app.last_used_at),
        "recovery_codes": codes.recovery_codes_to_item(app.recovery_digests),
        "schema_version": SCHEMA_VERSION,
        **_expiry(app.expires_at),
    }


def _expiry(expires_at: datetime | None) -> Item:
    if expires_at is None:
        return {}
    return {"expires_at": to_text(expires_at), "ttl": to_epoch(expires_at)}


def _text_or_none(time: datetime | None) -> str | None:
    return None if time is None else to_text(time)
