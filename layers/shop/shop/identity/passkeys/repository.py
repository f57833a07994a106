"""Passkeys in DynamoDB, beside the other authenticators; used challenges until they expire."""

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import absent, equals
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.errors import Unauthorized
from shop.identity.accounts.models import UserStatus
from shop.identity.accounts.repository import account_state_key
from shop.identity.authenticators.models import Kind
from shop.identity.login_attempts import repository as rate_limits
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.passkeys.challenges import Challenge
from shop.identity.passkeys.models import Algorithm, Passkey, PublicKey
from shop.identity.passkeys.rejection import ChallengeSpent
from shop.identity.sessions.models import Session
from shop.identity.sessions.repository import delete_session, session_to_item
from shop.retries import StaleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1
_CHALLENGE, _PASSKEY = "challenge", "passkey"  # names of actions


class PasskeyRepository:
    def registered(self, user_id: str) -> Set[str]:
        """Return the ids; 1 read unit per 4 KB.

        Registrations limit the number, so one page has all of them.
        """
        response = dynamodb().query(
            TableName=tables.authenticators(),
            KeyConditionExpression="user_id = :user",
            FilterExpression="kind = :kind",
            ExpressionAttributeValues=encode({":user": user_id, ":kind": Kind.PASSKEY.value}),
            ConsistentRead=True,
        )
        return {item["id"] for item in map(decode, response["Items"])}

    def add(self, passkey: Passkey, challenge: Challenge, session: Session) -> None:
        """Store the passkey and spend the challenge, in one transaction of 3 actions.

        Raise `StaleVersion` if the passkey exists, `ChallengeSpent`, or `Unauthorized` if the
        session ended.
        """
        changes: dict[str, Action] = {
            _CHALLENGE: _spend(challenge),
            _PASSKEY: actions.put(tables.authenticators(), passkey_to_item(passkey), absent("id")),
            "account state": _check_account_state(session),
        }
        try:
            transactions.write(changes)
        except transactions.ConditionFailed as failed:
            if _PASSKEY in failed.old:
                raise StaleVersion from None
            if _CHALLENGE in failed.old:
                raise ChallengeSpent from None
            raise Unauthorized from None

    def find(
        self, user_id: str, passkey_id: str, attempt: RateLimitedRequest
    ) -> tuple[Passkey | None, RateLimitedRequest]:
        """Return the passkey and the counts, in one consistent read of 3 units."""
        passkeys, counted = tables.authenticators(), tables.attempts()
        key = {"user_id": user_id, "id": passkey_id}
        found = batch_get({passkeys: [key], counted: rate_limits.keys(attempt)})
        passkey = next(map(passkey_from_item, found[passkeys]), None)
        return passkey, rate_limits.as_stored(attempt, found[counted])

    def spend(self, challenge: Challenge) -> None:
        """Spend a challenge without another effect; raise `ChallengeSpent`. 2 write units."""
        try:
            transactions.write({_CHALLENGE: _spend(challenge)})
        except transactions.ConditionFailed:
            raise ChallengeSpent from None

    def begin(
        self,
        session: Session,
        used: Passkey,
        before: Passkey,
        challenge: Challenge,
        attempt: RateLimitedRequest,
        ended: Sequence[str],
    ) -> None:
        """Store the session and the used passkey, spend the challenge, revert the attempt, and
        delete the `ended` sessions.

        Raise `ChallengeSpent`, or `StaleVersion` if the passkey or the account state changed.
        6 actions, and one for each session in `ended`.
        """
        last_used_at = None if used.last_used_at is None else to_text(used.last_used_at)
        changes: dict[str, Action] = {
            _CHALLENGE: _spend(challenge),
            _PASSKEY: actions.update(
                tables.authenticators(),
                {"user_id": before.user_id, "id": before.id},
                equals(counter=before.counter, public_key=before.public_key.spki),
                sets={
                    "counter": used.counter,
                    "backed_up": used.is_backed_up,
                    "last_used_at": last_used_at,
                },
            ),
            "account state": _check_account_state(session),
            "session": actions.put(tables.sessions(), session_to_item(session), absent("id")),
            **{f"ended#{id_}": delete_session(session.user_id, id_) for id_ in ended},
        }
        try:
            rate_limits.write_and_revert(changes, attempt)
        except transactions.ConditionFailed as failed:
            if _CHALLENGE in failed.old:
                raise ChallengeSpent from None
            raise StaleVersion from None


def _spend(challenge: Challenge) -> "Action":
    """Return the action that spends a challenge, and fails if it is spent.

    Later than its expiry, the challenge itself is rejected, so the item may be deleted.
    """
    item = {
        "id": f"passkey_challenge#{challenge.id}",
        "ttl": to_epoch(challenge.expires_at),
        "schema_version": SCHEMA_VERSION,
    }
    return actions.put(tables.idempotency(), item, absent("id"))


def _check_account_state(session: Session) -> "Action":
    return actions.check(
        tables.sessions(),
        account_state_key(session.user_id),
        equals(epoch=session.generation, status=UserStatus.ACTIVE.value),
    )


def passkey_to_item(passkey: Passkey) -> Item:
    last_used_at = passkey.last_used_at
    return {
        "user_id": passkey.user_id,
        "id": passkey.id,
        "kind": Kind.PASSKEY.value,
        "name": passkey.name,
        "credential_id": passkey.credential_id,
        "public_key": passkey.public_key.spki,
        "algorithm": int(passkey.public_key.algorithm),
        "counter": passkey.counter,
        "backup_eligible": passkey.is_backup_eligible,
        "backed_up": passkey.is_backed_up,
        "created_at": to_text(passkey.created_at),
        "last_used_at": None if last_used_at is None else to_text(last_used_at),
        "schema_version": SCHEMA_VERSION,
    }


def passkey_from_item(item: Item) -> Passkey:
    last_used_at = item["last_used_at"]
    return Passkey(
        user_id=item["user_id"],
        id=item["id"],
        credential_id=bytes(item["credential_id"]),
        public_key=PublicKey(Algorithm(int(item["algorithm"])), bytes(item["public_key"])),
        counter=int(item["counter"]),
        is_backup_eligible=item["backup_eligible"],
        is_backed_up=item["backed_up"],
        name=item["name"],
        created_at=from_text(item["created_at"]),
        last_used_at=None if last_used_at is None else from_text(last_used_at),
    )
