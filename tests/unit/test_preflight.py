"""Preflight checks an account and the parameters, and names remedies."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any  # Any: responses of AWS have many types

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from tests.support.expanded_template import translated
from tests.support.sam_template import ROOT, operations, resources, template
from tools import preflight
from tools.local_cloud.project import declared_parameters, literal_names
from tools.preflight import (
    MAX_STACK_NAME_LENGTH,
    REGIONS_WITHOUT_SES,
    Finding,
    Preflight,
    Verdict,
    is_ready,
    pairs,
)

STACK = {"StackStatus": "UPDATE_COMPLETE", "Parameters": []}


def deployed(**parameters: str) -> dict[str, Any]:
    """A stack with the parameters of its last deployment."""
    described = [{"ParameterKey": it, "ParameterValue": parameters[it]} for it in parameters]
    return STACK | {"Parameters": described}


class Pages:
    """A paginator with one page."""

    def __init__(self, page: dict[str, Any]) -> None:
        self._page = page

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [self._page]


class NotFound(ClientError):
    """The error of AWS for an unknown identity, function or rule."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "NotFoundException"}}, "GetEmailIdentity")


class Account:
    """A deployment and all clients of its account; healthy unless a test changes it."""

    class exceptions:
        NotFoundException = NotFound
        ResourceNotFoundException = NotFound

    class meta:
        region_name = "eu-west-1"

    def __init__(self, configured: dict[str, str] | None = None, **responses: Any) -> None:
        self.configured = {"Stage": "staging"} | (configured or {})
        self.environment = "staging"
        self.stack = "shop-staging"
        self.operations_stack = "shop-staging-operations"
        self.region: str | None = "eu-west-1"
        self.is_local = False
        self.template = ROOT / "template.yaml"
        self._responses: dict[str, Any] = {
            "describe_stack": STACK,
            "get_caller_identity": {"Account": "123456789012", "Arn": "arn:aws:iam::1:user/ada"},
            "get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}},
            "describe_stacks": {"Stacks": [STACK]},
            "get_email_identity": {"VerifiedForSendingStatus": True},
            "describe_certificate": {"Certificate": {"Status": "ISSUED"}},
            "get_account": {"ProductionAccessEnabled": True, "cloudwatchRoleArn": "arn:aws:iam"},
            "get_configuration_set": NotFound(),
            "get_service_setting": {"ServiceSetting": {"SettingValue": "true"}},
            "list_event_buses": {"EventBuses": []},
            "describe_alarms": {"MetricAlarms": []},
            "get_function_configuration": NotFound(),
            "describe_log_groups": {"logGroups": []},
            "describe_rule": NotFound(),
            "list_dashboards": {"DashboardEntries": []},
            "get_sampling_rules": {"SamplingRuleRecords": []},
            "list_tables": {"TableNames": []},
            "list_stack_resources": [],
        } | responses
        self._responses.setdefault("describe_operations", self._responses["describe_stack"])

    def client(self, service: str) -> "Account":
        return self

    def resources(self) -> Any:
        return self._responses["list_stack_resources"]

    def get_paginator(self, operation: str) -> Pages:
        return Pages(self._responses[operation])

    def describe_stack(self, name: str = "") -> Any:
        is_shop = name in ("", self.stack)
        response = self._responses["describe_stack" if is_shop else "describe_operations"]
        if isinstance(response, Exception):
            raise response
        return response

    def __getattr__(self, operation: str) -> Any:
        if operation not in self._responses:
            raise AttributeError(operation)
        response = self._responses[operation]

        def call(**_: Any) -> Any:
            if isinstance(response, Exception):
                raise response
            return response

        return call


@pytest.fixture(autouse=True)
def this_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(preflight, "built_architecture", lambda: "arm64")
    monkeypatch.setattr(preflight, "git", lambda *_: "")
    yield


def found(account: Account, subject: str, **given: str) -> Finding:
    # The account stands in for a deployment, as far as it is used.
    deployment: Any = account
    (finding,) = [it for it in Preflight(deployment, given).findings() if it.subject == subject]
    return finding


