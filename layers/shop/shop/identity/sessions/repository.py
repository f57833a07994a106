"""Sessions in DynamoDB, read together with the account state that they depend on."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import absent, equals, exists
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.identity.accounts import repository as accounts
from shop.identity.accounts.models import AccountState, Credential, UserStatus
from shop.identity.accounts.repository import (
    STATE_ID,
    account_state_from_item,
    account_state_key,
    credential_from_item,
)
from shop.identity.login_attempts import repository as rate_limits
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.sessions.models import RefreshDigests, Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    from shop.identity.codes.models import CodeUse

SCHEMA_VERSION = 1
_ROTATED = (
    *("current_digest", "previous_digest", "salt", "rotated_at", "last_used_at"),
    *("idle_expires_at", "ttl", "user_agent", "ip_address"),
)


class SessionRepository:
    def find_credential(
        self, email: str, attempt: RateLimitedRequest
    ) -> tuple[Credential | None, RateLimitedRequest]:
        """Return the credential and the counts, in one consistent read of 3 units."""
        credentials, counted = tables.credentials(), tables.attempts()
        found = batch_get({credentials: [{"email": email}], counted: rate_limits.keys(attempt)})
        credential = next(map(credential_from_item, found[credentials]), None)
        return credential, rate_limits.as_stored(attempt, found[counted])

    def of_user(self, user_id: str) -> tuple[Sequence[Session], AccountState | None]:
        """Return all sessions and the account state, or None. 1 read unit per 4 KB.

        Logins limit the number, so one page has all sessions.
        """
        response = dynamodb().query(
            TableName=tables.sessions(),
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues=encode({":user": user_id}),
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        items = [decode(item) for item in response["Items"]]
        states = [account_state_from_item(item) for item in items if item["id"] == STATE_ID]
        sessions = [session_from_item(item) for item in items if item["id"] != STATE_ID]
        return sessions, states[0] if states else None

    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]:
        """Return both, in one consistent read of 2 units.

        A batch is no snapshot: a change of all sessions that keeps this one may be between both
        rows. Different generations are read again, and differ again if the session has ended.
        """
        session, account_state = self._with_account_state(user_id, session_id)
        if session and account_state and session.generation != account_state.generation:
            return self._with_account_state(user_id, session_id)
        return session, account_state

    def _with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]:
        table = tables.sessions()
        keys = [session_key(user_id, session_id), account_state_key(user_id)]
        items = {item["id"]: item for item in batch_get({table: keys})[table]}
        session, account_state = items.get(session_id), items.get(STATE_ID)
        return (
            session_from_item(session) if session else None,
            account_state_from_item(account_state) if account_state else None,
        )

    def ids(self, user_id: str) -> list[str]:
        """Return the ids of all sessions of a user, active or not; 1 read unit per 4 KB."""
        found: list[str] = []
        pages = (
            dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=tables.sessions(),
                KeyConditionExpression="user_id = :user AND id < :gate",
                ProjectionExpression="id",
                ExpressionAttributeValues=encode({":user": user_id, ":gate": STATE_ID}),
                ConsistentRead=True,
            )
        )
        for page in pages:
            found += [item["id"] for item in map(decode, page["Items"])]
        return found

    def begin(
        self,
        session: Session,
        email: str,
        password_hash: str,
        new_hash: str | None,
        attempt: RateLimitedRequest,
        ended: Sequence[str] = (),
        code_use: "CodeUse | None" = None,
    ) -> bool:
        """Store the session and the new hash, revert the attempt, delete the `ended` sessions, and
        spend the code.

        Return False if the hash or the account state changed, or the code is spent. 5 actions, 3
        for a code, and one for each session in `ended`.
        """
        credential = Credential(session.user_id, password_hash)
        changes: dict[str, Action] = {
            "credential": accounts.check_hash(email, credential)
            if new_hash is None
            else accounts.replace_hash(email, credential, new_hash),
            "account state": actions.check(
                tables.sessions(),
                account_state_key(session.user_id),
                equals(epoch=session.generation, status=UserStatus.ACTIVE.value),
            ),
            "session": actions.put(tables.sessions(), session_to_item(session), absent("id")),
            **{f"ended#{id_}": delete_session(session.user_id, id_) for id_ in ended},
        }
        guesses = [attempt]
        if code_use is not None:
            # Imported here: few log-ins have a code.
            from shop.identity.codes.repository import spend

            changes["code"] = spend(code_use)
            guesses.append(code_use.attempt)
        try:
            rate_limits.write_and_revert(changes, *guesses)
        except transactions.ConditionFailed:
            return False
        return True

    def rotate(self, session: Session, spent: bytes) -> Session | None:
        """Store a refresh and return the session.

        If `spent` is not the current digest, return the stored session, or None.
        1 write unit per KB, also for a failed condition.
        """
        client = dynamodb()
        item = session_to_item(session)
        update = actions.update(
            tables.sessions(),
            session_key(session.user_id, session.id),
            equals(current_digest=spent, epoch=session.generation),
            sets={name: item[name] for name in _ROTATED},
            is_old_returned=True,
        )
        try:
            client.update_item(**update["Update"])
        except client.exceptions.ConditionalCheckFailedException as failed:
            response: Any = failed.response  # botocore's type lacks the item
            return session_from_item(decode(response["Item"])) if response.get("Item") else None
        return session

    def end(self, user_id: str, session_id: str, family: bytes | None = None) -> bool:
        """Return whether this request ended it; 2 write units for each KB.

        A transaction, whose token distinguishes a retry after a lost response from another delete.
        """
        condition = exists("id") if family is None else equals(family_digest=family)
        try:
            transactions.write({"session": delete_session(user_id, session_id, condition)})
        except transactions.ConditionFailed:
            return False
        return True

    def end_all(self, user_id: str) -> None:
        """End all sessions of a user. 2 write units, however many sessions."""
        try:
            transactions.write({"account state": accounts.end_sessions(user_id)})
        except transactions.ConditionFailed:
            return  # without an account state no session lives


def session_key(user_id: str, session_id: str) -> Item:
    return {"user_id": user_id, "id": session_id}


def delete_session(user_id: str, session_id: str, *conditions: actions.Condition) -> "Action":
    return actions.delete(tables.sessions(), session_key(user_id, session_id), *conditions)


def session_to_item(session: Session) -> Item:
    refresh = session.refresh
    return {
        "user_id": session.user_id,
        "id": session.id,
        "epoch": session.generation,
        "family_digest": refresh.family,
        "current_digest": refresh.current,
        "previous_digest": refresh.previous,
        "salt": refresh.salt,
        "rotated_at": None if refresh.rotated_at is None else to_text(refresh.rotated_at),
        "created_at": to_text(session.created_at),
        "last_used_at": to_text(session.last_used_at),
        "idle_expires_at": to_text(session.idle_expires_at),
        "absolute_expires_at": to_text(session.absolute_expires_at),
        "user_agent": session.user_agent,
        "ip_address": session.ip_address,
        "ttl": to_epoch(session.expires_at),
        "schema_version": SCHEMA_VERSION,
    }


def session_from_item(item: Item) -> Session:
    def moment(name: str) -> datetime:
        return from_text(item[name])

    return Session(
        user_id=item["user_id"],
        id=item["id"],
        generation=int(item["epoch"]),
        refresh=RefreshDigests(
            family=bytes(item["family_digest"]),
            current=bytes(item["current_digest"]),
            salt=bytes(item["salt"]),
            previous=None if item["previous_digest"] is None else bytes(item["previous_digest"]),
            rotated_at=None if item["rotated_at"] is None else moment("rotated_at"),
        ),
        created_at=moment("created_at"),
        last_used_at=moment("last_used_at"),
        idle_expires_at=moment("idle_expires_at"),
        absolute_expires_at=moment("absolute_expires_at"),
        user_agent=item["user_agent"],
        ip_address=item["ip_address"],
    )
