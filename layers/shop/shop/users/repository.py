"""Users in DynamoDB: the profile, changed in one transaction with the account and the admin count.

Each action is conditional on the version that was read: a concurrent change fails the transaction.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import now, to_text
from shop.correlation import correlation_id
from shop.dynamo import actions, tables, totals, transactions
from shop.dynamo.actions import absent, compares, equals
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import IndexQuery, KeyRange
from shop.dynamo.sort_keys import shard_key, shard_keys, text_key
from shop.errors import EmailInUse, Forbidden, LastAdmin, Unauthorized
from shop.identity.accounts import repository as accounts
from shop.identity.accounts.admin_check import CALLER, check_admin
from shop.identity.accounts.models import AccountState, Credential, UserStatus
from shop.identity.accounts.repository import AccountRepository, account_state_key
from shop.identity.login_attempts import repository as attempts
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.sessions.repository import SessionRepository, delete_session, session_key
from shop.pagination import IndexPage, PageRequest
from shop.retries import StaleVersion
from shop.search import fold
from shop.users.items import find_user, user_from_item
from shop.users.models import User
from shop.users.search import find

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    type Actions = dict[str, Action]

SCHEMA_VERSION = 2  # since items have the keys of the lists
_ADMIN_COUNT_SCHEMA_VERSION = 1
_ADMINS = {"id": "admins"}  # the row that counts active admins


class UserRepository:
    def add(self, user: User, password_hash: str) -> None:
        """Write 3 items of up to 1 KB: 6 write units; 2 more for an admin."""
        state = AccountState(user.id, generation=1, status=user.status, role=user.role)
        try:
            transactions.write(
                {
                    "user": actions.put(tables.users(), user_to_item(user), absent("id")),
                    "credential": accounts.add_credential(
                        user.email, Credential(user.id, password_hash)
                    ),
                    "account state": accounts.put_account_state(state),
                    **_count_admins(int(user.is_active_admin)),
                }
            )
        except transactions.ConditionFailed as failed:
            if "credential" in failed.old:
                raise EmailInUse from None
            raise

    def get(self, user_id: str) -> User | None:
        """Return the user, or None. 1 read unit."""
        return find_user(user_id)

    def credential(self, email: str) -> Credential | None:
        """Return the credential, or None. 1 read unit."""
        return AccountRepository().credential(email)

    def save(
        self,
        before: User,
        after: User,
        attempt: RateLimitedRequest | None = None,
        by_admin: str | None = None,
    ) -> None:
        """Write the changes, and uncount the attempt.

        2 write units; 4 more if the email changes, 4 for an attempt, 2 for status or role, 2 for
        admins, and 2 if an admin changes another user.
        """
        changes: Actions = {"user": _update(before, after), **check_admin(by_admin)}
        if after.email != before.email:
            credential = self._own_credential(before)
            changes["old credential"] = accounts.delete_credential(before.email, credential)
            changes["credential"] = accounts.add_credential(after.email, credential)
        if (after.status, after.role) != (before.status, before.role):
            changes["account state"] = accounts.change_account_state(
                after.id, after.status, after.role
            )
        changes |= _count_admins(after.is_active_admin - before.is_active_admin)
        _write(changes, attempt)

    def delete(self, user: User, by_admin: str | None = None) -> None:
        """Delete the user, the credential and as many sessions as one transaction holds.

        6 write units, and 2 for each session, 2 if the user is an admin, and 2 if an admin deletes
        another user.
        """
        changes: Actions = {
            "user": actions.delete(tables.users(), {"id": user.id}, equals(version=user.version)),
            "credential": accounts.delete_credential(user.email, self._own_credential(user)),
            "account state": accounts.disable_account_state(user.id),
            **_count_admins(-int(user.is_active_admin)),
            **check_admin(by_admin),
        }
        ids = SessionRepository().ids(user.id)[: transactions.MAX_ACTIONS - len(changes)]
        _write(changes | {f"session {id_}": delete_session(user.id, id_) for id_ in ids})

    def change_password(
        self, user: User, session_id: str, old_hash: str, new_hash: str, attempt: RateLimitedRequest
    ) -> None:
        """Replace the hash and start a session generation. 12 write units and 2 read units."""
        at = now()
        session, state = SessionRepository().with_account_state(user.id, session_id)
        if session is None or state is None or not session.is_live(state, at):
            raise Unauthorized
        _write(
            {
                "user": accounts.change_password_time(user.id, user.version, at),
                "credential": accounts.replace_hash(
                    user.email, Credential(user.id, old_hash), new_hash
                ),
                "account state": accounts.start_generation(
                    account_state_key(user.id), state.generation
                ),
                "session": accounts.start_generation(
                    session_key(user.id, session_id), state.generation
                ),
            },
            attempt,
        )

    def list(
        self,
        statuses: Sequence[UserStatus],
        sort: str,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[User]:
        """Return a page of users.

        Half a read unit for each 4 KB of the page and of the pages before its number, and at least
        half for each shard of each status.
        """
        return _BY[sort].page(_ranges(statuses), page_request, is_descending)

    def search(
        self,
        text: str,
        statuses: Sequence[UserStatus],
        page_request: PageRequest,
        is_descending: bool,
    ) -> tuple[IndexPage[User], int | None]:
        return find(
            fold(text), statuses, _BY["createdAt"], _ranges(statuses), page_request, is_descending
        )

    def count(self, statuses: Sequence[UserStatus]) -> int:
        return totals.read("users", statuses)

    def active_admins(self) -> int:
        """Return the number of active admins. 1 read unit."""
        response = dynamodb().get_item(
            TableName=tables.users(), Key=encode(_ADMINS), ConsistentRead=True
        )
        return int(decode(response.get("Item", {})).get("active_admins", 0))

    def _own_credential(self, user: User) -> Credential:
        """Return the credential; raise `StaleVersion` if the email is no longer the user's."""
        credential = self.credential(user.email)
        if credential is None or credential.user_id != user.id:
            raise StaleVersion
        return credential


