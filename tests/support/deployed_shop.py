"""The deployed local stack or another deployment, and clients with accounts that use it."""

import json
import os
import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4
from weakref import WeakKeyDictionary

import httpx2
import jwt
import pytest

from shop.dynamo.codec import decode
from shop.identity.keys.signing_keys import KeySet
from tests.support.fault_proxy import FaultProxy
from tests.support.fixtures import PASSWORD
from tests.support.openapi_contract import Broken, contract
from tests.support.permission_records import keep
from tests.support.request_rate import RequestRate
from tests.support.sam_template import ROOT
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.clients import CREDENTIALS
from tools.local_cloud.free_port import free_port
from tools.local_cloud.seed import seed_admin
from tools.local_cloud.stack import Admin, LocalStack

# Read models, updated asynchronously after the other tables.
PROJECTED = {"CountersTable", "SearchTable"}
# Written asynchronously with an email: tokens, and delivery marks beside idempotency records.
MAILED = "RecoveryTokensTable"
MARK = "mail#"
EMAILS = "SendEmails"  # the mapping from the queue to the email worker
READER_OF_EMAILS = "tests.support.sent_emails"
# Half of the age that sensitive changes accept, a third of the lifetime of an access token.
LOGIN_SECONDS = 300.0
MAX_LIST_DELAY = 5.0  # seconds; lists are eventually consistent
ORDER_STATUSES = ("pending", "processing", "completed", "cancelled")
# JSON of the admin's email and password, for `pytest --deployed URL`.
ADMIN_VARIABLE = "SHOP_ADMIN"
ORIGIN_VARIABLE = "SHOP_ORIGIN"  # an origin of the deployment's AllowedOrigins
LOCAL_ORIGIN = "http://localhost:3000"
REDIRECT_URI = "https://robot.example/callback"
CODE_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # of RFC 7636, appendix B
CODE_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
# For all clients: each would load the certificates again, which takes 20 ms.
TLS = httpx2.create_ssl_context()
# Resources that `DeployedShop.everything` reads. Two watched resources suffice for most tests.
MAX_WATCHED = 8
NEWEST = [
    f"/api/{it}sort=-createdAt&limit={2 * MAX_WATCHED}"
    for it in ("users?", "products?", "products?status=inactive&", "orders?")
]


