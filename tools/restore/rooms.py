"""What belongs together, table by table: with what an item comes back, and when it must not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any  # an item's values are of any type DynamoDB knows

from shop.caller import Role
from shop.clock import now, to_text
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.sort_keys import amount_key, shard_key
from shop.identifiers import is_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.accounts.repository import account_state_key, account_state_to_item
from shop.identity.sessions.repository import SessionRepository
from shop.orders.models import OrderStatus
from shop.products.models import ProductStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Actions = dict[str, Any]  # of a transaction

# An item that is gone had versions that nobody knows, and its end may have been told as one.
_GAP = 1000
_SKU = "sku#"


class Unfit(Exception):
    """It must not come back, or not like this; the text is for people."""


@dataclass(frozen=True)
class Lost:
    was: Item
    now: Item | None


class Sight:
    """Consistent reads of live tables, and of the copy of credentials if there is one."""

    def __init__(self, client: "DynamoDBClient", credentials: str | None = None) -> None:
        self._client = client
        self._credentials = credentials

    def get(self, table: str, key: Mapping[str, str]) -> Item | None:
        answer = self._client.get_item(TableName=table, Key=encode(key), ConsistentRead=True)
        return decode(answer["Item"]) if "Item" in answer else None

    def credential(self, email: str) -> Item | None:
        return self.get(tables.credentials(), {"email": email})

    def credential_as_it_was(self, email: str) -> Item | None:
        return self.get(self._credentials, {"email": email}) if self._credentials else None


@dataclass(frozen=True)
class Room:
    """A table whose items can be brought back.

    `name` is what people call an item, without anything personal, or None for rows that are not
    compared. `deleted` says why the API itself may have deleted it, if it may. `actions` raises
    `Unfit`.
    """

    table: Callable[[], str]
    keys: Sequence[str]
    name: Callable[[Item], str | None]
    deleted: Callable[[Sight, Item], str | None]
    actions: Callable[[Sight, Lost], Actions]


def _user_name(item: Item) -> str | None:
    name: str = item["id"]
    return name


def _erased(sight: Sight, was: Item) -> str | None:
    account_state = sight.get(tables.sessions(), account_state_key(was["id"]))
    # An erasure shuts the gate for a day, after which it is gone.
    if account_state is None or "ttl" in account_state:
        return "perhaps erased at their own wish"
    return None


def _bring_user(sight: Sight, lost: Lost) -> Actions:
    """With its credential, and a gate of a new epoch: old sessions and links are of no use."""
    was, live = lost.was, lost.now or {}
    id_, email = was["id"], was["email"]
    account_state = sight.get(tables.sessions(), account_state_key(id_))
    # Who lost a role or was shut out since then stays so.
    role = _first_of(Role, live.get("role"), (account_state or {}).get("role"), was["role"])
    told = None if account_state and "ttl" in account_state else (account_state or {}).get("status")
    status = _first_of(UserStatus, live.get("status"), told, was["status"])
    item = _renewed(lost) | {
        "role": role,
        "status": status,
        "status_shard": shard_key(status, id_),
    }
    actions: Actions = {"user": _put(tables.users(), item, lost.now, "id")}
    actions |= _credential_of(sight, id_, email)
    if live.get("email", email) != email:
        actions |= _without_credential(sight, id_, live["email"])
    return actions | {"gate": _new_gate(id_, UserStatus(status), Role(role), account_state)}


def _credential_of(sight: Sight, user_id: str, email: str) -> Actions:
    table, found = tables.credentials(), sight.credential(email)
    if found is None:
        was = sight.credential_as_it_was(email)
        if was is None or was["user_id"] != user_id:
            raise Unfit("its credential is gone too: restore CredentialsTable AT the same time")
        return {"credential": _put(table, was, None, "email")}
    if found["user_id"] != user_id:
        raise Unfit("its address is another user's by now")
    return {"credential": _check(table, {"email": email}, {"user_id": user_id})}


def _without_credential(sight: Sight, user_id: str, email: object) -> Actions:
    """The address that it had got since then is free again."""
    found = sight.credential(email) if isinstance(email, str) and email else None
    if found is None or found["user_id"] != user_id:
        return {}
    check = _check(tables.credentials(), {"email": email}, {"user_id": user_id})
    return {"other credential": {"Delete": check["ConditionCheck"]}}


def _new_gate(user_id: str, status: UserStatus, role: Role, now: Item | None) -> Actions:
    if now is None:
        sessions, _ = SessionRepository().of_user(user_id)
        epoch = max((session.generation for session in sessions), default=0) + 1
        item = account_state_to_item(AccountState(user_id, epoch, status, role))
        return _put(tables.sessions(), item, None, "id")
    item = {name: value for name, value in now.items() if name != "ttl"}
    item |= {"status": status.value, "role": role.value, "epoch": now["epoch"] + 1}
    return _put(tables.sessions(), item, now, "id")


def _credential_name(item: Item) -> str | None:
    name: str = item["user_id"]
    return name


def _bring_credential(sight: Sight, lost: Lost) -> Actions:
    """Of a user who has that address still, or an old password would open another's account."""
    user = sight.get(tables.users(), {"id": lost.was["user_id"]})
    if user is None:
        raise Unfit("its user is gone too: bring that back from UsersTable, and this with it")
    if user["email"] != lost.was["email"]:
        raise Unfit("its user has another address by now")
    key, wanted = {"id": user["id"]}, {"email": user["email"]}
    return {
        "credential": _put(tables.credentials(), lost.was, lost.now, "email"),
        "user": _check(tables.users(), key, wanted),
    }


