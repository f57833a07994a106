"""Pre-traffic check: a new version gets traffic if its response is healthy."""

import importlib
import io
import json
from collections.abc import Callable, Iterator
from typing import Any  # Any: responses of CodeDeploy and Lambda are JSON

import pytest

from shop.clients import dynamodb
from shop.deployment.pre_traffic import PreTrafficCheck
from shop.identity.keys.key_store import key_store
from shop.system.openapi_document import path_ids, read_operations
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context
from tests.support.log_lines import LogLines
from tests.support.sam_template import Function, functions, resources
from tools.openapi.document import PAGES

GET_ROUTES = {f.route for f in functions() if f.route and f.route.startswith("GET ")} - PAGES
ASKED = [f for f in functions() if f.route or f.name == "Authorizer"]


@pytest.fixture
def aws() -> Iterator[None]:
    with fresh_aws():
        key_store().create_if_absent()
        yield


class CodeDeploy:
    """A CodeDeploy with one deployment, which returns its content for the revision only."""

    def __init__(self, name: str, kept_as: str = "appSpecContent") -> None:
        properties = {"Name": name, "Alias": "live", "CurrentVersion": "6", "TargetVersion": "7"}
        resource = {"Any": {"Type": "AWS::Lambda::Function", "Properties": properties}}
        self._content = json.dumps({"version": 0.0, "Resources": [resource]})
        self._kept_as = kept_as
        self.statuses: list[tuple[str, str, str]] = []

    def get_deployment(self, deploymentId: str) -> Any:
        revision = {"revisionType": "AppSpecContent", self._kept_as: {"sha256": "abc"}}
        return {"deploymentInfo": {"applicationName": "shop", "revision": revision}}

    def get_application_revision(self, applicationName: str, revision: Any) -> Any:
        assert (applicationName, revision[self._kept_as]) == ("shop", {"sha256": "abc"})
        return {"revision": revision | {self._kept_as: {"content": self._content}}}

    def put_lifecycle_event_hook_execution_status(
        self, deploymentId: str, lifecycleEventHookExecutionId: str, status: str
    ) -> None:
        self.statuses.append((deploymentId, lifecycleEventHookExecutionId, status))


class Lambda:
    """A Lambda that runs our handlers, or the replacements of a test."""

    def __init__(self, **instead: Callable[[Any], Any]) -> None:
        self._instead = instead
        self.invoked: list[tuple[str, str]] = []

    def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> Any:
        self.invoked.append((FunctionName, Qualifier))
        name = FunctionName.split("-")[-1]
        module = next(f.module for f in functions() if f.name == name)
        handler = self._instead.get(name) or (
            lambda event: importlib.import_module(module).handler(event, Context())
        )
        try:
            said = handler(json.loads(Payload))
        except Exception as error:
            failure = io.BytesIO(json.dumps({"errorType": type(error).__name__}).encode())
            return {"FunctionError": "Unhandled", "Payload": failure}
        return {"Payload": io.BytesIO(json.dumps(said).encode())}


def checked(codedeploy: Any, lambda_: Any) -> str:
    reads, ids = read_operations(), path_ids()
    check = PreTrafficCheck(codedeploy, lambda_, "shop-prod-CheckReadiness", reads, ids)
    return check.run("d-1", "hook-1")


def everything() -> list[str]:
    tables = dynamodb().list_tables()["TableNames"]
    return [str(dynamodb().scan(TableName=table)["Items"]) for table in tables]


@pytest.mark.parametrize("function", ASKED, ids=lambda function: function.name)
def test_pre_traffic_check_gets_a_response_and_changes_nothing(
    aws: None, function: Function
) -> None:
    name = f"shop-prod-{function.name}"
    codedeploy, lambda_, before = CodeDeploy(name), Lambda(), everything()

    assert checked(codedeploy, lambda_) == "Succeeded"
    assert codedeploy.statuses == [("d-1", "hook-1", "Succeeded")]
    assert lambda_.invoked == [(name, "7"), ("shop-prod-CheckReadiness", "live")]
    assert everything() == before