@dataclass(frozen=True, eq=False)
class Person:
    """A user with an account and a logged-in client, and the grant of the last login."""

    id: str
    email: str
    http: httpx2.Client
    grant: dict[str, Any] = field(repr=False)

    def authorize(self, client: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Consent to a request of an OAuth client; return the redirect's parameters."""
        body = {
            "clientId": client["id"],
            "redirectUri": client["redirectUris"][0],
            "responseType": "code",
            "scope": "openid orders:read",
            "codeChallenge": CODE_CHALLENGE,
            "codeChallengeMethod": "S256",
            "consent": "given",
        } | fields
        response = self.http.post("/api/authorizations", json=body)
        assert response.status_code == 200, response.text
        return dict(parse_qsl(urlsplit(response.json()["redirectTo"]).query))

    def order(
        self, *lines: tuple[str, int], key: str | None = None, **more: Any
    ) -> httpx2.Response:
        """Place an order of (product id, quantity) lines for this user."""
        items = [{"productId": product, "quantity": quantity} for product, quantity in lines]
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post(
            "/api/users/me/orders", json={"items": items, **more}, headers=headers
        )


class DeployedShop:
    """The API of a deployment, known by its URL and an admin's login."""

    def __init__(
        self,
        url: str,
        admin: Admin,
        rate: RequestRate | None = None,
        origin: str = LOCAL_ORIGIN,
    ) -> None:
        self.url = url.rstrip("/")
        self.admin_account = admin
        self.origin = origin
        self.rate = rate
        self._prefix = httpx2.URL(url).path.rstrip("/")
        self._watched: deque[str] = deque(maxlen=MAX_WATCHED)
        self._logins: WeakKeyDictionary[Person, tuple[str, float]] = WeakKeyDictionary()
        self.anonymous = self.client()
        self.log_in_admin()

    def client(self, token: str | None = None) -> httpx2.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx2.Client(
            base_url=self.url,
            headers=headers,
            timeout=HANG_SECONDS,
            verify=TLS,
            event_hooks={"request": [self._pause], "response": [self._check]},
        )

    def _pause(self, request: httpx2.Request) -> None:
        if self.rate is not None:
            self.rate.wait(request.method, request.url.path.removeprefix(self._prefix))

    def _check(self, response: httpx2.Response) -> None:
        """Check every response of every test against the OpenAPI document."""
        response.read()
        contract().check(response, self._prefix)
        # Tests read links as paths below the base URL, which may have a stage.
        if link := response.headers.get("Link"):
            response.headers["Link"] = re.sub(
                "<([^>]*)>", lambda it: f"<{self._path(it[1])}>", link
            )
        if response.status_code == 201 and "Location" in response.headers:
            path = self._path(response.headers["Location"])
            response.headers["Location"] = path
            self._watched.append(path.replace("/me/", f"/{response.json().get('userId')}/"))

    def _path(self, target: str) -> str:
        if not target.startswith(f"{self._prefix}/"):
            raise Broken(f"{target} does not work as sent: it lacks {self._prefix}")
        return target.removeprefix(self._prefix)

    def log_in_admin(self) -> None:
        self.admin = self.log_in(self.admin_account.email, self.admin_account.password)

    def keep_logged_in(self) -> None:
        """Log in again who logged in a while ago: a run may take longer than a token lives."""
        for person, (password, since) in list(self._logins.items()):
            if time.monotonic() - since > LOGIN_SECONDS:
                del self._logins[person]
                response = self._log_in(person.email, password)
                # A test may have changed the password, or deleted the account.
                if response.status_code == 201:
                    person.grant.update(response.json())
                    token = person.grant["accessToken"]
                    person.http.headers["Authorization"] = f"Bearer {token}"
                    self._logins[person] = password, time.monotonic()

    def issuer(self) -> str:
        """Return the issuer of access tokens, a parameter of the deployment."""
        claims = jwt.decode(self.admin.grant["accessToken"], options={"verify_signature": False})
        return str(claims["iss"])

    def signing_key(self) -> str | None:
        """Return None: the API shows no private key."""
        return None

    def is_address(self, text: str) -> bool:
        """Return whether this can be the address of the tests' client."""
        return bool(ip_address(text))

    @property
    def url_of_issuer(self) -> str:
        """Return the issuer of OAuth tokens: the URL of the API."""
        return str(self.anonymous.base_url).rstrip("/")

    def sign_up(self, **fields: Any) -> Person:
        body = {"email": new_email(), "name": "Ada Lovelace", "password": PASSWORD} | fields
        created = self.anonymous.post("/api/users", json=body)
        assert created.status_code == 201, created.text
        return self.log_in(body["email"], body["password"])

    def log_in(self, email: str, password: str = PASSWORD) -> Person:
        since = time.monotonic()
        response = self._log_in(email, password)
        assert response.status_code == 201, response.text
        grant = response.json()
        claims = jwt.decode(grant["accessToken"], options={"verify_signature": False})
        person = Person(claims["sub"], email, self.client(grant["accessToken"]), grant)
        self._logins[person] = password, since
        return person

    def _log_in(self, email: str, password: str) -> httpx2.Response:
        return self.anonymous.post("/api/sessions", json={"email": email, "password": password})

    def oauth_client(self, **fields: Any) -> dict[str, Any]:
        """Register a client, by default one with a secret and all grants, in `secret`."""
        body = {
            "name": "Invoice robot",
            "type": "confidential",
            "redirectUris": [REDIRECT_URI],
            "grantTypes": ["authorization_code", "refresh_token", "client_credentials"],
            "scopes": ["openid", "profile", "email", "orders:read", "admin:orders:read"],
        } | fields
        created = self.admin.http.post("/api/oauth-clients", json=body)
        assert created.status_code == 201, created.text
        client: dict[str, Any] = created.json()
        if client["type"] == "confidential":
            path = f"/api/oauth-clients/{client['id']}/secrets"
            client["secret"] = self.admin.http.post(path, json={"keepPrevious": False}).json()[
                "secret"
            ]
        return client

    def webhook_endpoint(self, **fields: Any) -> dict[str, Any]:
        """Create an endpoint, with its secret; on a local stack it receives nothing."""
        body = {"url": "https://hooks.example.com/in", "eventTypes": ["*"]} | fields
        created = self.admin.http.post("/api/webhook-endpoints", json=body)
        assert created.status_code == 201, created.text
        endpoint: dict[str, Any] = created.json()
        return endpoint

    def delete_webhook_endpoints(self) -> None:
        """Delete all endpoints: their number is limited."""
        for endpoint in self.admin.http.get("/api/webhook-endpoints").json()["data"]:
            path = f"/api/webhook-endpoints/{endpoint['id']}"
            self.admin.http.delete(path).raise_for_status()

    def product(self, **fields: Any) -> dict[str, Any]:
        body = new_product() | fields
        created = self.admin.http.post("/api/products", json=body)
        assert created.status_code == 201, created.text
        product: dict[str, Any] = created.json()
        return product

    def stock(self, product: dict[str, Any]) -> int | None:
        stock: int | None = self.anonymous.get(f"/api/products/{product['id']}").json()["stock"]
        return stock

    def everything(self) -> dict[str, list[str]]:
        """Return all that the API shows of new resources, to compare before and after.

        These are the last `MAX_WATCHED` created users, products and orders, and the newest ids of
        each list. The API shows no credentials, sessions of others or idempotency records.
        """
        watched = list(self._watched)
        read = gather(len(watched), lambda n: self.admin.http.get(watched[n])) if watched else []
        shown = {it.json()["id"]: it.text for it in read if it.status_code == 200}
        gone = {path.rpartition("/")[2] for path in watched} - shown.keys()
        eventually(lambda: shown.keys() <= self._listed(), MAX_LIST_DELAY)
        return {
            "resources": list(shown.values()),
            "newest": sorted(self._listed() - gone),
        }

    def _listed(self) -> set[str]:
        """Return the ids at the start of every list, newest first."""
        lists = gather(len(NEWEST), lambda n: self.admin.http.get(NEWEST[n]))
        return {row["id"] for found in lists for row in found.json()["data"]}

    def everything_but_attempts(self) -> dict[str, list[str]]:
        """Return `everything`: the API shows no failed logins."""
        return self.everything()

    def assert_orders_are_counted(self) -> None:
        """Assert that the lists of watched orders' owners, by status, have exact totals."""
        for owner in {path.rpartition("/")[0] for path in self._watched if "/orders/" in path}:
            for status in ORDER_STATUSES:
                query = {"status": status, "limit": "100"}
                found = self.admin.http.get(owner, params=query).json()
                assert min(found["meta"]["total"], 100) == len(found["data"])
                assert {order["status"] for order in found["data"]} <= {status}

    def delete_other_admins(self) -> None:
        """Delete all admins but the run's own."""
        others, query = [], {"limit": "100"}
        while True:
            found = self.admin.http.get("/api/users", params=query).json()
            others += [it["id"] for it in found["data"] if it["role"] == "admin"]
            if found["meta"]["nextCursor"] is None:
                break
            query["cursor"] = found["meta"]["nextCursor"]
        for id_ in others:
            if id_ != self.admin.id:
                self.admin.http.delete(f"/api/users/{id_}").raise_for_status()
        # Fuzzing creates so many resources that those of earlier tests are not the newest.
        self._watched.clear()

    def make_admin(self, person: Person) -> None:
        """Make a user an admin for a new login."""
        changed = self.admin.http.patch(f"/api/users/{person.id}", json={"role": "admin"})
        assert changed.status_code == 200, changed.text

    def forget_attempts(self) -> None:
        """Do nothing: failed logins expire after 15 minutes."""

    def deactivate(self, person: Person) -> None:
        response = self.admin.http.patch(f"/api/users/{person.id}", json={"status": "inactive"})
        assert response.status_code == 200, response.text


class Shop(DeployedShop):
    """The API of the local stack and the tables behind it."""

    stack: LocalStack
    resources: dict[str, str]  # physical ids by logical id

    def __init__(self, stack: LocalStack, faults: FaultProxy) -> None:
        self.stack = stack
        self._faults = faults
        self.resources = stack.resources() | stack.resources("-operations")
        self._seen: dict[str, tuple[int, list[str]]] = {}
        self._dynamodb = stack.client("dynamodb")
        self._scans = httpx2.Client(
            base_url=stack.emulator.endpoint,
            headers={
                # The emulator does not check the signature of its root.
                "Authorization": "AWS4-HMAC-SHA256 Credential="
                f"{CREDENTIALS['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/dynamodb/aws4_request",
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "DynamoDB_20120810.Scan",
            },
            timeout=HANG_SECONDS,
            verify=TLS,
        )
        assert stack.info.admin is not None
        super().__init__(stack.url, stack.info.admin)

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return every item of a table, named by its logical id in the template."""
        table = self.resources[name]
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def everything(self) -> dict[str, list[str]]:
        """Return all stored items, to compare before and after.

        Those of a table are cached until a function writes there, since scans get slow late in a
        run. A direct write of a test shows up after `drop_cached_items`.
        """
        for name, table in self.resources.items():
            if name.endswith("Table") and name not in PROJECTED | {MAILED}:
                writes = self._faults.writes[table]
                if name not in self._seen or self._seen[name][0] != writes:
                    self._seen[name] = (
                        writes,
                        sorted(json.dumps(row, sort_keys=True) for row in self._scanned(table)),
                    )
        return {name: items for name, (_, items) in self._seen.items()}

    def _scanned(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield a table's items as in the JSON, which takes a tenth of the time of the SDK."""
        query: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
        while True:
            page = self._scans.post("/", json=query).raise_for_status().json()
            yield from (
                row for row in page["Items"] if not row.get("id", {}).get("S", "").startswith(MARK)
            )
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

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
        self._seen.clear()

    def issuer(self) -> str:
        return "shop-local"

    def signing_key(self) -> str | None:
        """Return the private key of new access tokens, as PEM."""
        secret = self.stack.client("secretsmanager").get_secret_value(
            SecretId=self.resources["SigningKeysSecret"]
        )
        return KeySet.from_secret(secret["SecretString"]).current.pem

    def is_address(self, text: str) -> bool:
        return text == "127.0.0.1"

    def assert_orders_are_counted(self) -> None:
        """Assert that the rows of orders, their list keys and summaries agree."""
        rows = [decode(item) for item in self.table("OrdersTable")]
        orders = [row for row in rows if row["id"] != "summary"]
        counted = {
            (row["user_id"], status): row[status]
            for row in rows
            for status in ORDER_STATUSES
            if row["id"] == "summary" and row.get(status)
        }
        assert counted == Counter((order["user_id"], order["status"]) for order in orders)
        for order in orders:
            status = order["status"]
            assert order["status_id"] == f"{status}#{order['id']}"
            assert order["status_total"].startswith(f"{status}#")
            assert order["status_shard"].startswith(f"{status}#")

    def make_admin(self, person: Person) -> None:
        """Make a user an admin for a new login, and leave the number of admins as it is."""
        self.change("SessionsTable", {"user_id": person.id, "id": "gate"}, role="admin")

    def forget_attempts(self) -> None:
        """Delete the counts of failed logins."""
        for attempt in self.table("AttemptsTable"):
            self._dynamodb.delete_item(
                TableName=self.resources["AttemptsTable"], Key={"digest": attempt["digest"]}
            )
        self.drop_cached_items()

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


def error_of(response: httpx2.Response) -> tuple[int, str]:
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
        # No order may start processing, and no webhook be sent, during another test.
        for mapping in ("ProcessOrders", "SendWebhooksSource", EMAILS):
            _enable(running, mapping, False)
        # An email that met a fault is redelivered before the next test waits for its own.
        running.client("sqs").set_queue_attributes(
            QueueUrl=running.resources()["EmailsToSend"], Attributes={"VisibilityTimeout": "30"}
        )
        yield running
        keep(running)


def _enable(stack: LocalStack, mapping: str, is_enabled: bool) -> None:
    stack.client("lambda").update_event_source_mapping(
        UUID=stack.resources()[mapping], Enabled=is_enabled
    )


@pytest.fixture(scope="module", autouse=True)
def email_worker(request: pytest.FixtureRequest) -> Iterator[None]:
    """Send emails only during the files that read them: they are half of the work of a sign-up."""
    is_local = request.config.getoption("--deployed") is None
    if not is_local or READER_OF_EMAILS not in {
        getattr(it, "__module__", "") for it in vars(request.module).values()
    }:
        yield
        return
    stack: LocalStack = request.getfixturevalue("stack")
    queue = stack.resources()["EmailsToSend"]
    stack.client("sqs").purge_queue(QueueUrl=queue)
    _enable(stack, EMAILS, True)
    yield
    _enable(stack, EMAILS, False)


@pytest.fixture(scope="session")
def shop(request: pytest.FixtureRequest) -> DeployedShop:
    """The local stack's API and tables, or with `--deployed` a deployment's API alone."""
    url = request.config.getoption("--deployed")
    if url is not None:
        admin = Admin(**json.loads(os.environ[ADMIN_VARIABLE]))
        origin = os.environ.get(ORIGIN_VARIABLE, LOCAL_ORIGIN)
        return DeployedShop(url, admin, RequestRate(), origin)
    # Not as arguments: by its fixtures, a test shows whether it needs more than the API.
    stack, faults = request.getfixturevalue("stack"), request.getfixturevalue("faults")
    shop = Shop(stack, faults)
    faults.aside = {shop.resources[name] for name in PROJECTED}
    return shop


@pytest.fixture(autouse=True)
def everyone_stays_logged_in(request: pytest.FixtureRequest) -> None:
    """Renew logins between tests, never during one."""
    if "shop" in request.fixturenames:
        request.getfixturevalue("shop").keep_logged_in()
