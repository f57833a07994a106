"""Valid requests to every route, and the responses expected while a dependency fails."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from tests.routes import expected_of
from tests.support.deployed_shop import CODE_VERIFIER, Person, Shop, error_of
from tests.support.fault_proxy import service_error
from tests.support.log_groups import Logs
from tests.support.passkeys import DeployedPasskeys, new_challenge
from tests.support.route_requests import Account, sent_by
from tests.support.sam_template import functions, resources
from tests.support.second_factors import enrol
from tests.support.software_authenticator import SoftwareAuthenticator

type Send = Callable[[], httpx2.Response]


def uses_tables(function: str) -> bool:
    """Return whether a policy allows an action on a table."""
    policies = resources("AWS::Serverless::Function")[function].get("Policies", [])
    return "dynamodb:" in json.dumps(policies)


# Routes of functions that may use a table.
ROUTES = sorted(it.route for it in functions() if it.route and uses_tables(it.name))
THROTTLED = service_error("ThrottlingException")
# Details of a failure that no response may contain.
INTERNALS = re.compile(
    r"boto|aws|amazon|arn:|dynamo|sqs|secretsmanager|ssm|table|throttl|injected|exception|traceback"
    r"|shop-local|127\.0\.0\.1|denied|credential",
    re.IGNORECASE,
)


def requests(shop: Shop, admin: Person, routes: list[str]) -> list[Send]:
    """Return one valid request for each of these routes."""
    known = shop.stack.info.admin
    assert known is not None
    product = shop.product()
    order = admin.order((product["id"], 1)).json()["id"]
    ids = {"userId": "me", "productId": product["id"], "orderId": order, "sessionId": "current"}
    ids["token"] = "x" * 43  # well-formed: only the database can reject it
    client = shop.oauth_client()
    ids |= {"clientId": client["id"], "document": "openid-configuration"}
    shop.delete_webhook_endpoints()
    ids |= {"endpointId": shop.webhook_endpoint()["id"], "version": "1"}
    account = Account(
        known.email,
        admin.grant["refreshToken"],
        [product["id"]],
        client["id"],
        client["secret"],
        DeployedPasskeys(shop),
        known.password,
        "admin",
    )

    app = shop.client(_token_of_app(shop, admin, client))
    app.get("/oauth/userinfo").raise_for_status()  # so that the gateway has cached the verdict

    device = SoftwareAuthenticator()
    passkey = admin.http.post("/api/passkeys", json=device.register(new_challenge(shop)))
    enrolment = enrol(admin, currentPassword=known.password)

    def request(route: str) -> Send:
        method, path = route.split(" ")
        # An enrolment is confirmed, and not listed for a deletion.
        authenticator = enrolment.id if method == "PUT" else passkey.json()["id"]
        path = path.replace("{authenticatorId}", authenticator)
        expected = expected_of(route)
        sender = app if expected.is_for_apps else shop.anonymous if expected.form else admin.http
        for name, value in ids.items():
            path = path.replace(f"{{{name}}}", value)
        sent = sent_by(route, account)
        return lambda: sender.request(method, path, **sent)

    return [request(route) for route in routes]


def _token_of_app(shop: Shop, person: Person, client: dict[str, Any]) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": person.authorize(client)["code"],
        "code_verifier": CODE_VERIFIER,
    }
    credentials = (client["id"], client["secret"])
    token: str = shop.anonymous.post("/oauth/token", data=form, auth=credentials).json()[
        "access_token"
    ]
    return token


def assert_retryable_503(response: httpx2.Response) -> None:
    assert response.status_code == 503, (
        response.request.method,
        response.request.url,
        response.text,
    )
    assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
    assert int(response.headers["Retry-After"]) > 0
    assert not INTERNALS.search(response.text), response.text


def assert_no_lambda_timeout(logs: Logs, responses: Sequence[httpx2.Response]) -> None:
    """Assert that functions wrote all responses: Lambda leaves no log line after a timeout."""
    logged_ids = {line["request_id"] for line in logs.lines("request", message="request")}
    for response in responses:
        assert response.headers["X-Request-Id"] in logged_ids, response.request.url


def assert_authorizer_failed_by_itself(shop: Shop, logs: Logs) -> None:
    """Assert that the authorizer logged one failure by itself; its events have no request id."""
    name = shop.resources["Authorizer"]
    (line,) = logs.lines("milliseconds", function_name=name)
    assert line["message"] == "failed"
