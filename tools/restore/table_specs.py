"""Restore rules by table: the related items of an item, and reasons not to restore it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any  # values of items have many types

from shop.caller import Role
from shop.clock import now, to_text
from shop.dynamo import actions, tables
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.sort_keys import amount_key, shard_key
from shop.identifiers import is_id, new_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.accounts.repository import account_state_key, account_state_to_item
from shop.identity.authenticators.models import Kind
from shop.identity.authenticators.repository import AuthenticatorRepository
from shop.identity.sessions.repository import SessionRepository
from shop.oauth.clients.models import ClientStatus
from shop.orders.models import OrderStatus
from shop.products.models import ProductStatus
from shop.webhooks.models import DisabledReason, EndpointStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Actions = dict[str, Any]  # of a transaction

# A lost item had later versions that are unknown, and its deletion may be published as one.
_VERSION_GAP = 1000
_SKU = "sku#"


class NotRestorable(Exception):
    """The item must not be restored; the message has the reason."""


@dataclass(frozen=True)
class LostItem:
    copied: Item
    live: Item | None


class LiveReader:
    """Consistent reads of live tables, and of the copy of credentials if it exists."""

    def __init__(self, client: "DynamoDBClient", credentials: str | None = None) -> None:
        self._client = client
        self._credentials = credentials

    def get(self, table: str, key: Mapping[str, str]) -> Item | None:
        response = self._client.get_item(TableName=table, Key=encode(key), ConsistentRead=True)
        return decode(response["Item"]) if "Item" in response else None

    def credential(self, email: str) -> Item | None:
        return self.get(tables.credentials(), {"email": email})

    def copied_credential(self, email: str) -> Item | None:
        return self.get(self._credentials, {"email": email}) if self._credentials else None


@dataclass(frozen=True)
class TableSpec:
    """A table with restorable items.

    `name` returns an item's name without personal data, or None for rows that are not compared.
    `deletion_reason` returns why the API may have deleted the item, or None. `actions` returns
    the actions of the transaction that restores it, or raises `NotRestorable`.
    """

    table: Callable[[], str]
    keys: Sequence[str]
    name: Callable[[Item], str | None]
    deletion_reason: Callable[[LiveReader, Item], str | None]
    actions: Callable[[LiveReader, LostItem], Actions]


def _user_name(item: Item) -> str | None:
    name: str = item["id"]
    return name


def _erased_user(reader: LiveReader, copied: Item) -> str | None:
    account_state = reader.get(tables.sessions(), account_state_key(copied["id"]))
    # An erasure disables the account state for a day, then it expires.
    if account_state is None or "ttl" in account_state:
        return "possibly erased by the user"
    return None


def _restore_user(reader: LiveReader, lost: LostItem) -> Actions:
    """Restore a user with the credential and a new session generation.

    Old sessions and recovery links stay invalid.
    """
    copied, live = lost.copied, lost.live or {}
    id_, email = copied["id"], copied["email"]
    account_state = reader.get(tables.sessions(), account_state_key(id_))
    # A role lost or an account disabled since then stays so.
    role = _first_valid(Role, live.get("role"), (account_state or {}).get("role"), copied["role"])
    recorded = (
        None if account_state and "ttl" in account_state else (account_state or {}).get("status")
    )
    status = _first_valid(UserStatus, live.get("status"), recorded, copied["status"])
    item = _with_new_version(lost) | {
        "role": role,
        "status": status,
        "status_shard": shard_key(status, id_),
    }
    actions: Actions = {"user": _put(tables.users(), item, lost.live, "id")}
    actions |= _user_credential(reader, id_, email)
    if live.get("email", email) != email:
        actions |= _delete_credential(reader, id_, live["email"])
    return actions | {
        "account state": _new_account_state(id_, UserStatus(status), Role(role), account_state)
    }


def _user_credential(reader: LiveReader, user_id: str, email: str) -> Actions:
    table, found = tables.credentials(), reader.credential(email)
    if found is None:
        copied = reader.copied_credential(email)
        if copied is None or copied["user_id"] != user_id:
            raise NotRestorable(
                "its credential is lost too: first copy CredentialsTable AT the same time"
            )
        return {"credential": _put(table, copied, None, "email")}
    if found["user_id"] != user_id:
        raise NotRestorable("its email is another user's now")
    return {"credential": _check(table, {"email": email}, {"user_id": user_id})}


def _delete_credential(reader: LiveReader, user_id: str, email: object) -> Actions:
    """Delete the credential of the email that the user had adopted since then."""
    found = reader.credential(email) if isinstance(email, str) and email else None
    if found is None or found["user_id"] != user_id:
        return {}
    check = _check(tables.credentials(), {"email": email}, {"user_id": user_id})
    return {"other credential": {"Delete": check["ConditionCheck"]}}


def _new_account_state(
    user_id: str, status: UserStatus, role: Role, current: Item | None
) -> Actions:
    if current is None:
        sessions, _ = SessionRepository().of_user(user_id)
        generation = max((session.generation for session in sessions), default=0) + 1
        state = AccountState(user_id, generation, status, role, _second_factor(user_id))
        return _put(tables.sessions(), account_state_to_item(state), None, "id")
    item = {name: value for name, value in current.items() if name != "ttl"}
    item |= {"status": status.value, "role": role.value, "epoch": current["epoch"] + 1}
    return _put(tables.sessions(), item, current, "id")


def _credential_name(item: Item) -> str | None:
    name: str = item["user_id"]
    return name


def _restore_credential(reader: LiveReader, lost: LostItem) -> Actions:
    """Restore the credential of a user with the same email.

    Otherwise an old password would open another user's account.
    """
    user = reader.get(tables.users(), {"id": lost.copied["user_id"]})
    if user is None:
        raise NotRestorable(
            "its user is lost too: restore the user from UsersTable, with this credential"
        )
    if user["email"] != lost.copied["email"]:
        raise NotRestorable("its user has another email now")
    key, expected = {"id": user["id"]}, {"email": user["email"]}
    return {
        "credential": _put(tables.credentials(), lost.copied, lost.live, "email"),
        "user": _check(tables.users(), key, expected),
    }


def _account_state_name(item: Item) -> str | None:
    name: str = item["user_id"]
    return name if item["id"] == account_state_key(name)["id"] else None


def _restore_account_state(reader: LiveReader, lost: LostItem) -> Actions:
    """Restore the account state from the current user, in a new session generation.

    An ended session must not become valid again.
    """
    id_ = lost.copied["user_id"]
    user = reader.get(tables.users(), {"id": id_})
    if user is None:
        raise NotRestorable("its user does not exist")
    status, role = UserStatus(user["status"]), Role(user["role"])
    key, expected = {"id": id_}, {"status": user["status"], "role": user["role"]}
    if lost.live is None:
        sessions, _ = SessionRepository().of_user(id_)
        generations = [session.generation for session in sessions]
        generation = max(*generations, int(lost.copied["epoch"]), 0) + 1
        account_state = _put(
            tables.sessions(),
            account_state_to_item(AccountState(id_, generation, status, role, _second_factor(id_))),
            None,
            "id",
        )
    else:
        known = [it["epoch"] for it in (lost.copied, lost.live) if _is_number(it.get("epoch"))]
        item = lost.copied | {"status": status.value, "role": role.value, "epoch": max(known) + 1}
        item.pop("second_factor", None)  # it may have changed since
        second_factor = _second_factor(id_)
        item |= {} if second_factor is None else {"second_factor": second_factor}
        account_state = _put(tables.sessions(), item, lost.live, "id")
    return {"account state": account_state, "user": _check(tables.users(), key, expected)}


def _second_factor(user_id: str) -> str | None:
    """Return the id of the authenticator app of a user, which log-ins need."""
    listed = AuthenticatorRepository().list(user_id)
    return next((it.id for it in listed if it.kind is Kind.TOTP), None)


def _authenticator_name(item: Item) -> str | None:
    """Return the ids of an authenticator; enrolments are not restored."""
    return None if "expires_at" in item else f"{item['user_id']}/{item['id']}"


def _deleted_authenticator(reader: LiveReader, copied: Item) -> str | None:
    """A loss leaves the account with the id of its app; a deletion by the user does not."""
    state = reader.get(tables.sessions(), account_state_key(copied["user_id"]))
    is_lost = state is not None and state.get("second_factor") == copied["id"]
    return None if is_lost else "possibly deleted by the user or reset by an operator"


def _restore_authenticator(reader: LiveReader, lost: LostItem) -> Actions:
    """Restore an authenticator without recovery codes: it is unknown which ones were used.

    An app is only restored while the account needs it.
    """
    copied = lost.copied
    user: Item = {"id": copied["user_id"]}
    if reader.get(tables.users(), user) is None:
        raise NotRestorable("its user does not exist")
    actions: Actions = {"user": _check(tables.users(), user, user)}
    if copied["kind"] == Kind.TOTP:
        state = account_state_key(copied["user_id"])
        found = reader.get(tables.sessions(), state)
        if found is None or found.get("second_factor") != copied["id"]:
            raise NotRestorable("the account does not need it")
        expected = {"second_factor": copied["id"]}
        actions |= {"account state": _check(tables.sessions(), state, expected)}
        copied = copied | {"recovery_codes": {}}
    return actions | {"authenticator": _put(tables.authenticators(), copied, lost.live, "id")}


def _product_name(item: Item) -> str | None:
    name: str = item["id"]
    return name


def _deleted_product(reader: LiveReader, copied: Item) -> str | None:
    """A loss leaves either the product or its SKU item; a deletion by the API leaves neither."""
    if is_id(copied["id"]):
        guard = reader.get(tables.products(), {"id": f"{_SKU}{copied['sku']}"})
        is_lost = guard is not None and guard["product_id"] == copied["id"]
    else:
        is_lost = reader.get(tables.products(), {"id": copied["product_id"]}) is not None
    return None if is_lost else "possibly deleted by an admin"


def _restore_product(reader: LiveReader, lost: LostItem) -> Actions:
    """Restore a product with its SKU item.

    Sales since then are unknown, so the stock is the live one, or 0 until it is counted.
    """
    copied, live = lost.copied, lost.live or {}
    table = tables.products()
    if not is_id(copied["id"]):
        product = reader.get(table, {"id": copied["product_id"]})
        if product is None or f"{_SKU}{product['sku']}" != copied["id"]:
            raise NotRestorable("no product has this SKU")
        check = _check(table, {"id": product["id"]}, {"sku": product["sku"]})
        return {"sku": _put(table, copied, lost.live, "id"), "product": check}
    item = _with_new_version(lost) | {
        "stock": _stock(copied, live),
        "status": _first_valid(ProductStatus, live.get("status"), copied["status"]),
    }
    actions: Actions = {"product": _put(table, item, lost.live, "id")}
    guard_id = f"{_SKU}{copied['sku']}"
    guard = reader.get(table, {"id": guard_id})
    if guard is None:
        row = {"id": guard_id, "product_id": copied["id"], "schema_version": 1}
        actions["sku"] = _put(table, row, None, "id")
    elif guard["product_id"] != copied["id"]:
        raise NotRestorable("its SKU is another product's now")
    else:
        actions["sku"] = _check(table, {"id": guard_id}, {"product_id": copied["id"]})
    if live.get("sku", copied["sku"]) != copied["sku"]:
        other = reader.get(table, {"id": f"{_SKU}{live['sku']}"})
        if other and other["product_id"] == copied["id"]:
            check = _check(table, {"id": other["id"]}, {"product_id": copied["id"]})
            actions["other sku"] = {"Delete": check["ConditionCheck"]}
    return actions


def _stock(copied: Item, live: Item) -> int | Decimal | None:
    if "stock" in live and (live["stock"] is None or _is_count(live["stock"])):
        stock: Decimal | None = live["stock"]
        return stock
    return None if copied["stock"] is None else 0


def _order_name(item: Item) -> str | None:
    return f"{item['user_id']}/{item['id']}"


def _restore_order(reader: LiveReader, lost: LostItem) -> Actions:
    """Restore an order in its current status, since a cancellation returned its stock.

    The note is omitted if the user was erased since then.
    """
    copied, live = lost.copied, lost.live or {}
    owner: Item = {"id": copied["user_id"]}
    is_erased = reader.get(tables.users(), owner) is None
    status = _first_valid(OrderStatus, live.get("status"), copied["status"])
    item = _with_new_version(lost) | {
        "status": status,
        "status_id": f"{status}#{copied['id']}",
        "status_total": f"{status}#{amount_key(copied['total'], copied['id'])}",
        "status_shard": shard_key(status, copied["id"]),
    }
    order = _put(tables.orders(), item | ({"note": None} if is_erased else {}), lost.live, "id")
    return {"order": order} | ({} if is_erased else {"user": _check(tables.users(), owner, owner)})


def _oauth_client_name(item: Item) -> str | None:
    name: str = item["id"]
    return name


def _deleted_oauth_client(_: LiveReader, __: Item) -> str | None:
    return "possibly deleted by an admin"


def _restore_oauth_client(_: LiveReader, lost: LostItem) -> Actions:
    """Restore a client without the secrets of that time, which may have been replaced since."""
    live = lost.live or {}
    item = _with_new_version(lost) | {
        "status": _first_valid(ClientStatus, live.get("status"), lost.copied["status"]),
        "secrets": live.get("secrets", []),
    }
    return {"client": _put(tables.oauth_clients(), item, lost.live, "id")}


def _webhook_endpoint_name(item: Item) -> str | None:
    """Return the id of an endpoint; deliveries are not restored."""
    is_endpoint = item["endpoint_id"] == "endpoints" and is_id(item["id"])
    return str(item["id"]) if is_endpoint else None


def _deleted_webhook_endpoint(_: LiveReader, __: Item) -> str | None:
    return "possibly deleted by an admin"


def _restore_webhook_endpoint(_: LiveReader, lost: LostItem) -> Actions:
    """Restore an endpoint disabled: its secret may have been replaced since."""
    item = _with_new_version(lost) | {
        "status": EndpointStatus.DISABLED.value,
        "disabled_reason": DisabledReason.ADMIN.value,
    }
    del item["request_id"]
    restored: Actions = {"endpoint": _put(tables.webhooks(), item, lost.live, "id")}
    if lost.live is not None:
        return restored
    key = {"endpoint_id": "endpoints", "id": "count"}
    return restored | {"count": actions.update(tables.webhooks(), key, adds={"count": 1})}


def _consent_name(item: Item) -> str | None:
    return f"{item['user_id']}/{item['id']}" if item["id"].startswith("client#") else None


def _deleted_consent(_: LiveReader, __: Item) -> str | None:
    return "possibly ended by the user"


def _restore_consent(reader: LiveReader, lost: LostItem) -> Actions:
    """Restore what a user allows a client, with a new id: tokens under the old one stay invalid."""
    user: Item = {"id": lost.copied["user_id"]}
    client: Item = {"id": lost.copied["id"].removeprefix("client#")}
    for table, key in ((tables.users(), user), (tables.oauth_clients(), client)):
        if reader.get(table, key) is None:
            raise NotRestorable("the user or the client does not exist")
    item = _with_new_version(lost) | {"grant_id": new_id()}
    del item["request_id"]
    return {
        "consent": _put(tables.grants(), item, lost.live, "id"),
        "user": _check(tables.users(), user, user),
        "client": _check(tables.oauth_clients(), client, client),
    }


def _not_deleted(_: LiveReader, __: Item) -> str | None:
    return None


TABLE_SPECS: Mapping[str, TableSpec] = {
    "UsersTable": TableSpec(tables.users, ("id",), _user_name, _erased_user, _restore_user),
    "CredentialsTable": TableSpec(
        tables.credentials, ("email",), _credential_name, _not_deleted, _restore_credential
    ),
    "SessionsTable": TableSpec(
        tables.sessions,
        ("user_id", "id"),
        _account_state_name,
        _not_deleted,
        _restore_account_state,
    ),
    "ProductsTable": TableSpec(
        tables.products, ("id",), _product_name, _deleted_product, _restore_product
    ),
    "OauthClientsTable": TableSpec(
        tables.oauth_clients,
        ("id",),
        _oauth_client_name,
        _deleted_oauth_client,
        _restore_oauth_client,
    ),
    "WebhooksTable": TableSpec(
        tables.webhooks,
        ("endpoint_id", "id"),
        _webhook_endpoint_name,
        _deleted_webhook_endpoint,
        _restore_webhook_endpoint,
    ),
    "AuthenticatorsTable": TableSpec(
        tables.authenticators,
        ("user_id", "id"),
        _authenticator_name,
        _deleted_authenticator,
        _restore_authenticator,
    ),
    "GrantsTable": TableSpec(
        tables.grants, ("user_id", "id"), _consent_name, _deleted_consent, _restore_consent
    ),
    "OrdersTable": TableSpec(
        tables.orders, ("user_id", "id"), _order_name, _not_deleted, _restore_order
    ),
}


def _with_new_version(lost: LostItem) -> Item:
    """Return the copied item with a version above any that clients have seen, and no request id."""
    version = lost.copied["version"] + _VERSION_GAP
    if lost.live is not None and _is_count(lost.live.get("version")):
        version = max(lost.copied["version"], lost.live["version"]) + 1
    return lost.copied | {"version": version, "updated_at": to_text(now()), "request_id": None}


def _first_valid(known: Any, *values: object) -> str:
    """Return the first valid value of an enumeration, since live values may be damaged."""
    return next(str(it) for value in values for it in known if it == value)


def _is_number(value: object) -> bool:
    return isinstance(value, Decimal)


def _is_count(value: object) -> bool:
    return isinstance(value, Decimal) and value >= 0 and value == int(value)


def _put(table: str, item: Item, current: Item | None, key: str) -> Actions:
    put: Actions = {"TableName": table, "Item": encode(item)}
    if current is None:
        return {"Put": put | {"ConditionExpression": f"attribute_not_exists({key})"}}
    return {"Put": put | _unchanged(current)}


def _check(table: str, key: Mapping[str, Any], expected: Item) -> Actions:
    return {"ConditionCheck": {"TableName": table, "Key": encode(key)} | _unchanged(expected)}


def _unchanged(item: Item) -> Actions:
    names = {f"#{number}": name for number, name in enumerate(item)}
    values = {f":{number}": value for number, value in enumerate(item.values())}
    return {
        "ConditionExpression": " AND ".join(f"#{it} = :{it}" for it in range(len(item))),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": encode(values),
    }
