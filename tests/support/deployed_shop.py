"""The deployed local stack, and clients with accounts that use it over HTTP."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.fixtures import PASSWORD
from tests.support.openapi_contract import contract
from tests.support.permission_records import keep
from tests.support.sam_template import ROOT
from tests.support.waiting import HANG_SECONDS
from tools.local_cloud.free_port import free_port
from tools.local_cloud.seed import seed_admin
from tools.local_cloud.stack import LocalStack

# Read models, updated asynchronously after the other tables.
PROJECTED = {"CountersTable", "SearchTable"}
# Written asynchronously with an email: tokens, and delivery marks beside idempotency records.
MAILED = "RecoveryTokensTable"
MARK = "mail#"
ADMIN_SECONDS = 600.0  # of the access token's 900 s


@dataclass(frozen=True)
class Person:
    """A user with an account and a logged-in client."""

    id: str
    email: str
    http: httpx.Client
    grant: dict[str, Any] = field(repr=False)

    def order(self, *lines: tuple[str, int], key: str | None = None, **more: Any) -> httpx.Response:
        """Place an order of (product id, quantity) lines for this user."""
        items = [{"productId": product, "quantity": quantity} for product, quantity in lines]
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post(
            "/api/users/me/orders", json={"items": items, **more}, headers=headers
        )


class Shop:
    """The API of a deployed stack and the tables behind it."""

    def __init__(self, stack: LocalStack, faults: FaultProxy) -> None:
        self.stack = stack
        self._faults = faults
        self._seen: tuple[int, dict[str, list[str]]] = (-1, {})
        self.url = stack.url
        self._prefix = httpx.URL(stack.url).path.rstrip("/")
        self.resources = stack.resources() | stack.resources("-operations")
        self.anonymous = self.client()
        self._dynamodb = stack.client("dynamodb")
        self.log_in_admin()

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        hooks = {"response": [self._check]}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=HANG_SECONDS, event_hooks=hooks
        )

    def _check(self, response: httpx.Response) -> None:
        """Check every response of every test against the OpenAPI document."""
        response.read()
        contract().check(response, self._prefix)

    def log_in_admin(self) -> None:
        admin = self.stack.info.admin
        assert admin is not None
        self.admin = self.log_in(admin.email, admin.password)
        self._admin_since = time.monotonic()

    def keep_admin(self) -> None:
        """Log the admin in again before the access token expires: the whole run takes longer."""
        if time.monotonic() - self._admin_since > ADMIN_SECONDS:
            self.log_in_admin()

    def sign_up(self, **fields: Any) -> Person:
        body = {"email": new_email(), "name": "Ada Lovelace", "password": PASSWORD} | fields
        created = self.anonymous.post("/api/users", json=body)
        assert created.status_code == 201, created.text
        return self.log_in(body["email"], body["password"])

    def log_in(self, email: str, password: str = PASSWORD) -> Person:
        response = self.anonymous.post("/api/sessions", json={"email": email, "password": password})
        assert response.status_code == 201, response.text
        grant = response.json()
        http = self.client(grant["accessToken"])
        return Person(http.get("/api/users/me").json()["id"], email, http, grant)

    def product(self, **fields: Any) -> dict[str, Any]:
        body = new_product() | fields
        created = self.admin.http.post("/api/products", json=body)
        assert created.status_code == 201, created.text
        product: dict[str, Any] = created.json()
        return product

    def stock(self, product: dict[str, Any]) -> int | None:
        stock: int | None = self.anonymous.get(f"/api/products/{product['id']}").json()["stock"]
        return stock

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return every item of a table, named by its logical id in the template."""
        table = self.resources[name]
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def everything(self) -> dict[str, list[str]]:
        """Return all stored items, to compare before and after.

        The result is cached until a function writes, since scans get slow late in a run. A direct
        write of a test shows up after the next write of a function, or after `drop_cached_items`.
        """
        writes = self._faults.writes
        if writes != self._seen[0]:
            found = {
                name: sorted(
                    str(sorted(row.items()))
                    for row in self.table(name)
                    if not row.get("id", {}).get("S", "").startswith(MARK)
                )
                for name in self.resources
                if name.endswith("Table") and name not in PROJECTED | {MAILED}
            }
            self._seen = (writes, found)
        return self._seen[1]

    def everything_but_attempts(self) -> dict[str, list[str]]:
        """Return all items except attempts: a failed login may change only those."""
        return {name: items for name, items in self.everything().items() if name != "AttemptsTable"}

    def everything_about(self, *ids: str) -> dict[str, list[str]]:
        """Return the stored items that contain one of these ids, unaffected by parallel tests."""
        self.drop_cached_items()
        return {
            name: [item for item in items if any(id_ in item for id_ in ids)]
            for name, items in self.everything().items()
        }

    def change(self, table: str, key: dict[str, str], **values: str) -> None:
        """Set string attributes of an item directly in its table."""
        self.drop_cached_items()
        self._dynamodb.update_item(
            TableName=self.resources[table],
            Key={name: {"S": value} for name, value in key.items()},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": {"S": v} for name, v in values.items()},
        )

    def drop_cached_items(self) -> None:
        """Drop the cached items after a write that no function made."""
        self._seen = (-1, {})

    def deactivate(self, person: Person) -> None:
        response = self.admin.http.patch(f"/api/users/{person.id}", json={"status": "inactive"})
        assert response.status_code == 200, response.text

    def restart(self, *functions: str) -> None:
        """Move each function's alias to a new version, so that its next request is a cold start."""
        for function in functions:
            self._publish(function, Description=str(uuid4()))

    def set_environment(self, function: str, **variables: str) -> None:
        """Publish a version with changed environment variables, as a deployment does."""
        name = self.resources[function]
        found = self.stack.client("lambda").get_function_configuration(FunctionName=name)
        changed = found["Environment"]["Variables"] | variables
        self._publish(function, Environment={"Variables": changed})

    # Any: configuration values have many types.
    def _publish(self, function: str, **configuration: Any) -> None:
        lambda_, name = self.stack.client("lambda"), self.resources[function]
        lambda_.update_function_configuration(FunctionName=name, **configuration)
        version = lambda_.publish_version(FunctionName=name)["Version"]
        lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


