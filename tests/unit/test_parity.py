"""``make parity``: refusals, confirmation, steps and table, and the marker of its tests."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # fakes of clients and deployments

import httpx2
import pytest

from tests.support.deployed_shop import DeployedShop, Shop
from tests.support.local_only import is_local_only
from tests.support.openapi_contract import Broken
from tests.support.request_rate import HASHING_PER_SECOND, RequestRate
from tools.deployments import Deployment
from tools.parity.__main__ import NotAllowed, check, confirm, table
from tools.parity.steps import StepFailed, Steps

pytest_plugins = ["pytester"]
STACK = "shop-staging"
URL = "https://abc.execute-api.eu-west-1.amazonaws.com/staging"


class FakeDeployment:
    """A deployment of `staging`, and all clients of its account."""

    stack = STACK
    operations_stack = f"{STACK}-operations"

    class meta:
        region_name = "eu-west-1"

    def __init__(self, stage: str = "staging", **deployed: str) -> None:
        self.configured = {"Stage": stage, "Architecture": "arm64"}
        self.deployed = {"Stage": stage, "AllowedOrigins": "https://a.example,https://b.example"}
        self.deployed |= deployed
        self.deleted: list[str] = []
        self.change_sets: list[dict[str, str]] = []
        self.shifts: list[str] = []
        self.change_set = {"Status": "CREATE_COMPLETE"}

    def client(self, service: str) -> "FakeDeployment":
        return self

    def describe_stack(self) -> dict[str, Any]:
        return {"StackStatus": "UPDATE_COMPLETE"}

    def parameters(self) -> dict[str, str]:
        return self.deployed

    def url(self) -> str:
        return URL

    def operator(self) -> str:
        return "arn:aws:iam::1:user/ada"

    def resources(self) -> list[dict[str, str]]:
        kind = "AWS::CodeDeploy::Application"
        return [{"ResourceType": kind, "PhysicalResourceId": "application"}]

    def list_deployment_groups(self, applicationName: str) -> dict[str, list[str]]:
        return {"deploymentGroups": ["group"]}

    def list_deployments(self, **_: Any) -> dict[str, list[str]]:
        return {"deployments": list(self.shifts)}

    def list_change_sets(self, StackName: str) -> dict[str, Any]:
        return {"Summaries": list(self.change_sets)}

    def delete_change_set(self, ChangeSetName: str) -> None:
        self.deleted.append(ChangeSetName)
        self.change_sets.clear()

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": "REVIEW_IN_PROGRESS"}]}

    def delete_stack(self, StackName: str) -> None:
        self.deleted.append(StackName)

    def get_waiter(self, name: str) -> "FakeDeployment":
        return self

    def wait(self, StackName: str) -> None: ...


class Commands:
    """A fake of `run_command` that records commands, and fails those with a word."""

    def __init__(self, deployment: FakeDeployment, failing: str = "nothing") -> None:
        self.run: list[str] = []
        self.variables: list[dict[str, str]] = []
        self.typed: list[str] = []
        self._deployment = deployment
        self._failing = failing

    def __call__(self, *arguments: Any, **options: Any) -> str:
        line = " ".join(map(str, arguments))
        self.run.append(line)
        self.variables.append(options.get("variables") or {})
        self.typed += [options["typed"]] if "typed" in options else []
        if "--no-execute-changeset" in arguments:
            created = {"ChangeSetId": f"set {len(self.run)}"}
            self._deployment.change_sets.append(created | self._deployment.change_set)
        if "Rollout=Canary10Percent10Minutes" in line:
            self._deployment.shifts.append("d-1")
        if "--outcomes" in arguments:
            tests = {"tests/e2e/test_users.py::test_a": "passed"}
            Path(arguments[arguments.index("--outcomes") + 1]).write_text(
                json.dumps({"tests": tests, "local_only": 7})
            )
        if self._failing in line:
            raise StepFailed("exit code 1")
        return '{"id": "1"}'


def ran(
    steps: str, deployment: FakeDeployment, failing: str = "nothing"
) -> tuple[dict[str, str], Commands]:
    results: dict[str, str] = {}
    commands = Commands(deployment, failing)
    fake: Any = deployment
    Steps("staging", fake, {"LogLevel": "INFO"}, None, "", results.__setitem__, commands).run(steps)
    return results, commands


@pytest.fixture(autouse=True)
def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_ADMIN", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.mark.parametrize(
    ("environment", "deployment", "given"),
    [
        ("default", FakeDeployment(), {}),
        ("prod", FakeDeployment("prod"), {}),
        ("staging", FakeDeployment(), {"Stage": "prod"}),
        ("staging", FakeDeployment(DataProtection="on"), {}),
        ("staging", FakeDeployment(Stage="prod"), {}),
    ],
)
def test_parity_refuses_prod_protected_data_and_the_stack_of_make_run(
    environment: str, deployment: Any, given: dict[str, str]
) -> None:
    with pytest.raises(NotAllowed):
        check(environment, deployment, given)


def test_parity_allows_an_unprotected_staging() -> None:
    deployment: Any = FakeDeployment()

    check("staging", deployment, {})


@pytest.mark.parametrize("typed", ["", "y", "shop-prod"])
def test_parity_on_aws_needs_the_name_of_the_stack(typed: str) -> None:
    deployment: Any = FakeDeployment()
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return typed

    with pytest.raises(NotAllowed):
        confirm(deployment, "1,2", ask)
    assert "arn:aws:iam::1:user/ada" in asked[0] and "ALL data" in asked[0]
    confirm(deployment, "1,2", lambda _: f"{STACK}\n")


def test_parity_on_a_local_cloud_needs_no_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    deployment: Any = FakeDeployment()

    confirm(deployment, "1,2", lambda _: pytest.fail("asked"))


def test_change_sets_of_both_templates_are_created_and_deleted() -> None:
    deployment = FakeDeployment()

    results, commands = ran("1", deployment)

    assert results == {
        "change set of template.yaml": "ok",
        "change set of operations.yaml": "ok",
    }
    assert deployment.deleted == ["set 2", STACK, "set 3", f"{STACK}-operations"]
    assert all("--no-execute-changeset" in line for line in commands.run[1:])


@pytest.mark.parametrize(
    ("reason", "result"),
    [
        ("The submitted information didn't contain changes.", "ok"),
        ("Transform failed.", None),
    ],
)
def test_change_set_may_be_empty_but_not_fail(reason: str, result: str | None) -> None:
    deployment = FakeDeployment()
    deployment.change_set = {"Status": "FAILED", "StatusReason": reason}

    results, _ = ran("1", deployment)

    assert results.get("change set of operations.yaml") == result
    assert result or reason in results["step 1"]


def test_all_steps_run_in_order_with_the_parameters_of_parity() -> None:
    results, commands = ran("2,3,4,5,6", FakeDeployment())

    assert results == {
        **{"deploy": "ok", "admin by CreateAdmin": "ok"},
        **{"tests/e2e/test_users.py::test_a": "ok", "tests that are local_only": "7"},
        **{"second deploy": "ok", "canary": "ok", "destroy": "ok", "deploy again": "ok"},
    }
    deploys = [line for line in commands.run if "tools.deploy" in line]
    assert len(deploys) == 3
    for line in deploys:
        assert "HashingPerNetwork=1000000 CancellationWindowSeconds=900" in line
        assert line.endswith("--no-confirm")
    assert ["LogLevel=DEBUG" in line for line in deploys] == [False, True, False]
    assert commands.typed == [f"{STACK}\n"]


def test_tests_get_the_url_and_the_created_admin_but_no_password_in_arguments() -> None:
    _, commands = ran("3,4", FakeDeployment())

    admin = json.loads(commands.variables[1]["SHOP_ADMIN"])
    assert commands.variables[1]["SHOP_ORIGIN"] == "https://a.example"
    assert URL in commands.run[1]
    assert admin["password"] and admin["password"] not in " ".join(commands.run)


def test_failed_tests_do_not_end_the_run_and_a_failed_deployment_does() -> None:
    results, _ = ran("3,4,5", FakeDeployment(), failing="tests.deployed")
    assert results["second deploy"] == "ok"

    results, _ = ran("2,3", FakeDeployment(), failing="tools.deploy")
    assert results == {"step 2": "FAILED: exit code 1"}


def test_tests_without_an_admin_fail() -> None:
    results, commands = ran("4", FakeDeployment())

    assert results["step 4"].startswith("FAILED: it needs step 3")
    assert commands.run == []


def test_canary_without_a_traffic_shift_fails() -> None:
    class WithoutShifts(FakeDeployment):
        def list_deployments(self, **_: Any) -> dict[str, list[str]]:
            return {"deployments": []}

    results, _ = ran("5", WithoutShifts())

    assert results["step 5"] == "FAILED: no traffic shift succeeded"


def lines(local: dict[str, str], aws: dict[str, str]) -> tuple[Sequence[str], bool]:
    found, passed = table(local, aws)
    return [" ".join(line.split()) for line in found], passed


def test_table_has_steps_and_counts_tests_by_file() -> None:
    tests = {"tests/test_a.py::test_1": "ok", "tests/test_a.py::test_2": "ok"}

    found, passed = lines(
        {"deploy": "ok", **tests, "canary": "not available"},
        {"deploy": "ok", **tests, "canary": "ok"},
    )

    assert passed
    assert found == [
        *("case local AWS", "deploy ok ok", "tests/test_a.py 2 of 2 2 of 2"),
        "canary not available ok",
    ]


def test_table_lists_each_failure_difference_and_missing_case() -> None:
    local = {"deploy": "ok", "tests/test_a.py::test_1": "ok", "tests/test_a.py::test_2": "failed"}

    found, passed = lines(local, {"deploy": "ok", "tests/test_a.py::test_2": "failed"})

    assert not passed
    assert found[2:] == [
        *("tests/test_a.py 1 of 2 0 of 1", "", "Not equal, or failed:"),
        "tests/test_a.py::test_1: local ok, AWS missing",
        "tests/test_a.py::test_2: local failed, AWS failed",
    ]


CASES = """
__name__ = "tests.cases"
import pytest
import tests.support.table_tools as module
from tests.support.recovery_tokens import create_token
from tests.support.product_requests import patch

