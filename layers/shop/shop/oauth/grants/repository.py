"""Consents and token families in DynamoDB.

The client's id is part of each key and comes from the authenticated client, so a code or token of
another client is never found.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.clients import dynamodb
from shop.clock import from_text, to_epoch, to_text
from shop.dynamo import actions, tables, transactions
from shop.dynamo.actions import absent, equals, exists
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.errors import Unauthorized
from shop.identity.accounts.models import UserStatus
from shop.identity.accounts.repository import (
    STATE_ID,
    account_state_from_item,
    account_state_key,
)
from shop.identity.sessions.models import RefreshDigests, Session
from shop.identity.sessions.repository import delete_session, session_from_item, session_key
from shop.oauth.clients.models import ClientStatus, OAuthClient
from shop.oauth.clients.repository import client_from_item
from shop.oauth.grants.models import (
    AuthorizationContext,
    Consent,
    Family,
    FamilyState,
    Standing,
)
from shop.oauth.grants.service import UserGrants
from shop.retries import StaleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1
_CONSENT, _FAMILY, _REVOKED = "client#", "family#", "revoked#"
_MAX_CLIENTS = 99  # of the 100 keys of a batch; consents beyond are not listed
MAX_ENDED = 80  # families that one authorization deletes, of the 100 actions of a transaction
_EXCHANGED = (
    *("state", "family_digest", "current_digest", "previous_digest", "salt", "rotated_at"),
    *("last_used_at", "idle_expires_at", "absolute_expires_at", "ttl"),
)
_ROTATED = (
    *("current_digest", "previous_digest", "salt", "rotated_at", "last_used_at"),
    *("idle_expires_at", "ttl"),
)


class GrantRepository:
    def authorization_context(
        self, user_id: str, session_id: str, client_id: str
    ) -> AuthorizationContext:
        """Return what an authorization depends on: 4 read units, and 1 per 4 KB of families.

        A batch is no snapshot, so a session of another generation than the account is read again.
        """
        context = self._authorization_context(user_id, session_id, client_id)
        session, state = context.session, context.account_state
        if session and state and session.generation != state.generation:
            return self._authorization_context(user_id, session_id, client_id)
        return context

    def _authorization_context(
        self, user_id: str, session_id: str, client_id: str
    ) -> AuthorizationContext:
        found = batch_get(
            {
                tables.grants(): [_consent_key(user_id, client_id)],
                tables.sessions(): [session_key(user_id, session_id), account_state_key(user_id)],
                tables.oauth_clients(): [{"id": client_id}],
            }
        )
        sessions = {item["id"]: item for item in found[tables.sessions()]}
        state, session = sessions.get(STATE_ID), sessions.get(session_id)
        return AuthorizationContext(
            client=next(map(client_from_item, found[tables.oauth_clients()]), None),
            session=None if session is None else session_from_item(session),
            account_state=None if state is None else account_state_from_item(state),
            consent=next(map(_consent_from_item, found[tables.grants()]), None),
            families=_families(user_id, client_id),
        )

    def of_user(self, user_id: str) -> tuple[Sequence[Consent], Sequence[Family]]:
        """Return all consents and families. 1 read unit per 4 KB."""
        items = _query("user_id = :user", {":user": user_id})
        consents = [_consent_from_item(it) for it in items if it["id"].startswith(_CONSENT)]
        return consents, [_family_from_item(it) for it in items if it["id"].startswith(_FAMILY)]

    def user_grants(self, user_id: str) -> UserGrants:
        """Return all consents and families with what they depend on.

        1 read unit per 4 KB, one for the account state, and one for each client.
        """
        consents, families = self.of_user(user_id)
        client_ids = dict.fromkeys(consent.client_id for consent in consents)
        keys = {
            tables.oauth_clients(): [{"id": id_} for id_ in client_ids][:_MAX_CLIENTS],
            tables.sessions(): [account_state_key(user_id)],
        }
        found = batch_get(keys)
        clients = map(client_from_item, found[tables.oauth_clients()])
        return UserGrants(
            consents=consents,
            families=families,
            account_state=next(map(account_state_from_item, found[tables.sessions()]), None),
            clients={client.id: client for client in clients},
        )

    def standing(self, user_id: str, client_id: str, family_id: str) -> Standing:
        """Return the family and what it depends on, in one consistent read of 4 units."""
        consent_key = _consent_key(user_id, client_id)
        family_key = _family_key(user_id, client_id, family_id)
        found = batch_get(
            {
                tables.grants(): [consent_key, family_key],
                tables.sessions(): [account_state_key(user_id)],
                tables.oauth_clients(): [{"id": client_id}],
            }
        )
        grants = {item["id"]: item for item in found[tables.grants()]}
        consent, family = grants.get(consent_key["id"]), grants.get(family_key["id"])
        return Standing(
            None if family is None else _family_from_item(family),
            None if consent is None else _consent_from_item(consent),
            next(map(account_state_from_item, found[tables.sessions()]), None),
            next(map(client_from_item, found[tables.oauth_clients()]), None),
        )

    def authorize(
        self,
        client: OAuthClient,
        session: Session,
        before: Consent | None,
        after: Consent,
        family: Family,
        ended: Sequence[Family],
        ends_session: bool,
    ) -> None:
        """Write consent and family, and delete the `ended` families.

        Raise `StaleVersion` if consent or client changed, and `Unauthorized` if the session ended.
        12 write units, and 2 for each ended family.
        """
        user_id = session.user_id
        is_generation = equals(epoch=session.generation)
        state = account_state_key(user_id)
        active = UserStatus.ACTIVE.value
        is_active = equals(epoch=session.generation, status=active)
        key = session_key(user_id, session.id)
        is_as_read = equals(version=client.version, status=ClientStatus.ACTIVE.value)
        changes: dict[str, Action] = {
            "account state": actions.check(tables.sessions(), state, is_active),
            "session": delete_session(user_id, session.id, is_generation)
            if ends_session
            else actions.check(tables.sessions(), key, is_generation),
            "client": actions.check(tables.oauth_clients(), {"id": client.id}, is_as_read),
            "consent": actions.put(
                tables.grants(),
                _consent_to_item(after),
                absent("id") if before is None else equals(version=before.version),
            ),
            "family": actions.put(tables.grants(), _family_to_item(family), absent("id")),
            **{f"ended#{it.id}": _delete_family(it) for it in ended[:MAX_ENDED]},
        }
        try:
            transactions.write(changes)
        except transactions.ConditionFailed as failed:
            if failed.old.keys() & {"account state", "session"}:
                raise Unauthorized from None
            raise StaleVersion from None

    def exchange(self, family: Family, code_digest: bytes) -> Family | None:
        """Store the exchange of the code, and return the family.

        If the code is spent, return the stored family; None if it ended. 2 write units per KB.

        A transaction, whose token distinguishes a retry after a lost response from a second use.
        """
        item = _family_to_item(family)
        update = actions.update(
            tables.grants(),
            _key_of(family),
            equals(state=FamilyState.CODE.value, code_digest=code_digest),
            sets={name: item[name] for name in _EXCHANGED},
            is_old_returned=True,
        )
        try:
            transactions.write({"family": update})
        except transactions.ConditionFailed as failed:
            stored = failed.old["family"]
            return None if stored is None else _family_from_item(stored)
        return family

    def rotate(self, family: Family, spent: bytes) -> Family | None:
        """Store a refresh and return the family.

        If `spent` is not the current digest, return the stored family, or None. 1 write unit per
        KB.
        """
        client = dynamodb()
        item = _family_to_item(family)
        refresh = family.refresh
        assert refresh is not None
        update = actions.update(
            tables.grants(),
            _key_of(family),
            equals(
                state=FamilyState.LIVE.value,
                current_digest=spent,
                family_digest=refresh.family,
                epoch=family.generation,
            ),
            sets={name: item[name] for name in _ROTATED},
            is_old_returned=True,
        )
        try:
            client.update_item(**update["Update"])
        except client.exceptions.ConditionalCheckFailedException as failed:
            response: Any = failed.response  # botocore's type lacks the item
            return _family_from_item(decode(response["Item"])) if response.get("Item") else None
        return family

    def end(self, family: Family) -> None:
        """Delete the family with its tokens. 2 write units per KB.

        Conditional on its secret, so that a family of the same id that came later stays.
        """
        refresh = family.refresh
        condition = (
            equals(code_digest=family.code_digest)
            if refresh is None
            else equals(family_digest=refresh.family)
        )
        delete = actions.delete(tables.grants(), _key_of(family), condition)
        try:
            transactions.write({"family": delete})
        except transactions.ConditionFailed:
            return

    def end_consent(self, user_id: str, client_id: str) -> bool:
        """Delete the consent, with which all families end; return whether it existed."""
        key = _consent_key(user_id, client_id)
        try:
            transactions.write({"consent": actions.delete(tables.grants(), key, exists("id"))})
        except transactions.ConditionFailed:
            return False
        return True

    def revoke_own(self, client_id: str, token_id: str, expires_at: datetime) -> None:
        """Record a client's own access token as revoked, until it expires. 1 write unit."""
        item = {
            "user_id": client_id,
            "id": f"{_REVOKED}{token_id}",
            "ttl": to_epoch(expires_at),
            "schema_version": SCHEMA_VERSION,
        }
        dynamodb().put_item(TableName=tables.grants(), Item=encode(item))

    def own(self, client_id: str, token_id: str) -> OAuthClient | None:
        """Return the client unless this token of its own is revoked. 2 read units."""
        found = batch_get(
            {
                tables.oauth_clients(): [{"id": client_id}],
                tables.grants(): [{"user_id": client_id, "id": f"{_REVOKED}{token_id}"}],
            }
        )
        if found[tables.grants()]:
            return None
        return next(map(client_from_item, found[tables.oauth_clients()]), None)


