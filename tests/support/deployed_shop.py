"""The deployed local stack, and people who use it over HTTP, for the tests that count."""

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

# What follows the other tables within a moment, whenever that is.
PROJECTED = {"CountersTable", "SearchTable"}
# What is written when a mail is, whenever that is: tokens, and marks beside requests' records.
MAILED = "RecoveryTokensTable"
MARK = "mail#"
ADMIN_SECONDS = 600.0  # of the 900 for which an access token lives


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and the client that they are logged in with."""

    id: str
    email: str
    http: httpx.Client
    grant: dict[str, Any] = field(repr=False)

    def order(self, *lines: tuple[str, int], key: str | None = None, **more: Any) -> httpx.Response:
        """Orders (product id, quantity) for themselves."""
        items = [{"productId": product, "quantity": quantity} for product, quantity in lines]
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post(
            "/api/users/me/orders", json={"items": items, **more}, headers=headers
        )


class Shop:
    """The API of a deployed stack, and the tables behind it."""

    def __init__(self, stack: LocalStack, faults: FaultProxy) -> None:
        self.stack = stack
        self._faults = faults
        self._seen: tuple[int, dict[str, list[str]]] = (-1, {})
        self.url = stack.url
        self._prefix = httpx.URL(stack.url).path.rstrip("/")
        self.resources = stack.resources()
        self.anonymous = self.client()
        self._dynamodb = stack.client("dynamodb")
        self.log_in_admin()

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        hooks = {"response": [self._check]}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=HANG_SECONDS, event_hooks=hooks
        )

    def _check(self, answer: httpx.Response) -> None:
        """Every answer of every test is as the document says."""
        answer.read()
        contract().check(answer, self._prefix)

    def log_in_admin(self) -> None:
        admin = self.stack.info.admin
        assert admin is not None
        self.admin = self.log_in(admin.email, admin.password)
        self._admin_since = time.monotonic()

    def keep_admin(self) -> None:
        """All tests together may take longer than an access token lives."""
        if time.monotonic() - self._admin_since > ADMIN_SECONDS:
            self.log_in_admin()

    def sign_up(self, **wanted: Any) -> Person:
        body = {"email": new_email(), "name": "Ada Lovelace", "password": PASSWORD} | wanted
        created = self.anonymous.post("/api/users", json=body)
        assert created.status_code == 201, created.text
        return self.log_in(body["email"], body["password"])

    def log_in(self, email: str, password: str = PASSWORD) -> Person:
        answer = self.anonymous.post("/api/sessions", json={"email": email, "password": password})
        assert answer.status_code == 201, answer.text
        grant = answer.json()
        http = self.client(grant["accessToken"])
        return Person(http.get("/api/users/me").json()["id"], email, http, grant)

    def product(self, **wanted: Any) -> dict[str, Any]:
        body = new_product() | wanted
        created = self.admin.http.post("/api/products", json=body)
        assert created.status_code == 201, created.text
        product: dict[str, Any] = created.json()
        return product

    def stock(self, product: dict[str, Any]) -> int | None:
        stock: int | None = self.anonymous.get(f"/api/products/{product['id']}").json()["stock"]
        return stock

    def table(self, name: str) -> list[dict[str, Any]]:
        """Every item of a table, by its logical id in the template."""
        table = self.resources[name]
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def everything(self) -> dict[str, list[str]]:
        """All that is stored, to compare before and after.

        Read anew only where a function may have written since: the tables are large by the end of
        the tests. A test that writes by a client of its own sees that at the next such write.
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
        """What a log-in that fails must leave as it was; the attempt itself is counted."""
        return {name: items for name, items in self.everything().items() if name != "AttemptsTable"}

    def everything_about(self, *ids: str) -> dict[str, list[str]]:
        """The stored items that name one of these ids, while other tests' work goes on."""
        self.written_behind()
        return {
            name: [item for item in items if any(id_ in item for id_ in ids)]
            for name, items in self.everything().items()
        }

    def change(self, table: str, key: dict[str, str], **values: str) -> None:
        """Sets string attributes of an item behind the API's back."""
        self.written_behind()
        self._dynamodb.update_item(
            TableName=self.resources[table],
            Key={name: {"S": value} for name, value in key.items()},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": {"S": v} for name, v in values.items()},
        )

    def written_behind(self) -> None:
        """Somebody other than a function wrote."""
        self._seen = (-1, {})

    def deactivate(self, person: Person) -> None:
        answer = self.admin.http.patch(f"/api/users/{person.id}", json={"status": "inactive"})
        assert answer.status_code == 200, answer.text

    def restart(self, *functions: str) -> None:
        """Moves each function's alias to a new version, so that its next request is cold."""
        for function in functions:
            self._publish(function, Description=str(uuid4()))

    def set_environment(self, function: str, **variables: str) -> None:
        """Gives a function a new version that has these settings, as a deployment would."""
        name = self.resources[function]
        found = self.stack.client("lambda").get_function_configuration(FunctionName=name)
        changed = found["Environment"]["Variables"] | variables
        self._publish(function, Environment={"Variables": changed})

    # Any: what is configured is of many types.
    def _publish(self, function: str, **configuration: Any) -> None:
        lambda_, name = self.stack.client("lambda"), self.resources[function]
        lambda_.update_function_configuration(FunctionName=name, **configuration)
        version = lambda_.publish_version(FunctionName=name)["Version"]
        lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