@pytest.fixture
def orders(shop):
    return shop.table("OrdersTable")

def test_http(shop): shop.sign_up(); patch(shop, shop.product(), name="x")
def test_everything(shop): assert shop.everything() == shop.everything_but_attempts()
def test_nested(shop): return [lambda: shop.table("OrdersTable")]
def test_table_of_everything(shop): return shop.everything()["OrdersTable"]
def test_helper(shop): create_token(shop, shop.sign_up(), "password-resets")
def test_fixture(orders): pass
def test_stack(stack): pass
def test_faults(shop, faults): pass
@pytest.mark.parametrize("work", [lambda shop: shop.resources, lambda shop: shop.url])
def test_parameter(shop, work): work(shop)
@pytest.mark.local_only
def test_marked(shop): pass
@pytest.mark.local_only_for("{token}")
@pytest.mark.parametrize("route", ["GET /users", "PUT /{token}"])
def test_marked_for(shop, route): shop.table("OrdersTable")
"""


def test_marker_is_derived_from_fixtures_helpers_and_parameters(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "from tests.support.deployed_shop import shop, stack, faults, mail_faults"
    )
    items = pytester.genitems([pytester.getmodulecol(CASES)])

    found = {it.name for it in items if isinstance(it, pytest.Function) and is_local_only(it)}

    assert found == {
        *(
            "test_nested",
            "test_table_of_everything",
            "test_helper",
            "test_fixture",
            "test_stack",
            "test_faults",
        ),
        *("test_parameter[<lambda>0]", "test_marked"),
        "test_marked_for[PUT /{token}]",
    }


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (None, URL),
        ("https://vpce-1.example", URL),
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566/restapis/abc/staging/_user_request_"),
    ],
)
def test_url_of_a_local_cloud_never_leads_to_aws(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, url: str
) -> None:
    if endpoint is not None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    deployment = Deployment("staging")
    outputs = [{"OutputKey": "ApiUrl", "OutputValue": URL}]
    monkeypatch.setattr(deployment, "require_stack", lambda: {"Outputs": outputs})

    assert deployment.url() == url


def test_links_are_paths_below_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = DeployedShop.__new__(DeployedShop)
    shop._prefix = "/staging"
    request = httpx2.Request("GET", URL)
    link = '</staging/api/users?page=1>; rel="first", </staging/api/users?page=2>; rel="next"'

    shop._check(response := httpx2.Response(404, headers={"Link": link}, request=request))

    assert response.links["next"]["url"] == "/api/users?page=2"
    with pytest.raises(Broken):
        shop._check(httpx2.Response(404, headers={"Link": "</api>"}, request=request))


def test_requests_beyond_the_rate_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(time, "sleep", waited.append)
    rate = RequestRate()

    for _ in range(2 * HASHING_PER_SECOND + 1):
        rate.wait("POST", "/api/sessions")
    rate.wait("GET", "/api/sessions")

    assert waited == [0] * HASHING_PER_SECOND + [1] * HASHING_PER_SECOND + [2, 0]


def test_deployed_shop_needs_nothing_but_http() -> None:
    for name in ("table", "change", "restart", "set_environment", "everything_about"):
        assert hasattr(Shop, name) and not hasattr(DeployedShop, name)
