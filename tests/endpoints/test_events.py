"""Every function has one realistic event in events/, and a response to it."""

import importlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from unittest.mock import Mock

import boto3
import pytest

from shop.config import setting
from shop.deployment.pre_traffic import PreTrafficCheck
from tests.routes import expected_of
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context
from tests.support.sam_template import ROOT, Function, functions
from tests.support.sample_items import add_examples
from tests.support.stored_passkeys import StoredPasskeys

# The expected result of functions without a route: the only key of the returned value, all its
# keys, or None for a custom resource. tests/routes.py has the statuses of the others.
RESULTS: dict[str, str | set[str] | None] = {
    "authorize": "Deny",
    "check_before_traffic": "status",
    "create_admin": "id",
    "change_user_status": {"outcome", "facts"},
    "end_sessions": {"outcome", "facts"},
    "reset_second_factors": {"outcome", "facts"},
    "resend_mail": {"outcome", "facts"},
    "create_signing_keys": None,
    "rotate_signing_keys": {"kids", "unchangedUntil"},  # keys that were made a moment ago
    "update_read_models": "batchItemFailures",
    "publish_events": "batchItemFailures",
    "start_processing": "batchItemFailures",
    "send_email": "batchItemFailures",
    "send_webhooks": "batchItemFailures",
}

# A code of an app is right for 90 s only, and the account of the examples has no confirmed app.
REJECTED = {"confirm_authenticator": 401, "create_recovery_codes": 404}


@pytest.fixture
def aws() -> Iterator[StoredPasskeys]:
    with fresh_aws():
        yield StoredPasskeys(add_examples())


@pytest.fixture(autouse=True)
def deployments(monkeypatch: pytest.MonkeyPatch) -> None:
    """CodeDeploy without deployments; moto's lacks lifecycle hooks."""
    check = PreTrafficCheck(Mock(get_deployment=Mock(side_effect=LookupError)), Mock(), "", (), ())
    name = "functions.deployment.check_before_traffic.pre_traffic_check"
    monkeypatch.setattr(name, lambda: check)


class CloudFormation(BaseHTTPRequestHandler):
    """A server for the response of a custom resource."""

    received: list[dict[str, Any]] = []

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        self.received.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Keep the test output free of access logs."""


@pytest.fixture(scope="module")
def response_url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), CloudFormation)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_every_handler_is_deployed_by_the_template() -> None:
    handlers = {path.relative_to(ROOT) for path in ROOT.glob("functions/*/*.py")}

    assert handlers == {function.path.relative_to(ROOT) for function in functions()}, (
        "add a function with this handler to template.yaml, or remove the one that has none"
    )


def test_every_function_has_an_event_and_every_event_a_function() -> None:
    events = {path.stem for path in (ROOT / "events").glob("*.json")}

    names = {function.path.stem for function in functions()}

    assert events == names, (
        "run: make generate, for an event of a route; add events/<verb>_<noun>.json for another "
        "function; delete an event without a function"
    )
    others = {function.path.stem for function in functions() if not function.route}
    assert set(RESULTS) == others, "add the result of the event to RESULTS in this file"


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.path.stem)
def test_function_returns_the_expected_response_to_its_event(
    aws: StoredPasskeys, response_url: str, function: Function
) -> None:
    text = (ROOT / f"events/{function.path.stem}.json").read_text()
    # The table name of `sam local`, replaced by the tests' setting.
    event = json.loads(text.replace("table/UsersTable/", f"table/{setting('USERS_TABLE')}/"))
    if "ResponseURL" in event:
        event["ResponseURL"] = response_url
    if body := aws.body_of(function.route):
        event |= {"body": json.dumps(body), "isBase64Encoded": False}
    handler = importlib.import_module(function.module).handler

    response = handler(event, Context())

    if function.route:
        success = expected_of(function.route).success
        assert response["statusCode"] == REJECTED.get(function.path.stem, success), (
            f"{response['body']}: change events/{function.path.stem}.json, or `access` of "
            f"{function.route} in tests/routes.py"
        )
        assert response["headers"]["X-Request-Id"] == event["requestContext"]["requestId"]
        return
    expected = RESULTS[function.path.stem]
    if expected == "Deny":
        assert response["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    elif isinstance(expected, str):
        assert response.keys() == {expected}
    elif isinstance(expected, set):
        assert response.keys() == expected, response
    else:
        assert CloudFormation.received[-1]["Status"] == "SUCCESS"


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.path.stem)
def test_route_is_equal_in_template_handler_and_event(function: Function) -> None:
    if function.route is None:
        return
    event = json.loads((ROOT / f"events/{function.path.stem}.json").read_text())
    handler = importlib.import_module(function.module).handler

    assert f"{event['httpMethod']} {event['resource']}" == function.route
    if function.name != "AnswerPreflight":
        assert f"{handler.method} {handler.path}" == function.route
        assert handler.needs_caller is not function.is_public


def test_keys_are_created_once_and_kept_by_a_second_deployment(
    aws: StoredPasskeys, response_url: str
) -> None:
    secrets, parameters = boto3.client("secretsmanager"), boto3.client("ssm")
    event = json.loads((ROOT / "events/create_signing_keys.json").read_text())
    event["ResponseURL"] = response_url
    handler = importlib.import_module("functions.deployment.create_signing_keys").handler

    def kept() -> tuple[str, str]:
        return (
            secrets.get_secret_value(SecretId="signing_keys_secret")["SecretString"],
            parameters.get_parameter(Name="/shop/jwks")["Parameter"]["Value"],
        )

    before = kept()
    for kind in ("Create", "Update", "Delete"):
        handler(event | {"RequestType": kind, "PhysicalResourceId": "SigningKeys"}, Context())
        assert CloudFormation.received[-1]["Status"] == "SUCCESS"
        assert CloudFormation.received[-1]["PhysicalResourceId"] == "SigningKeys"

    assert kept() == before


def test_secret_without_a_value_makes_the_stack_unready() -> None:
    event = json.loads((ROOT / "events/check_readiness.json").read_text())
    handler = importlib.import_module("functions.system.check_readiness").handler

    key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1"}
    key |= {"x": "x" * 43, "y": "y" * 43}

    with fresh_aws():
        boto3.client("ssm").put_parameter(
            Name="/shop/jwks", Value=json.dumps({"keys": [key]}), Type="String"
        )
        response = handler(event, Context())

    assert response["statusCode"] == 503
    (detail,) = json.loads(response["body"])["error"]["details"]
    assert detail["field"] == "signing-key"


def test_failing_custom_resource_reports_its_failure(response_url: str) -> None:
    event = json.loads((ROOT / "events/create_signing_keys.json").read_text())
    event["ResponseURL"] = response_url
    handler = importlib.import_module("functions.deployment.create_signing_keys").handler

    with fresh_aws():
        boto3.client("secretsmanager").put_secret_value(
            SecretId="signing_keys_secret", SecretString="not ours"
        )
        handler(event, Context())

    assert CloudFormation.received[-1]["Status"] == "FAILED"