def test_complete_account_passes_with_a_list_of_checks() -> None:
    lines: list[str] = []
    deployment: Any = Account()

    assert is_ready(deployment, {}, lines.append)
    assert any("account 123456789012 in eu-west-1" in line for line in lines)
    assert len(lines) == 20


def test_new_account_passes() -> None:
    deployment: Any = Account(describe_stack=None, get_account_settings=FEW)

    assert is_ready(deployment, {}, lambda _: None)


def test_missing_credentials_skip_all_other_checks() -> None:
    lines: list[str] = []
    deployment: Any = Account(get_caller_identity=NoCredentialsError())

    assert not is_ready(deployment, {}, lines.append)
    assert "credentials: Unable to locate credentials" in lines[-1]


DOMAIN = {"DomainName": "api.example.com"}
CERTIFICATE = "arn:aws:acm:{}:123456789012:certificate/1"
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetAccount")
NO_STACK = ClientError({"Error": {"Code": "V", "Message": "it does not exist"}}, "DescribeStacks")
MAIL = {"MailFrom": "shop@example.com", "RecoveryPage": "https://example.com"}
SANDBOX = {"ProductionAccessEnabled": False}
PROD = {"Stage": "prod", "DataProtection": "on"}
FEW = {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}
ENOUGH = {"AccountLimit": {"UnreservedConcurrentExecutions": 140}}
RUNBOOKS = "https://example.com/runbooks"
ISSUER = {"OAuthIssuer": "https://shop.test"}
API_URL = {"OutputKey": "ApiUrl", "OutputValue": "https://api.test/prod"}
DEPLOYED_API = STACK | {"Outputs": [API_URL]}
M, N, OK = Verdict.MISSING, Verdict.NOTE, Verdict.OK