def _gate_name(item: Item) -> str | None:
    name: str = item["user_id"]
    return name if item["id"] == account_state_key(name)["id"] else None


def _bring_gate(sight: Sight, lost: Lost) -> Actions:
    """As the user is now, in a new epoch: a session that was ended must not live again."""
    id_ = lost.was["user_id"]
    user = sight.get(tables.users(), {"id": id_})
    if user is None:
        raise Unfit("its user is gone")
    status, role = UserStatus(user["status"]), Role(user["role"])
    key, wanted = {"id": id_}, {"status": user["status"], "role": user["role"]}
    if lost.now is None:
        sessions, _ = SessionRepository().of_user(id_)
        epochs = [session.generation for session in sessions]
        epoch = max(*epochs, int(lost.was["epoch"]), 0) + 1
        account_state = _put(
            tables.sessions(),
            account_state_to_item(AccountState(id_, epoch, status, role)),
            None,
            "id",
        )
    else:
        known = [it["epoch"] for it in (lost.was, lost.now) if _is_number(it.get("epoch"))]
        item = lost.was | {"status": status.value, "role": role.value, "epoch": max(known) + 1}
        account_state = _put(tables.sessions(), item, lost.now, "id")
    return {"gate": account_state, "user": _check(tables.users(), key, wanted)}


def _product_name(item: Item) -> str | None:
    name: str = item["id"]
    return name


def _taken_off(sight: Sight, was: Item) -> str | None:
    """A loss leaves one of a product and the guard of its SKU; a deletion leaves neither."""
    if is_id(was["id"]):
        guard = sight.get(tables.products(), {"id": f"{_SKU}{was['sku']}"})
        is_lost = guard is not None and guard["product_id"] == was["id"]
    else:
        is_lost = sight.get(tables.products(), {"id": was["product_id"]}) is not None
    return None if is_lost else "perhaps deleted by an admin"


def _bring_product(sight: Sight, lost: Lost) -> Actions:
    """With the guard of its SKU. What was sold since then is not known: stock is as it is now,
    or 0 until somebody counts.
    """
    was, live = lost.was, lost.now or {}
    table = tables.products()
    if not is_id(was["id"]):
        product = sight.get(table, {"id": was["product_id"]})
        if product is None or f"{_SKU}{product['sku']}" != was["id"]:
            raise Unfit("it guards the SKU of no product")
        check = _check(table, {"id": product["id"]}, {"sku": product["sku"]})
        return {"sku": _put(table, was, lost.now, "id"), "product": check}
    item = _renewed(lost) | {
        "stock": _stock(was, live),
        "status": _first_of(ProductStatus, live.get("status"), was["status"]),
    }
    actions: Actions = {"product": _put(table, item, lost.now, "id")}
    guard_id = f"{_SKU}{was['sku']}"
    guard = sight.get(table, {"id": guard_id})
    if guard is None:
        row = {"id": guard_id, "product_id": was["id"], "schema_version": 1}
        actions["sku"] = _put(table, row, None, "id")
    elif guard["product_id"] != was["id"]:
        raise Unfit("its SKU is another product's by now")
    else:
        actions["sku"] = _check(table, {"id": guard_id}, {"product_id": was["id"]})
    if live.get("sku", was["sku"]) != was["sku"]:
        other = sight.get(table, {"id": f"{_SKU}{live['sku']}"})
        if other and other["product_id"] == was["id"]:
            check = _check(table, {"id": other["id"]}, {"product_id": was["id"]})
            actions["other sku"] = {"Delete": check["ConditionCheck"]}
    return actions