def gather(times: int, work: Any) -> list[Any]:
    """Return the results of `work(0)` to `work(times - 1)`, run in as many threads."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


def new_email() -> str:
    return f"ada.{uuid4().hex[:12]}@example.com"


def new_product() -> dict[str, Any]:
    sku = f"PEAR-{uuid4().hex[:12]}"
    return {"sku": sku, "name": "A pear", "price": "19.90", "currency": "EUR", "stock": 10}


def error_of(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of an error response, and check the common error format."""
    error = response.json()["error"]
    assert error.keys() - {"details"} == {"code", "message", "requestId"}
    assert error["requestId"] == response.headers["X-Request-Id"]
    return response.status_code, error["code"]


@pytest.fixture(scope="session")
def faults() -> Iterator[FaultProxy]:
    """The proxy that all functions except the email worker use as AWS."""
    yield from _running(FaultProxy(free_port(), upstream_port=free_port()))


@pytest.fixture(scope="session")
def mail_faults(faults: FaultProxy) -> Iterator[FaultProxy]:
    """The proxy that the email worker uses as AWS.

    Emails are sent asynchronously, so a fault of another test could delay them by minutes.
    """
    yield from _running(FaultProxy(free_port(), faults.upstream_port))


def _running(proxy: FaultProxy) -> Iterator[FaultProxy]:
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def stack(faults: FaultProxy, mail_faults: FaultProxy) -> Iterator[LocalStack]:
    """Build and deploy the real template on free ports, with IAM enforced."""
    # Each pytest process has its own stack; TEST_STACK names it for runs in parallel.
    name = os.environ.get("PYTEST_XDIST_WORKER") or os.environ.get("TEST_STACK", "alone")
    home = ROOT / ".local" / f"test-{name}"
    with LocalStack(
        home,
        emulator_port=faults.upstream_port,
        seed=seed_admin,
        endpoints={"": faults.url, "SendEmail": mail_faults.url},
    ) as running:
        # No order may start processing during another test.
        running.client("lambda").update_event_source_mapping(
            UUID=running.resources()["ProcessOrders"], Enabled=False
        )
        # An email that met a fault is redelivered before the next test waits for its own.
        running.client("sqs").set_queue_attributes(
            QueueUrl=running.resources()["EmailsToSend"], Attributes={"VisibilityTimeout": "30"}
        )
        yield running
        keep(running)


@pytest.fixture(scope="session")
def shop(stack: LocalStack, faults: FaultProxy) -> Shop:
    shop = Shop(stack, faults)
    faults.aside = {shop.resources[name] for name in PROJECTED}
    return shop


@pytest.fixture(autouse=True)
def admin_stays_logged_in(request: pytest.FixtureRequest) -> None:
    """Renew the admin's login between tests, never during one."""
    if "shop" in request.fixturenames:
        request.getfixturevalue("shop").keep_admin()