@pytest.mark.parametrize(
    ("account", "subject", "verdict", "word"),
    [
        (Account({"Colour": "red"}), "parameters", M, "no parameter Colour"),
        (Account({"Rollout": "Slowly"}), "parameters", M, "one of AllAtOnce"),
        (Account({"ListShards": "many"}), "parameters", M, "must match"),
        (Account({"BcryptCost": "9"}), "parameters", M, "one of 5, 10"),
        (Account({"BcryptCost": "5"}), "parameters", M, "BcryptCost=5 is for Stage=local only"),
        (Account({"WebhookTargets": "loopback"}), "parameters", M, "is for Stage=local only"),
        (Account({"CancellationWindowSeconds": "901"}), "parameters", M, "not a number"),
        (Account({"HashingPerNetwork": "0"}), "parameters", M, "not a number"),
        (Account({"MailFrom": "shop@example.com"}), "parameters", M, "RecoveryPage"),
        (Account(DOMAIN), "parameters", M, "CertificateArn"),
        (
            Account({"AuthorizationPage": "https://shop.test/sign-in"}),
            *("parameters", M, "AuthorizationPage needs OAuthIssuer"),
        ),
        (
            Account({"OAuthIssuer": "http://localhost:8080"}),
            *("parameters", M, "OAuthIssuer must be https unless Stage=local"),
        ),
        (
            Account({"OAuthIssuer": "http://localhost:8080", "Stage": "local"}),
            *("parameters", OK, ""),
        ),
        (Account(), "OAuth", OK, "off"),
        (Account(describe_stack=DEPLOYED_API), "OAuth", OK, "off"),
        (Account(ISSUER), "OAuth", N, "known after the first deployment"),
        (Account(ISSUER, describe_stack=DEPLOYED_API), "OAuth", N, "https://api.test/prod"),
        (
            Account({"OAuthIssuer": "https://api.test/prod"}, describe_stack=DEPLOYED_API),
            *("OAuth", OK, "the API's URL"),
        ),
        (
            Account(ISSUER | {"DomainName": "shop.test"}, describe_stack=DEPLOYED_API),
            *("OAuth", OK, "https://shop.test"),
        ),
        (Account({"RateLimitPerAddress": "50"}), "parameters", M, "at least 100"),
        (Account({"HashingConcurrency": "39"}), "parameters", M, "twice"),
        (Account(PROD), "parameters", OK, ""),
        (Account(PROD | {"DataProtection": "off"}), "parameters", M, "DataProtection=on"),
        (Account({"Stage": "local", "AllowedOrigins": "loopback"}), "parameters", OK, ""),
        (
            Account({"Stage": "staging", "AllowedOrigins": "https://a.example, loopback"}),
            *("parameters", M, "AllowedOrigins=loopback is for Stage=local only"),
        ),
        (Account(PROD | {"AllowedOrigins": "loopback"}), "parameters", M, "loopback"),
        (Account({"Architecture": "x86_64"}), "architecture", M, "ARCHITECTURE=x86_64"),
        (Account(), "architecture", OK, "arm64"),
        (Account(describe_stack=None), "stack", OK, "will be created"),
        (
            Account(describe_stack={"StackStatus": "REVIEW_IN_PROGRESS"}),
            "stack",
            OK,
            "will be created",
        ),
        (Account(describe_stack={"StackStatus": "ROLLBACK_COMPLETE"}), "stack", M, "delete"),
        (Account(describe_stack={"StackStatus": "UPDATE_ROLLBACK_FAILED"}), "stack", M, "events"),
        (Account(describe_stack={"StackStatus": "UPDATE_IN_PROGRESS"}), "stack", M, "events"),
        (Account(get_account_settings=FEW), "concurrency", N, "Service Quotas"),
        (
            Account({"HashingConcurrency": "40"}, get_account_settings=FEW),
            *("concurrency", M, "10 executions are free and 180 needed"),
        ),
        (
            Account({"Rollout": "Canary10Percent10Minutes"}, get_account_settings=FEW),
            *("concurrency", M, "10 executions are free and a canary needs 100"),
        ),
        (Account(get_account_settings=ENOUGH), "concurrency", OK, "140"),
        (
            Account({"HashingConcurrency": "40"}, get_account_settings=ENOUGH),
            *("concurrency", M, "180 needed"),
        ),
        (
            Account(get_account_settings=ENOUGH, describe_stack=deployed(HashingConcurrency="40")),
            *("concurrency", OK, "220 executions are free, 80 will be reserved"),
        ),
        (Account(describe_stacks=NO_STACK), "upload bucket", N, "first deployment"),
        (Account(describe_stacks=DENIED), "upload bucket", M, "Log in"),
        (Account(), "mail", OK, "off"),
        (Account(PROD), "mail", M, "nobody can verify"),
        (Account(PROD, describe_stack=None), "mail", N, "nobody can verify"),
        (Account(MAIL), "mail", OK, "shop@example.com"),
        (Account(MAIL, get_email_identity=NotFound()), "mail", N, "link"),
        (Account(MAIL, get_account=SANDBOX), "mail", N, "sandbox"),
        (Account(MAIL | PROD, get_account=SANDBOX), "mail", M, "sandbox"),
        (
            Account(DOMAIN | {"CertificateArn": CERTIFICATE.format("us-east-1")}),
            *("certificate", M, "us-east-1"),
        ),
        (
            Account(DOMAIN | {"CertificateArn": CERTIFICATE.format("eu-west-1")}),
            *("certificate", OK, "issued"),
        ),
        (
            Account(
                DOMAIN | {"CertificateArn": CERTIFICATE.format("eu-west-1")},
                describe_certificate={"Certificate": {"Status": "PENDING_VALIDATION"}},
            ),
            *("certificate", M, "PENDING"),
        ),
        (Account(PROD), "alarms", N, "AlarmEmail"),
        (Account(), "alarms", OK, "AlarmEmail"),
        (Account(PROD | {"AlarmEmail": "ops@example.com"}), "alarms", OK, "ops@example.com"),
        (Account(PROD), "runbooks", N, "RunbookUrl"),
        (Account(), "runbooks", OK, "docs/runbooks"),
        (Account(PROD | {"RunbookUrl": RUNBOOKS}), "runbooks", OK, RUNBOOKS),
    ],
)
def test_each_missing_item_is_reported(
    account: Account, subject: str, verdict: Verdict, word: str
) -> None:
    finding = found(account, subject)

    assert finding.verdict is verdict, finding
    assert word in finding.detail