def _stock(was: Item, live: Item) -> int | Decimal | None:
    if "stock" in live and (live["stock"] is None or _is_count(live["stock"])):
        stock: Decimal | None = live["stock"]
        return stock
    return None if was["stock"] is None else 0


def _order_name(item: Item) -> str | None:
    return f"{item['user_id']}/{item['id']}"


def _bring_order(sight: Sight, lost: Lost) -> Actions:
    """In the status that it has got since: a cancelled order's stock was given back.

    Without its note if the user was erased since.
    """
    was, live = lost.was, lost.now or {}
    owner: Item = {"id": was["user_id"]}
    is_erased = sight.get(tables.users(), owner) is None
    status = _first_of(OrderStatus, live.get("status"), was["status"])
    item = _renewed(lost) | {
        "status": status,
        "status_id": f"{status}#{was['id']}",
        "status_total": f"{status}#{amount_key(was['total'], was['id'])}",
        "status_shard": shard_key(status, was["id"]),
    }
    order = _put(tables.orders(), item | ({"note": None} if is_erased else {}), lost.now, "id")
    return {"order": order} | ({} if is_erased else {"user": _check(tables.users(), owner, owner)})


def _never(_: Sight, __: Item) -> str | None:
    return None


ROOMS: Mapping[str, Room] = {
    "UsersTable": Room(tables.users, ("id",), _user_name, _erased, _bring_user),
    "CredentialsTable": Room(
        tables.credentials, ("email",), _credential_name, _never, _bring_credential
    ),
    "SessionsTable": Room(tables.sessions, ("user_id", "id"), _gate_name, _never, _bring_gate),
    "ProductsTable": Room(tables.products, ("id",), _product_name, _taken_off, _bring_product),
    "OrdersTable": Room(tables.orders, ("user_id", "id"), _order_name, _never, _bring_order),
}


def _renewed(lost: Lost) -> Item:
    """A version that is higher than any that somebody has seen, and nobody's request."""
    version = lost.was["version"] + _GAP
    if lost.now is not None and _is_count(lost.now.get("version")):
        version = max(lost.was["version"], lost.now["version"]) + 1
    return lost.was | {"version": version, "updated_at": to_text(now()), "request_id": None}


def _first_of(known: Any, *values: object) -> str:
    """The first that is one of an enumeration, since what is there may be garbled."""
    return next(str(it) for value in values for it in known if it == value)


def _is_number(value: object) -> bool:
    return isinstance(value, Decimal)


def _is_count(value: object) -> bool:
    return isinstance(value, Decimal) and value >= 0 and value == int(value)


def _put(table: str, item: Item, as_compared: Item | None, key: str) -> Actions:
    put: Actions = {"TableName": table, "Item": encode(item)}
    if as_compared is None:
        return {"Put": put | {"ConditionExpression": f"attribute_not_exists({key})"}}
    return {"Put": put | _is_still(as_compared)}


def _check(table: str, key: Mapping[str, Any], wanted: Item) -> Actions:
    return {"ConditionCheck": {"TableName": table, "Key": encode(key)} | _is_still(wanted)}


def _is_still(item: Item) -> Actions:
    names = {f"#{number}": name for number, name in enumerate(item)}
    values = {f":{number}": value for number, value in enumerate(item.values())}
    return {
        "ConditionExpression": " AND ".join(f"#{it} = :{it}" for it in range(len(item))),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": encode(values),
    }