def _families(user_id: str, client_id: str) -> Sequence[Family]:
    is_of_client = "user_id = :user AND begins_with(id, :prefix)"
    values = {":user": user_id, ":prefix": f"{_FAMILY}{client_id}#"}
    return [*map(_family_from_item, _query(is_of_client, values))]


def _query(condition: str, values: Item) -> Sequence[Item]:
    """Return the items with these keys, newest first."""
    found: list[Item] = []
    pages = (
        dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=tables.grants(),
            KeyConditionExpression=condition,
            ExpressionAttributeValues=encode(values),
            ScanIndexForward=False,
            ConsistentRead=True,
        )
    )
    for page in pages:
        found += map(decode, page["Items"])
    return found


def _consent_key(user_id: str, client_id: str) -> Item:
    return {"user_id": user_id, "id": f"{_CONSENT}{client_id}"}


def _family_key(user_id: str, client_id: str, family_id: str) -> Item:
    return {"user_id": user_id, "id": f"{_FAMILY}{client_id}#{family_id}"}


def _key_of(family: Family) -> Item:
    return _family_key(family.user_id, family.client_id, family.id)


def _delete_family(family: Family) -> "Action":
    return actions.delete(tables.grants(), _key_of(family))


def _consent_to_item(consent: Consent) -> Item:
    return _consent_key(consent.user_id, consent.client_id) | {
        "grant_id": consent.grant_id,
        "scopes": list(consent.scopes),
        "created_at": to_text(consent.created_at),
        "updated_at": to_text(consent.updated_at),
        "ends_at": to_text(consent.ends_at),
        "ttl": to_epoch(consent.ends_at),
        "version": consent.version,
        "schema_version": SCHEMA_VERSION,
    }