def test_access_logs_require_a_role_of_the_account_or_the_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"AccessLogs": {"Type": "String"}, "CreateApiGatewayAccount": {"Type": "String"}}
    declared = declared_parameters(ROOT / "template.yaml") | known
    monkeypatch.setattr(preflight, "declared_parameters", lambda _: declared)
    without = Account({"AccessLogs": "on"}, get_account={})

    assert found(without, "access logs").verdict is Verdict.MISSING
    assert found(without, "access logs", CreateApiGatewayAccount="true").verdict is Verdict.OK
    assert found(Account({"AccessLogs": "on"}), "access logs").verdict is Verdict.OK
    assert found(Account(), "access logs").verdict is Verdict.OK


def test_prod_requires_a_clean_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "git", lambda *_: " M template.yaml")

    assert found(Account(PROD), "git").verdict is Verdict.MISSING
    assert found(Account(), "git").verdict is Verdict.NOTE


def test_given_parameters_override_samconfig() -> None:
    assert found(Account(PROD), "parameters", Rollout="Slowly").verdict is Verdict.MISSING
    assert pairs("Ordering=off Rollout=AllAtOnce") == {"Ordering": "off", "Rollout": "AllAtOnce"}
    with pytest.raises(SystemExit):
        pairs("Ordering")


def test_deployed_parameters_are_kept_until_overridden() -> None:
    mailed = Account(describe_stack=deployed(**MAIL), get_account=SANDBOX)
    assert "sandbox" in found(mailed, "mail").detail
    assert found(mailed, "mail", MailFrom="").verdict is Verdict.OK

    linked = Account(describe_stack=deployed(RecoveryPage="https://example.com"))
    assert found(linked, "parameters", MailFrom="shop@example.com").verdict is Verdict.OK

    limited = Account(describe_stack=deployed(RateLimitPerAddress="50"))
    assert "at least 100" in found(limited, "parameters").detail
    assert found(limited, "parameters", RateLimitPerAddress="100").verdict is Verdict.OK


def test_unexecuted_change_set_keeps_no_parameters() -> None:
    untaken = deployed(MailFrom="shop@example.com") | {"StackStatus": "REVIEW_IN_PROGRESS"}

    assert found(Account(describe_stack=untaken), "mail").detail.startswith("off")


def test_parameter_removed_from_the_template_is_dropped() -> None:
    assert found(Account(describe_stack=deployed(Colour="red")), "parameters").verdict is Verdict.OK


def test_deployed_value_no_longer_allowed_is_reported() -> None:
    finding = found(Account(describe_stack=deployed(BcryptCost="9")), "parameters")

    assert finding.verdict is Verdict.MISSING and "BcryptCost=9" in finding.detail


def test_parameters_are_not_reported_without_a_known_deployment() -> None:
    lines: list[str] = []
    deployment: Any = Account(describe_stack=DENIED)

    assert not is_ready(deployment, {}, lines.append)
    assert "stack: An error occurred (AccessDenied)" in lines[-1]


def test_stack_name_leaves_room_for_derived_names() -> None:
    account = Account()
    account.stack = "s" * MAX_STACK_NAME_LENGTH
    assert found(account, "stack").verdict is Verdict.OK
    account.stack += "s"
    assert found(account, "stack").verdict is Verdict.MISSING

    made = [
        str(rule["SamplingRule"]["RuleName"]["Fn::Sub"]).replace("${Shop}", "")
        for rule in resources("AWS::XRay::SamplingRule").values()
    ]
    assert max(len(name) for name in made) + MAX_STACK_NAME_LENGTH == 32  # X-Ray's limit


MAIL_OF_STACK = deployed(**MAIL)


@pytest.mark.parametrize(
    ("account", "verdict", "word"),
    [
        (Account(), OK, "MailFrom is empty"),
        (Account(MAIL, describe_stack=MAIL_OF_STACK), OK, "the stack declares"),
        (Account(MAIL, get_email_identity=NotFound()), OK, "the stack declares"),
        (Account(MAIL, describe_stack=None), M, "CreateMailIdentity=false"),
        (Account(MAIL), M, "CreateMailIdentity=false"),
        (Account(MAIL | {"CreateMailIdentity": "false"}), OK, "or its domain"),
        (
            Account(MAIL | {"CreateMailIdentity": "false"}, get_email_identity=NotFound()),
            *(M, "neither shop@example.com nor its domain"),
        ),
    ],
)
def test_identity_of_the_sender_is_created_once(
    account: Account, verdict: Verdict, word: str
) -> None:
    finding = found(account, "mail identity")

    assert finding.verdict is verdict, finding
    assert word in finding.detail