def received_by(function: Function, name: str) -> tuple[Any, Any]:
    """Return the event and the response of a function that is deployed under this name."""
    seen = []

    def listen(event: Any) -> Any:
        response = importlib.import_module(function.module).handler(event, Context())
        seen.append((event, response))
        return response

    checked(CodeDeploy(name), Lambda(**{name.split("-")[-1]: listen}))
    return next(iter(seen))


@pytest.mark.parametrize("function", ASKED, ids=lambda function: function.name)
def test_functions_without_a_get_route_are_not_executed(aws: None, function: Function) -> None:
    reads = function.route is not None and function.route.startswith("GET ")
    is_documented = reads and function.route not in PAGES

    event, response = received_by(function, f"shop-{function.name}")

    assert (event["multiValueQueryStringParameters"] is None) is is_documented
    if function.route:
        assert response["statusCode"] != 500, (
            "add the ids of its path to _REQUEST in layers/shop/shop/deployment/pre_traffic.py"
        )
    if not reads and function.name not in ("Authorizer", "AnswerPreflight"):
        # Rejected before any effect: by the parameter, the empty body, the media type of a form or
        # the token's format.
        assert response["statusCode"] in (400, 404, 422), response


@pytest.mark.parametrize("name", ["GetAndDeleteUser", "ListSessionsToo", "ShowX", "CheckY", ""])
def test_pre_traffic_check_ignores_the_words_of_a_name(name: str) -> None:
    sent: list[Any] = []

    class RecordingLambda(Lambda):
        def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> Any:
            sent.append(json.loads(Payload))
            return {"Payload": io.BytesIO(b'{"statusCode": 200}')}

    assert checked(CodeDeploy(f"shop-prod-{name}"), RecordingLambda()) == "Succeeded"
    assert sent[0]["multiValueQueryStringParameters"] == {"checkBeforeTraffic": ["yes"]}


def test_operation_ids_are_the_logical_ids_of_their_functions() -> None:
    """A function whose names differ would only get the rejected request."""
    names = {f.name[:1].lower() + f.name[1:] for f in functions() if f.route in GET_ROUTES}

    assert names == read_operations()


def test_string_of_an_older_codedeploy_is_accepted(aws: None) -> None:
    assert checked(CodeDeploy("shop-prod-GetUser", "string"), Lambda()) == "Succeeded"


def crash(event: Any) -> Any:
    raise ImportError


@pytest.mark.parametrize("broken", ["PlaceOrder", "CheckReadiness"])
@pytest.mark.parametrize(
    "instead", [crash, lambda _: {"statusCode": 500}, lambda _: {"statusCode": 503}, lambda _: {}]
)
def test_failing_version_gets_no_traffic(
    aws: None, log: LogLines, broken: str, instead: Callable[[Any], Any]
) -> None:
    codedeploy = CodeDeploy("shop-prod-PlaceOrder")

    assert checked(codedeploy, Lambda(**{broken: instead})) == "Failed"
    assert codedeploy.statuses == [("d-1", "hook-1", "Failed")]
    (line,) = [line for line in log() if line["message"] == "version unhealthy"]
    assert line["deployment"] == "d-1"
    assert broken in line["exception"]


def test_unreadable_deployment_fails_with_its_reason(log: LogLines) -> None:
    codedeploy = CodeDeploy("shop-prod-GetUser")
    codedeploy._content = '{"Resources": []}'

    assert checked(codedeploy, Lambda()) == "Failed"
    (line,) = [line for line in log() if line["message"] == "version unhealthy"]
    assert "names no function" in line["exception"]


def test_pre_traffic_check_may_invoke_the_checked_functions_only() -> None:
    (policy,) = resources("AWS::Serverless::Function")["CheckBeforeTraffic"]["Policies"]
    (statement,) = [s for s in policy["Statement"] if s["Action"] == "lambda:InvokeFunction"]

    shifting = [
        name
        for name, it in resources("AWS::Serverless::Function").items()
        if "DeploymentPreference" in it
    ]
    assert statement["Resource"] == [
        {"Fn::Sub": f"${{{name}.Arn}}:*"} for name in [*shifting, "CheckReadiness"]
    ], "list the function in the policy of CheckBeforeTraffic in template.yaml, in its order"