def _consent_from_item(item: Item) -> Consent:
    return Consent(
        user_id=item["user_id"],
        client_id=item["id"].removeprefix(_CONSENT),
        grant_id=item["grant_id"],
        scopes=item["scopes"],
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        ends_at=from_text(item["ends_at"]),
        version=int(item["version"]),
    )


def _family_to_item(family: Family) -> Item:
    refresh = family.refresh
    return _key_of(family) | {
        "client_id": family.client_id,
        "grant_id": family.grant_id,
        "epoch": family.generation,
        "state": family.state.value,
        "scopes": list(family.scopes),
        "code_digest": family.code_digest,
        "challenge": family.code_challenge,
        "redirect_uri": family.redirect_uri,
        "nonce": family.nonce,
        "auth_time": to_text(family.authenticated_at),
        "code_expires_at": to_text(family.code_expires_at),
        "created_at": to_text(family.created_at),
        "family_digest": None if refresh is None else refresh.family,
        "current_digest": None if refresh is None else refresh.current,
        "previous_digest": None if refresh is None else refresh.previous,
        "salt": None if refresh is None else refresh.salt,
        "rotated_at": None if refresh is None else _text_of(refresh.rotated_at),
        "last_used_at": _text_of(family.last_used_at),
        "idle_expires_at": _text_of(family.idle_expires_at),
        "absolute_expires_at": _text_of(family.absolute_expires_at),
        "ttl": to_epoch(family.expires_at),
        "schema_version": SCHEMA_VERSION,
    }


def _family_from_item(item: Item) -> Family:
    def moment(name: str) -> datetime | None:
        return None if item[name] is None else from_text(item[name])

    previous, family = item["previous_digest"], item["family_digest"]
    refresh = None
    if family is not None:
        refresh = RefreshDigests(
            family=bytes(family),
            current=bytes(item["current_digest"]),
            salt=bytes(item["salt"]),
            previous=None if previous is None else bytes(previous),
            rotated_at=moment("rotated_at"),
        )
    return Family(
        user_id=item["user_id"],
        client_id=item["client_id"],
        id=item["id"].rpartition("#")[2],
        grant_id=item["grant_id"],
        generation=int(item["epoch"]),
        state=FamilyState(item["state"]),
        scopes=item["scopes"],
        code_digest=bytes(item["code_digest"]),
        code_challenge=item["challenge"],
        redirect_uri=item["redirect_uri"],
        nonce=item["nonce"],
        authenticated_at=from_text(item["auth_time"]),
        code_expires_at=from_text(item["code_expires_at"]),
        created_at=from_text(item["created_at"]),
        refresh=refresh,
        last_used_at=moment("last_used_at"),
        idle_expires_at=moment("idle_expires_at"),
        absolute_expires_at=moment("absolute_expires_at"),
    )


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
