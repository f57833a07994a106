"""The export of personal data is complete, and after an erasure only ids are left."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from shop.dynamo.codec import decode
from shop.http.list_queries import write_cursor
from shop.identifiers import new_id
from tests.e2e.test_oauth import exchange
from tests.support.deployed_shop import Person, Shop, error_of
from tests.support.fault_proxy import QUEUES, FaultProxy, service_error
from tests.support.fixtures import PASSWORD
from tests.support.passkeys import new_challenge
from tests.support.recovery_tokens import reset_request_limits
from tests.support.sam_template import resources
from tests.support.second_factors import enrol
from tests.support.sent_emails import NEW_ADDRESS, ORDERED, RESET, WELCOME, Mail
from tests.support.software_authenticator import SoftwareAuthenticator
from tests.support.table_tools import run
from tests.support.waiting import eventually
from tests.support.webhook_receiver import Receiver, Webhooks, running_webhooks

EXPORTED = "Your personal data was exported"
NEW_PASSWORD = "a longer walk by the river"

# Any: items, documents and leaves are of many types.
type Json = dict[str, Any]

# Tables whose rows name no user, with the reason.
NAMELESS: Mapping[str, str] = {
    "AttemptsTable": "its keys are digests; `about` has them under `rateLimits`",
    "OauthClientsTable": "applications belong to the shop, and name no admin",
    "ProductsTable": "the catalogue belongs to the shop",
}
# The kinds of rows that name a user. A new table or kind needs a row of `STATED`.
KINDS: Mapping[str, Set[str]] = {
    "AuthenticatorsTable": {"authenticator", "enrolment", "passkey"},
    "CountersTable": {"counted"},
    "CredentialsTable": {"credential"},
    "GrantsTable": {"consent", "family"},
    "IdempotencyTable": {"response"},
    "OrdersTable": {"order", "summary"},
    "RecoveryTokensTable": {"link"},
    "SearchTable": {"gram"},
    "SessionsTable": {"account state", "session"},
    "UsersTable": {"user"},
    "WebhooksTable": {"delivery", "endpoint"},
}
# The kinds of rows that an erasure leaves, with ids
KEPT = {"account state", "counted", "delivery", "endpoint", "order", "summary"}
# Attributes of a row of search that is being written
TRANSIENT = {f"search_writes.{name}" for name in ("writer", "until", "texts")}
# Rows that only mention a user: of their attributes, those that name the user count.
MENTIONS = {"delivery", "endpoint"}
# Every attribute of these rows: the paths of its values in the export, or after `about:` the
# category that gives the user the reason why the export omits it.
STATED: Mapping[str, Mapping[str, str]] = {
    "user": {
        "id": "user.id",
        "email": "user.email",
        "name": "user.name",
        "status": "user.status",
        "role": "user.role",
        "email_verified": "user.emailVerified",
        "created_at": "user.createdAt",
        "updated_at": "user.updatedAt",
        "password_changed_at": "user.passwordChangedAt",
        "former_emails.email": "user.formerEmails",
        "former_emails.version": "about:records",
        "version": "about:records",
        "request_id": "about:records",
        "schema_version": "about:records",
        "status_shard": "about:records",
        "name_key": "about:records",
        "email_key": "about:records",
    },
    "credential": {
        "email": "user.email",
        "user_id": "subject",
        "password_hash": "about:password",
        "schema_version": "about:records",
    },
    "session": {
        "user_id": "subject",
        "id": "sessions.id",
        "created_at": "sessions.createdAt",
        "last_used_at": "sessions.lastUsedAt",
        "idle_expires_at": "sessions.expiresAt",
        "user_agent": "sessions.userAgent",
        "ip_address": "sessions.ipAddress",
        "absolute_expires_at": "about:tokens",
        "family_digest": "about:tokens",
        "current_digest": "about:tokens",
        "previous_digest": "about:tokens",
        "salt": "about:tokens",
        "rotated_at": "about:tokens",
        "epoch": "about:records",
        "ttl": "about:records",
        "schema_version": "about:records",
    },
    "account state": {
        "user_id": "subject",
        "status": "user.status",
        "role": "user.role",
        "second_factor": "authenticators.id",
        "id": "about:records",
        "epoch": "about:records",
        "schema_version": "about:records",
    },
    "authenticator": {
        "user_id": "subject",
        "id": "authenticators.id",
        "kind": "authenticators.kind",
        "name": "authenticators.name",
        "created_at": "authenticators.createdAt",
        "last_used_at": "authenticators.lastUsedAt",
        "recovery_codes": "about:secondFactor",
        "salt": "about:secondFactor",
        "last_step": "about:secondFactor",
        "schema_version": "about:records",
    },
    "passkey": {
        "user_id": "subject",
        "id": "authenticators.id",
        "kind": "authenticators.kind",
        "name": "authenticators.name",
        "created_at": "authenticators.createdAt",
        "last_used_at": "authenticators.lastUsedAt",
        "credential_id": "about:passkeys",
        "public_key": "about:passkeys",
        "algorithm": "about:passkeys",
        "counter": "about:passkeys",
        "backup_eligible": "about:passkeys",
        "backed_up": "about:passkeys",
        "schema_version": "about:records",
    },
    "enrolment": {
        "user_id": "subject",
        "name": "about:secondFactor",
        "salt": "about:secondFactor",
        "id": "about:records",
        "kind": "about:records",
        "created_at": "about:records",
        "last_used_at": "about:records",
        "last_step": "about:records",
        "expires_at": "about:records",
        "ttl": "about:records",
        "schema_version": "about:records",
    },
    "consent": {
        "user_id": "subject",
        "scopes": "grants.scopes",
        "created_at": "grants.createdAt",
        "updated_at": "grants.updatedAt",
        "ends_at": "grants.expiresAt",
        "id": "about:records",
        "grant_id": "about:records",
        "version": "about:records",
        "ttl": "about:records",
        "schema_version": "about:records",
    },
    "family": {
        "user_id": "subject",
        "client_id": "appSessions.clientId",
        "scopes": "appSessions.scopes",
        "redirect_uri": "appSessions.redirectUri",
        "nonce": "appSessions.nonce",
        "auth_time": "appSessions.authenticatedAt",
        "created_at": "appSessions.createdAt",
        "last_used_at": "appSessions.lastUsedAt",
        "idle_expires_at": "appSessions.expiresAt",
        "absolute_expires_at": "about:tokens",
        "challenge": "about:tokens",
        "code_digest": "about:tokens",
        "code_expires_at": "about:tokens",
        "family_digest": "about:tokens",
        "current_digest": "about:tokens",
        "previous_digest": "about:tokens",
        "salt": "about:tokens",
        "rotated_at": "about:tokens",
        "id": "about:records",
        "grant_id": "about:records",
        "state": "about:records",
        "epoch": "about:records",
        "ttl": "about:records",
        "schema_version": "about:records",
    },
    "order": {
        "user_id": "orders.userId",
        "id": "orders.id",
        "status": "orders.status",
        "currency": "orders.currency",
        "total": "orders.total",
        "lines.product_id": "orders.items.productId",
        "lines.sku": "orders.items.sku",
        "lines.name": "orders.items.name",
        "lines.unit_price": "orders.items.unitPrice",
        "lines.quantity": "orders.items.quantity",
        "note": "orders.note",
        "created_at": "orders.createdAt",
        "updated_at": "orders.updatedAt",
        "lines.taken": "about:records",
        "version": "about:records",
        "request_id": "about:records",
        "schema_version": "about:records",
        "status_id": "about:records",
        "status_total": "about:records",
        "status_shard": "about:records",
    },
    "summary": {
        "user_id": "subject",
        "id": "about:records",
        "pending": "about:records",
        "schema_version": "about:records",
    },
    "response": {
        "answer": "about:recordedResponses",
        "digest": "about:recordedResponses",
        "expires_at": "about:recordedResponses",
        "id": "about:recordedResponses",
        "schema_version": "about:recordedResponses",
        "ttl": "about:recordedResponses",
        "user_id": "about:recordedResponses",
    },
    "link": {
        "user_id": "subject",
        "email": "user.email or user.formerEmails",
        "digest": "about:tokens",
        "purpose": "about:tokens",
        "epoch": "about:tokens",
        "expires_at": "about:tokens",
        "ttl": "about:tokens",
        "schema_version": "about:tokens",
    },
    "counted": {
        **dict.fromkeys(TRANSIENT, "about:search"),
        "id": "about:search",
        "status": "about:search",
        "texts": "about:search",
        "version": "about:search",
        "schema_version": "about:search",
    },
    "gram": {
        "gram": "about:search",
        "user_id": "about:search",
        "status": "about:search",
        "texts": "about:search",
        "schema_version": "about:search",
    },
    "endpoint": {
        "created_by": "about:administration",
    },
    "delivery": {
        "body": "about:events",
    },
}


class Row(NamedTuple):
    kind: str
    item: Json

    def leaves(self) -> Iterator[tuple[str, Any]]:
        """Yield the attributes; digests of recovery codes are names in a map."""
        for path, value in _leaves("", self.item):
            is_digest = path.startswith("recovery_codes.")
            yield ("recovery_codes", path) if is_digest else (path, value)


def kind_of(table: str, item: Json) -> str:
    """Return the kind of a row that names a user."""
    match table:
        case "SessionsTable":
            return "account state" if item["id"] == "gate" else "session"
        case "OrdersTable":
            return "summary" if item["id"] == "summary" else "order"
        case "GrantsTable":
            return "consent" if item["id"].startswith("client#") else "family"
        case "AuthenticatorsTable":
            if item["kind"] == "passkey":
                return "passkey"
            return "enrolment" if "expires_at" in item else "authenticator"
        case "WebhooksTable":
            return "endpoint" if item["endpoint_id"] == "endpoints" else "delivery"
    (kind,) = KINDS[table]
    return kind


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values of an item or a document that are no containers, by path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(path, inner)
    else:
        yield path, value


def nameless_rows_of(shop: Shop, *names: str) -> Sequence[Json]:
    """Return the rows that contain one of these names and are in tables that should have none."""
    return [
        item
        for table in NAMELESS
        for item in map(decode, shop.table(table))
        if any(name in str(item).lower() for name in names)
    ]


def rows_of(shop: Shop, *names: str) -> Sequence[Row]:
    """Return the rows of all tables that contain one of these names."""
    return [
        Row(kind_of(table, item), item)
        for table in KINDS
        for item in map(decode, shop.table(table))
        if any(name in str(item).lower() for name in names)
    ]


def export(person: Person, user_id: str = "me") -> Json:
    response = person.http.get(f"/api/users/{user_id}/personal-data")
    assert response.status_code == 200, response.text
    document: Json = response.json()
    return document


@pytest.fixture(scope="module")
def webhooks(shop: Shop) -> Iterator[Webhooks]:
    with running_webhooks(shop) as running:
        yield running


class Life(NamedTuple):
    """A user with rows in all tables, and a marker in every text that the user chose."""

    person: Person
    marker: str
    names: Sequence[str]


@pytest.fixture(scope="module")
def life(shop: Shop, webhooks: Webhooks) -> Life:
    marker, mail, receiver = f"marker{uuid4().hex}", Mail(shop), Receiver()
    shop.webhook_endpoint(url=receiver.url)
    person = shop.sign_up(email=f"{marker}@example.com", name=f"Ada {marker}")
    _order(shop, person, marker)
    _become_admin_for_a_while(shop, person)
    person = _move(shop, person, marker)
    _turn_second_factor_on(shop, person, marker)
    _use_a_passkey(shop, person, marker)
    _sign_in_to_an_app(shop, person, marker)
    moved = person.email
    reset_request_limits(shop)
    reset = {"email": moved}
    assert shop.anonymous.post("/api/password-resets", json=reset).status_code == 202
    for address, subject in (
        (f"{marker}@example.com", WELCOME),
        (f"{marker}@example.com", ORDERED),
        (f"{marker}@example.com", NEW_ADDRESS),
        (moved, RESET),
    ):
        assert mail.to(address, subject), subject
    mail.wait_until_idle()
    webhooks.wait_until_idle()
    receiver.close()
    names = (marker, person.id)
    assert eventually(lambda: {row.kind for row in rows_of(shop, *names)} == STATED.keys())
    return Life(person, marker, names)


def _order(shop: Shop, person: Person, marker: str) -> None:
    line = [{"productId": shop.product()["id"], "quantity": 1}]
    for client, key in ((person.http, f"own-{marker}"), (shop.admin.http, f"admin-{marker}")):
        placed = client.post(
            f"/api/users/{person.id}/orders",
            json={"items": line, "note": f"note {marker}"},
            headers={"Idempotency-Key": key},
        )
        assert placed.status_code == 201, placed.text


def _become_admin_for_a_while(shop: Shop, person: Person) -> None:
    path = f"/api/users/{person.id}"
    assert shop.admin.http.patch(path, json={"role": "admin"}).status_code == 200
    created = shop.log_in(person.email).http.post(
        "/api/webhook-endpoints",
        json={"url": "https://orders.example.com/", "eventTypes": ["order.placed"]},
    )
    assert created.status_code == 201, created.text
    assert shop.admin.http.patch(path, json={"role": "customer"}).status_code == 200


def _move(shop: Shop, person: Person, marker: str) -> Person:
    """Change email and password; return the user with a new login from a browser of its own."""
    moved = {"email": f"new.{marker}@example.com", "currentPassword": PASSWORD}
    person = shop.log_in(person.email)
    assert person.http.patch("/api/users/me", json=moved).status_code == 200
    passwords = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    assert person.http.put("/api/users/me/password", json=passwords).status_code == 204
    body = {"email": moved["email"], "password": NEW_PASSWORD}
    agent = {"User-Agent": f"agent {marker}"}
    grant = shop.anonymous.post("/api/sessions", json=body, headers=agent).json()
    return Person(person.id, moved["email"], shop.client(grant["accessToken"]), grant)


def _turn_second_factor_on(shop: Shop, person: Person, marker: str) -> None:
    """Confirm an app, and leave another enrolment, as of a concurrent request."""
    app = enrol(person, name=f"phone {marker}", currentPassword=NEW_PASSWORD)
    (row,) = [it for it in shop.table("AuthenticatorsTable") if it["id"]["S"] == app.id]
    path = f"/api/authenticators/{app.id}"
    assert person.http.put(path, json={"code": app.code()}).status_code == 200
    shop.stack.client("dynamodb").put_item(
        TableName=shop.resources["AuthenticatorsTable"], Item=row | {"id": {"S": new_id()}}
    )


def _use_a_passkey(shop: Shop, person: Person, marker: str) -> None:
    device = SoftwareAuthenticator()
    body = device.register(new_challenge(shop), f"passkey {marker}")
    assert person.http.post("/api/passkeys", json=body).status_code == 201
    body = device.log_in(new_challenge(shop), person.id)
    assert shop.anonymous.post("/api/passkey-sessions", json=body).status_code == 201


def _sign_in_to_an_app(shop: Shop, person: Person, marker: str) -> None:
    app = shop.oauth_client(name="Robot")
    code = person.authorize(app, nonce=marker)["code"]
    assert exchange(shop, app, code).status_code == 200


def values_at(document: Json, paths: str) -> set[Any]:
    return {value for path, value in _leaves("", document) if path in paths.split(" or ")}


def is_shown(value: Any, shown: Set[Any]) -> bool:
    """Return whether the export has the value: amounts and numbers are decimals in the table."""
    if isinstance(value, Decimal):
        return any(value == Decimal(it) for it in shown)
    return value in shown


def test_every_table_has_a_statement() -> None:
    assert resources("AWS::DynamoDB::Table").keys() == KINDS.keys() | NAMELESS.keys()
    assert set().union(*KINDS.values()) == STATED.keys()


def test_every_stored_attribute_is_exported_or_explained(shop: Shop, life: Life) -> None:
    document = export(life.person)
    omitted = {it["data"] for it in document["about"] if it["omitted"] is not None}
    found: dict[str, set[str]] = {}
    lacking = []
    assert nameless_rows_of(shop, *life.names) == []
    for row in rows_of(shop, *life.names):
        for attribute, value in row.leaves():
            if row.kind in MENTIONS and not any(it in str(value) for it in life.names):
                continue
            found.setdefault(row.kind, set()).update({attribute} - TRANSIENT)
            stated = STATED[row.kind].get(attribute, "")
            if not stated.startswith("about:") and not is_shown(value, values_at(document, stated)):
                lacking.append((row.kind, attribute, value))

    assert lacking == []
    assert found == {kind: {*attributes} - TRANSIENT for kind, attributes in STATED.items()}
    reasons = {it for attributes in STATED.values() for it in attributes.values()}
    assert {it.removeprefix("about:") for it in reasons if it.startswith("about:")} <= omitted


def test_export_names_the_hosts_that_receive_the_data(shop: Shop, life: Life) -> None:
    about = {it["data"]: it["recipients"] for it in export(life.person)["about"]}

    assert about["user"] == ["127.0.0.1"]
    assert about["orders"] == ["127.0.0.1", "orders.example.com"]
    assert not any(hosts for data, hosts in about.items() if data not in ("user", "orders"))


def test_later_page_has_orders_only(shop: Shop, life: Life) -> None:
    cursor = write_cursor(f"personal data of {life.person.id}", life.person.id)

    page = life.person.http.get("/api/users/me/personal-data", params={"cursor": cursor}).json()

    first = export(life.person)
    assert page == {
        "format": first["format"],
        "exportedAt": page["exportedAt"],
        "subject": life.person.id,
        **dict.fromkeys(("user", "sessions", "authenticators", "grants", "appSessions", "about")),
        "orders": first["orders"],
        "meta": {"nextCursor": None},
    }


def test_export_is_a_file_that_no_cache_stores(life: Life) -> None:
    response = life.person.http.get("/api/users/me/personal-data")

    name = f"personal-data-{life.person.id}.json"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response.headers["Cache-Control"] == "no-store"


def test_cursor_of_another_user_is_rejected(shop: Shop, life: Life) -> None:
    cursor = write_cursor(f"personal data of {life.person.id}", life.person.id)

    response = shop.sign_up().http.get("/api/users/me/personal-data", params={"cursor": cursor})

    assert error_of(response) == (400, "BAD_REQUEST")


def test_exports_of_a_day_send_one_email(shop: Shop) -> None:
    mail, day, admin = Mail(shop), None, shop.sign_up()
    shop.make_admin(admin)
    admin = shop.log_in(admin.email)
    while day != (today := datetime.now(UTC).date()):  # midnight allows one more email
        day, person = today, shop.sign_up()
        for client in (person, person, admin):
            export(client, person.id)
    (first,) = mail.to(person.email, EXPORTED)

    mail.wait_until_idle()

    assert mail.to(person.email, EXPORTED) == [first]
    assert not mail.to(admin.email, EXPORTED, count=0)


def test_export_by_an_admin_is_audited(shop: Shop) -> None:
    person, stranger = shop.sign_up(), shop.sign_up()
    path = f"/api/users/{person.id}/personal-data"
    export(person)
    assert error_of(stranger.http.get(path)) == (403, "FORBIDDEN")
    sent = shop.admin.http.get(path)
    unknown = shop.admin.http.get(f"/api/users/{new_id()}/personal-data")
    ids = [it.headers["X-Request-Id"] for it in (sent, unknown)]

    def audited() -> list[Json]:
        lines = [it for it in Mail(shop).log_lines() if it["message"] == "admin action"]
        return [it for it in lines if "personal-data" in it["action"]]

    assert eventually(lambda: {it["request_id"] for it in audited()} >= {*ids})
    lines = [it for it in audited() if it["request_id"] in ids]
    assert [(it["actor"], it["outcome"]) for it in lines] == [
        (shop.admin.id, 200),
        (shop.admin.id, 404),
    ]
    assert lines[0]["subject"] == {"user_id": person.id}
    assert not {person.id, stranger.id} & {it["actor"] for it in audited()}


def test_operator_exports_the_pages_into_one_file(shop: Shop, life: Life, tmp_path: Path) -> None:
    def export_to_file(user_id: str) -> "subprocess.CompletedProcess[str]":
        return run(shop, "tools.personal_data", user_id, "--folder", str(tmp_path))

    done, unknown = export_to_file(life.person.id.upper()), export_to_file(new_id())

    file = tmp_path / f"personal-data-{life.person.id}.json"
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{file}: 2 orders\n"
    assert file.stat().st_mode & 0o777 == 0o600
    document, by_api = json.loads(file.read_text()), export(life.person)
    assert document | {"exportedAt": ""} == by_api | {"exportedAt": ""}
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "There is no user" in unknown.stderr
    assert [*tmp_path.iterdir()] == [file]
    logs = shop.stack.client("logs").filter_log_events(
        logGroupName=f"/{shop.stack.deployment.stack_name}/ops", logStreamNames=["by-hand"]
    )
    written = [json.loads(it["message"]) for it in logs["events"]]
    lines = [it for it in written if it["action"] == "personal-data"]
    assert [it["outcome"] for it in lines] == ["begun", "done", "begun", "NotFound"]
    assert lines[0]["subject"] == {"user_id": life.person.id}


def test_export_fails_if_the_email_cannot_be_requested(shop: Shop, faults: FaultProxy) -> None:
    person = shop.sign_up()

    with faults.on(service_error("ServiceUnavailable"), "SendMessage", service=QUEUES):
        response = person.http.get("/api/users/me/personal-data")

    assert error_of(response) == (503, "SERVICE_UNAVAILABLE")


def test_erasure_leaves_ids_only(shop: Shop, webhooks: Webhooks, life: Life) -> None:
    """The last test of this user."""
    assert life.person.http.delete("/api/users/me").status_code == 204

    assert eventually(lambda: not rows_of(shop, life.marker)), rows_of(shop, life.marker)
    Mail(shop).wait_until_idle()
    webhooks.wait_until_idle()
    assert nameless_rows_of(shop, *life.names) == []
    left = rows_of(shop, *life.names)
    assert not any(life.marker in str(row).lower() for row in left)
    assert {row.kind for row in left} == KEPT
    assert all(row.item["note"] is None for row in left if row.kind == "order")
    response = shop.admin.http.get(f"/api/users/{life.person.id}/personal-data")
    assert error_of(response) == (404, "NOT_FOUND")