def _ranges(statuses: Sequence[UserStatus]) -> Sequence[KeyRange]:
    return [KeyRange(shard) for status in statuses for shard in shard_keys(status)]


def _write(changes: "Actions", attempt: RateLimitedRequest | None = None) -> None:
    try:
        if attempt is None:
            transactions.write(changes)
        else:
            attempts.write_and_revert(changes, attempt)
    except transactions.ConditionFailed as failed:
        if CALLER in failed.old:
            raise Forbidden from None
        if failed.old.keys() & {"user", "old credential", "account state"}:
            raise StaleVersion from None
        if "admins" in failed.old:
            raise LastAdmin from None
        if "credential" in failed.old and "old credential" in changes:
            raise EmailInUse from None
        raise StaleVersion from None


def _update(before: User, after: User) -> "Action":
    """Set the attributes that can change; keep all others, which newer code may have added."""
    item = user_to_item(after)
    sets = {name: item[name] for name in sorted(item.keys() - {"id", "created_at"})}
    return actions.update(
        tables.users(), {"id": after.id}, equals(version=before.version), sets=sets
    )


def _count_admins(difference: int) -> "Actions":
    """Add to the number of active admins, which never falls below 1; no action for 0."""
    if not difference:
        return {}
    is_enough = [compares("active_admins", ">", 1)] if difference < 0 else []
    update = actions.update(
        tables.users(),
        _ADMINS,
        *is_enough,
        adds={"active_admins": difference},
        sets={"schema_version": _ADMIN_COUNT_SCHEMA_VERSION},
    )
    return {"admins": update}


def user_to_item(user: User) -> Item:
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
        "request_id": correlation_id.get(),
        "schema_version": SCHEMA_VERSION,
        "status_shard": shard_key(user.status, user.id),
        "name_key": text_key(user.name, user.id),
        "email_key": text_key(user.email, user.id),
        "former_emails": [{"email": it.email, "version": it.version} for it in user.former_emails],
    }


_BY = {
    "createdAt": IndexQuery(tables.users, "status_shard", "id", user_from_item, "by_id"),
    "name": IndexQuery(tables.users, "status_shard", "name_key", user_from_item, "by_name"),
    "email": IndexQuery(tables.users, "status_shard", "email_key", user_from_item, "by_email"),
}