@pytest.mark.parametrize(
    ("operation", "page", "name"),
    [
        (
            "describe_log_groups",
            {"logGroups": [{"logGroupName": "/shop-staging/ops"}]},
            "log group",
        ),
        ("list_event_buses", {"EventBuses": [{"Name": "shop-staging"}]}, "event bus"),
        ("get_function_configuration", {}, "function shop-staging-"),
        ("describe_rule", {}, "rule shop-staging-rotate-signing-keys"),
        (
            *("describe_alarms", {"MetricAlarms": [{"AlarmName": "shop-staging-LatencyAlarm"}]}),
            "alarm shop-staging-LatencyAlarm",
        ),
        ("get_configuration_set", {}, "configuration set of SES shop-staging"),
    ],
)
def test_name_in_use_prevents_the_creation_of_the_stack(
    operation: str, page: dict[str, Any], name: str
) -> None:
    responses: dict[str, Any] = {operation: page}

    finding = found(Account(describe_stack=None, **responses), "names")
    assert finding.verdict is M
    assert name in finding.detail and "make destroy ENV=staging" in finding.detail
    # Also a name that a new version of the template adds
    assert found(Account(**responses), "names").verdict is M
    names = literal_names(ROOT / "template.yaml", "shop-staging")
    owned = [{"PhysicalResourceId": it} for _, it in names]
    assert found(Account(**responses, list_stack_resources=owned), "names").verdict is OK


@pytest.mark.parametrize(
    ("operation", "page", "name"),
    [
        (
            *("list_dashboards", {"DashboardEntries": [{"DashboardName": "shop-staging"}]}),
            "dashboard shop-staging",
        ),
        (
            "get_sampling_rules",
            {"SamplingRuleRecords": [{"SamplingRule": {"RuleName": "shop-staging-resets"}}]},
            "sampling rule shop-staging-resets",
        ),
    ],
)
def test_name_in_use_prevents_the_creation_of_the_operations_stack(
    operation: str, page: dict[str, Any], name: str
) -> None:
    responses: dict[str, Any] = {operation: page}

    finding = found(Account(describe_operations=None, **responses), "operations stack")
    assert finding.verdict is M and name in finding.detail
    assert found(Account(**responses), "operations stack").verdict is OK


def test_names_of_a_shop_with_one_stack_do_not_prevent_its_upgrade() -> None:
    used = {"SamplingRuleRecords": [{"SamplingRule": {"RuleName": "shop-staging-resets"}}]}
    arn = "arn:aws:xray:eu-west-1:123456789012:sampling-rule/shop-staging-resets"
    account = Account(
        describe_operations=None,
        get_sampling_rules=used,
        list_dashboards={"DashboardEntries": [{"DashboardName": "shop-staging"}]},
        list_stack_resources=[{"PhysicalResourceId": it} for it in (arn, "shop-staging")],
    )

    assert found(account, "operations stack").verdict is OK


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "DELETE_FAILED", "UPDATE_IN_PROGRESS"])
def test_operations_stack_that_cannot_be_updated_is_reported(status: str) -> None:
    account = Account(describe_operations={"StackStatus": status})

    # The shop needs nothing of it, so its deployment continues.
    assert found(account, "operations stack").verdict is N


def test_long_list_of_names_is_shortened() -> None:
    account = Account(describe_stack=None, get_function_configuration={})

    detail = found(account, "names").detail
    assert detail.count("function shop-staging-") == 5
    assert re.search(r"and \d+ more exist", detail)