def gather(times: int, work: Any) -> list[Any]:
    """The results of `work(0)` to `work(times - 1)`, run by as many threads."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


def new_email() -> str:
    return f"ada.{uuid4().hex[:12]}@example.com"


def new_product() -> dict[str, Any]:
    sku = f"PEAR-{uuid4().hex[:12]}"
    return {"sku": sku, "name": "A pear", "price": "19.90", "currency": "EUR", "stock": 10}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, whose shape is the one that every refusal has."""
    error = answer.json()["error"]
    assert error.keys() - {"details"} == {"code", "message", "requestId"}
    assert error["requestId"] == answer.headers["X-Request-Id"]
    return answer.status_code, error["code"]


@pytest.fixture(scope="session")
def faults() -> Iterator[FaultProxy]:
    """What the stack's functions take for AWS, but for the one that mails."""
    yield from _running(FaultProxy(free_port(), upstream_port=free_port()))


@pytest.fixture(scope="session")
def mail_faults(faults: FaultProxy) -> Iterator[FaultProxy]:
    """What that one takes for AWS. A mail is written whenever its event arrives, and a fault that
    is meant for others would let it come minutes later, among others' tests.
    """
    yield from _running(FaultProxy(free_port(), faults.upstream_port))


def _running(proxy: FaultProxy) -> Iterator[FaultProxy]:
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def stack(faults: FaultProxy, mail_faults: FaultProxy) -> Iterator[LocalStack]:
    """The real template, built and deployed on free ports, with IAM enforced."""
    # A home for each process of pytest, so that they have a stack each; TEST_STACK names that of a
    # run beside others.
    name = os.environ.get("PYTEST_XDIST_WORKER") or os.environ.get("TEST_STACK", "alone")
    home = ROOT / ".local" / f"test-{name}"
    with LocalStack(
        home,
        emulator_port=faults.upstream_port,
        seed=seed_admin,
        endpoints={"": faults.url, "SendEmail-": mail_faults.url},
    ) as running:
        # No order is to go on by itself while a test looks.
        running.client("lambda").update_event_source_mapping(
            UUID=running.resources()["ProcessOrders"], Enabled=False
        )
        # A mail that met one test's fault is to be written before another waits for its own.
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
    """Between tests, so that none sees it."""
    if "shop" in request.fixturenames:
        request.getfixturevalue("shop").keep_admin()
