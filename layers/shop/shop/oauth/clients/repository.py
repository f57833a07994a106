"""OAuth clients in DynamoDB."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text, to_text
from shop.dynamo import actions, records, tables, transactions
from shop.dynamo.actions import absent, equals
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import IndexQuery, KeyRange
from shop.errors import Forbidden
from shop.idempotency import Record
from shop.identifiers import is_id
from shop.identity.accounts.admin_check import CALLER, check_admin
from shop.oauth.clients.models import (
    ClientSecret,
    ClientStatus,
    ClientType,
    GrantType,
    OAuthClient,
)
from shop.pagination import IndexPage, PageRequest
from shop.retries import StaleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    type Actions = dict[str, Action]

SCHEMA_VERSION = 1


class OAuthClientRepository:
    def find_record(self, idempotency_key: str | None) -> Record | None:
        return records.find_record(idempotency_key)

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        return records.find_committed_record(idempotency_key)

    def add(self, client: OAuthClient, record: Record | None, by_admin: str | None) -> None:
        """Write client and record.

        4 write units for each KB and for the index, and 2 for the admin and each KB of the record.
        """
        item = client_to_item(client)
        put = actions.put(tables.oauth_clients(), item, absent("id"))
        _write({**check_admin(by_admin), "client": put, **records.put(record)})

    def get(self, client_id: str) -> OAuthClient | None:
        """Return the client, or None. 1 read unit."""
        # Strangers send any text; DynamoDB rejects keys that are empty or over 2,048 bytes.
        if not is_id(client_id):
            return None
        response = dynamodb().get_item(
            TableName=tables.oauth_clients(), Key=encode({"id": client_id}), ConsistentRead=True
        )
        return client_from_item(decode(response["Item"])) if "Item" in response else None

    def list(
        self, statuses: Sequence[ClientStatus], page_request: PageRequest, is_descending: bool
    ) -> IndexPage[OAuthClient]:
        """Return a page of clients by creation time.

        Half a read unit for each client, and one for each 8 KB of the index's keys.
        """
        ranges = [KeyRange(status) for status in statuses]
        return _BY_ID.page(ranges, page_request, is_descending, lambda it: it.status in statuses)

    def save(self, before: OAuthClient, after: OAuthClient, by_admin: str | None) -> None:
        """Write the changes. 2 write units for each KB, 2 for the admin, and 4 for a new status."""
        item = client_to_item(after)
        sets = {name: value for name, value in item.items() if name not in _UNCHANGED}
        is_current = equals(version=before.version)
        update = actions.update(tables.oauth_clients(), {"id": before.id}, is_current, sets=sets)
        _write({**check_admin(by_admin), "client": update})

    def delete(self, client: OAuthClient, by_admin: str | None) -> None:
        """Delete the client. 4 write units, and 2 for the admin."""
        is_current = equals(version=client.version)
        delete = actions.delete(tables.oauth_clients(), {"id": client.id}, is_current)
        _write({**check_admin(by_admin), "client": delete})


_UNCHANGED = {"id", "type", "created_at", "schema_version"}


def client_to_item(client: OAuthClient) -> Item:
    return {
        "id": client.id,
        "name": client.name,
        "type": client.type.value,
        "homepage": client.homepage,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": [grant_type.value for grant_type in client.grant_types],
        "scopes": list(client.scopes),
        "status": client.status.value,
        "secrets": [
            {"id": it.id, "digest": it.digest, "created_at": to_text(it.created_at)}
            for it in client.secrets
        ],
        "created_at": to_text(client.created_at),
        "updated_at": to_text(client.updated_at),
        "version": client.version,
        "deactivated_at": None if client.deactivated_at is None else to_text(client.deactivated_at),
        "schema_version": SCHEMA_VERSION,
    }


def client_from_item(item: Item) -> OAuthClient:
    return OAuthClient(
        id=item["id"],
        name=item["name"],
        type=ClientType(item["type"]),
        homepage=item["homepage"],
        redirect_uris=item["redirect_uris"],
        grant_types=[GrantType(it) for it in item["grant_types"]],
        scopes=item["scopes"],
        status=ClientStatus(item["status"]),
        secrets=[
            ClientSecret(it["id"], bytes(it["digest"]), from_text(it["created_at"]))
            for it in item["secrets"]
        ],
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        version=int(item["version"]),
        deactivated_at=_time_or_none(item["deactivated_at"]),
    )


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


_BY_ID = IndexQuery(tables.oauth_clients, "status", "id", client_from_item, "by_id", ("id",))


def _write(changes: "Actions") -> None:
    try:
        transactions.write(changes)
    except transactions.ConditionFailed as failed:
        raise (Forbidden if CALLER in failed.old else StaleVersion) from None