def test_tables_of_an_earlier_stack_prevent_an_empty_stack_beside_them() -> None:
    left = {"TableNames": ["shop-staging-UsersTable-1A2B", "shop-staging-CountersTable-3C"]}

    finding = found(Account(describe_stack=None, list_tables=left), "tables")
    assert finding.verdict is M
    assert "shop-staging-UsersTable-1A2B" in finding.detail
    assert "CountersTable" not in finding.detail  # it never outlives its stack
    assert found(Account(list_tables=left), "tables").verdict is OK


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AllowedOrigins", "https://a.net,https://staging.example.com"),
        ("TokenIssuer", "https://auth.example.org/"),
        ("RecoveryPage", "https://shop.example/recovery"),
        ("MailFrom", "shop@example.com"),
    ],
)
def test_placeholders_of_documentation_are_for_the_local_stage_only(name: str, value: str) -> None:
    finding = found(Account({name: value}), "addresses")

    assert finding.verdict is M and name in finding.detail
    assert found(Account({name: value, "Stage": "local"}), "addresses").verdict is OK


@pytest.mark.parametrize("value", ["https://example-shop.net", "https://anexample.com"])
def test_addresses_that_resemble_placeholders_are_accepted(value: str) -> None:
    assert found(Account({"AllowedOrigins": value}), "addresses").verdict is OK


def test_samconfig_must_name_the_region() -> None:
    account = Account()
    assert found(account, "region").verdict is OK
    account.region = None
    assert "[staging.global.parameters]" in found(account, "region").detail

    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    environments = [it for it in config if it != "version"]
    assert all("region" in config[it]["global"]["parameters"] for it in environments)


def test_region_without_ses_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "eu-west-1" not in REGIONS_WITHOUT_SES
    monkeypatch.setattr(Account.meta, "region_name", "eu-south-2")

    finding = found(Account(), "region")
    assert finding.verdict is M and "eu-south-2" in finding.detail


def test_regions_without_ses_are_those_of_cfn_lint() -> None:
    """cfn-lint has a list of resource types for each region."""
    schemas = "python3*/site-packages/cfnlint/data/schemas/providers"
    (folder,) = (ROOT / ".venv-sam/lib").glob(schemas)
    types = {it["Type"] for it in template()["Resources"].values() if "AWS::SES" in it["Type"]}
    lacking = {
        path.stem
        for path in folder.glob("*.json")
        if path.stem != "sam" and not types <= {*json.loads(path.read_text())}
    }

    assert len(types) == 3
    assert lacking == REGIONS_WITHOUT_SES


def test_default_limit_of_parameter_store_is_noted_above_its_rate() -> None:
    default: dict[str, Any] = {"ServiceSetting": {"SettingValue": "false"}}

    finding = found(Account(get_service_setting=default), "signing keys")
    assert finding.verdict is N and "update-service-setting" in finding.detail
    slow = Account({"RequestRate": "40"}, get_service_setting=default)
    assert found(slow, "signing keys").verdict is OK
    assert found(Account(), "signing keys").verdict is OK


def test_local_cloud_is_not_asked_for_sampling_rules() -> None:
    used = {"SamplingRuleRecords": [{"SamplingRule": {"RuleName": "shop-staging-resets"}}]}
    account = Account(describe_operations=None, get_sampling_rules=used)
    account.is_local = True

    assert found(account, "operations stack").verdict is OK


# Of other resources, or never unique.
OTHER_NAMES = {
    ("AWS::ApiGateway::RestApi", "Name"),
    ("AWS::Logs::QueryDefinition", "Name"),
    ("AWS::Logs::MetricFilter", "LogGroupName"),
}


def test_every_name_that_contains_the_name_of_the_stack_is_looked_up() -> None:
    declared = {**translated(Rollout="Canary10Percent10Minutes"), **operations()["Resources"]}
    looked_up = {
        *literal_names(ROOT / "template.yaml", "shop"),
        *literal_names(ROOT / "operations.yaml", "shop"),
    }

    for logical_id, resource in declared.items():
        properties = resource.get("Properties", {})
        for key, value in (properties | properties.get("SamplingRule", {})).items():
            text = next(iter(value.values())) if isinstance(value, dict) and value else ""
            type_ = resource["Type"].rpartition("::")[2]
            is_name = key in ("Name", "RuleName", "LogGroupName", f"{type_}Name")
            if not is_name or not re.search("AWS::StackName|Shop", str(text)):
                continue
            if (resource["Type"], key) in OTHER_NAMES or "EventBusName" in properties:
                continue
            name = re.sub(r"\$\{(AWS::StackName|Shop)\}|AWS::StackName|Shop", "shop", str(text))
            assert (resource["Type"], name) in looked_up, logical_id
