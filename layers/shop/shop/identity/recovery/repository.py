"""Recovery tokens in DynamoDB, consumed in the transaction of the change they allow."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import exists
from shop.dynamo.codec import decode, encode
from shop.errors import NotFound
from shop.identity.accounts import repository as accounts
from shop.identity.accounts.models import Account, AccountState, Credential
from shop.identity.accounts.repository import AccountRepository, account_state_key
from shop.identity.login_attempts import repository as attempts
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.recovery.models import Purpose, RecoveryToken
from shop.retries import StaleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1


class RecoveryRepository:
    def add(self, token: RecoveryToken) -> None:
        """Store a token. 1 write unit."""
        item = {
            "digest": token.digest,
            "purpose": token.purpose.value,
            "user_id": token.user_id,
            "email": token.email,
            "epoch": token.generation,
            "expires_at": to_text(token.expires_at),
            "ttl": to_epoch(token.expires_at),
            "schema_version": SCHEMA_VERSION,
        }
        dynamodb().put_item(TableName=tables.recovery_tokens(), Item=encode(item))

    def token(self, digest: str) -> RecoveryToken | None:
        """Return the token, or None. 1 read unit."""
        response = dynamodb().get_item(
            TableName=tables.recovery_tokens(), Key=encode({"digest": digest}), ConsistentRead=True
        )
        if "Item" not in response:
            return None
        item = decode(response["Item"])
        return RecoveryToken(
            digest=item["digest"],
            purpose=Purpose(item["purpose"]),
            user_id=item["user_id"],
            email=item["email"],
            generation=int(item["epoch"]),
            expires_at=from_text(item["expires_at"]),
        )

    def account(self, user_id: str) -> Account | None:
        """Return the account, or None. 1 read unit."""
        return AccountRepository().account(user_id)

    def account_state(self, user_id: str) -> AccountState | None:
        """Return the account state, or None. 1 read unit."""
        return AccountRepository().account_state(user_id)

    def credential(self, email: str) -> Credential | None:
        """Return the credential, or None. 1 read unit."""
        return AccountRepository().credential(email)

    def verify(self, token: RecoveryToken, account: Account, at: datetime) -> None:
        """Verify the email and consume the token.

        4 write units, and 2 for each index that shows the user.
        """
        _consume(token, {"user": accounts.verify_email(account, at)})

    def reset(
        self,
        token: RecoveryToken,
        account: Account,
        old_hash: str,
        new_hash: str,
        cleared: RateLimitedRequest,
        at: datetime,
    ) -> None:
        """Replace the hash, start a session generation, clear the counts and consume the token.

        12 write units, and 2 for each index that shows the user.
        """
        credential = Credential(account.id, old_hash)
        _consume(
            token,
            {
                "user": accounts.change_password_time(
                    account.id, account.version, at, is_email_verified=True
                ),
                "credential": accounts.replace_hash(account.email, credential, new_hash),
                "account state": accounts.start_generation(
                    account_state_key(account.id), token.generation
                ),
                **attempts.clear(cleared),
            },
        )


def _consume(token: RecoveryToken, changes: "Mapping[str, Action]") -> None:
    consumed = actions.delete(tables.recovery_tokens(), {"digest": token.digest}, exists("digest"))
    try:
        transactions.write({"token": consumed, **changes})
    except transactions.ConditionFailed as failed:
        raise (NotFound if "token" in failed.old else StaleVersion) from None
