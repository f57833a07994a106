"""Canary deployments, and new versions of functions."""

import json
import re
import tomllib
from posixpath import normpath
from typing import Any  # resources are of many types
from urllib.parse import unquote

import pytest

from tests.support.expanded_template import of_type, translated
from tests.support.sam_template import ROOT, functions, resources, template
from tools.local_cloud.project import release

SHIFTING = ["Canary10Percent10Minutes", "Linear10PercentEvery1Minute"]
# Most requests, by https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html few enough
# for deployments that start at once.
WITH_TRAFFIC = {
    *("Authorizer", "CreateSession", "CreateAccessToken", "GetUser"),
    *("GetOrder", "ListOrders", "PlaceOrder", "GetProduct", "ListProducts"),
}
# Bounds for the routes of today, so that a new route needs no change here. Each adds up to 25
# lines, and a Function, a Role, a Version and an Alias.
ROUTES_TODAY = 35
NEW_ROUTES = max(0, len([it for it in functions() if it.route]) - ROUTES_TODAY)
MAX_LINES = 2470 + 25 * NEW_ROUTES  # of template.yaml
# In production's expansion; CloudFormation's limit is 500.
MAX_RESOURCES = min(280 + 4 * NEW_ROUTES, 420)


def parameters_of(environment: str) -> dict[str, str]:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = config[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=") for pair in overrides.split())


def test_staging_shifts_traffic_like_prod_and_the_local_cloud_does_not() -> None:
    for environment in ("staging", "prod"):
        assert parameters_of(environment)["Rollout"] == "Canary10Percent10Minutes"
    assert "Rollout" not in parameters_of("default")
    assert template()["Parameters"]["Rollout"]["Default"] == "AllAtOnce"
    assert template()["Parameters"]["Rollout"]["AllowedValues"] == ["AllAtOnce", *SHIFTING]


def test_all_at_once_deployment_needs_no_codedeploy_and_no_alarm() -> None:
    found = translated()

    assert not [r for r in found.values() if r["Type"].startswith("AWS::CodeDeploy")]
    assert not [r for r in found.values() if "UpdatePolicy" in r]
    assert "CodeDeployServiceRole" not in found


@pytest.mark.parametrize("rollout", SHIFTING)
def test_functions_with_much_traffic_shift_it(rollout: str) -> None:
    found = translated(Rollout=rollout)

    groups = of_type(found, "AWS::CodeDeploy::DeploymentGroup")
    assert set(groups) == {f"{name}DeploymentGroup" for name in WITH_TRAFFIC}, (
        "add a function with a DeploymentPreference to WITH_TRAFFIC of this file"
    )
    for group in groups.values():
        assert group["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": rollout}
        assert group["AlarmConfiguration"]["Alarms"] == [
            {"Name": {"Ref": "ServerErrorsAlarm"}},
            {"Name": {"Ref": "LatencyAlarm"}},
        ]
        assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeploymentRole", "Arn"]}
    for name, alias in found.items():
        if alias["Type"] == "AWS::Lambda::Alias":
            policy = alias.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate")
            assert (policy is not None) is (name.removesuffix("Aliaslive") in WITH_TRAFFIC)
            if policy:
                assert policy["BeforeAllowTrafficHook"] == {"Ref": "CheckBeforeTraffic"}
    # SAM's default role would have a managed policy for every function of the account.
    assert "CodeDeployServiceRole" not in found


def test_rollback_alarms_do_not_depend_on_deployed_resources() -> None:
    alarms = resources("AWS::CloudWatch::Alarm")
    deployed = {"Ref": "Api"}, *({"Ref": name} for name in WITH_TRAFFIC)

    for name in ("ServerErrorsAlarm", "LatencyAlarm"):
        assert not any(json.dumps(way) in json.dumps(alarms[name]) for way in deployed)


@pytest.mark.parametrize("rollout", SHIFTING)
def test_canary_lasts_longer_than_the_alarms_need(rollout: str) -> None:
    first, *more = map(int, re.findall(r"\d+", rollout))
    minutes = more[0] if rollout.startswith("Canary") else 100 / first * more[0]
    late = 3  # minutes: the one of the failure, and until the last one's metrics arrive

    for name in ("ServerErrorsAlarm", "LatencyAlarm"):
        alarm = resources("AWS::CloudWatch::Alarm")[name]
        assert '"Period": 60' in json.dumps(alarm)
        assert alarm["DatapointsToAlarm"] + late < minutes


def test_template_can_be_read_in_one_sitting() -> None:
    assert len((ROOT / "template.yaml").read_text().splitlines()) <= MAX_LINES, (
        "move what a function, table or queue of the shop does not need to operations.yaml"
    )


def test_expansion_of_production_leaves_room_below_the_limit() -> None:
    assert len(translated(**parameters_of("prod"))) <= MAX_RESOURCES, (
        "CloudFormation's limit is 500: see docs/decisions/023-api-from-its-document.md"
    )


def test_every_release_publishes_a_version_that_differs() -> None:
    """Lambda rejects a new version that equals the last: the stack would roll back."""
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]

    assert variables["RELEASE"] == {"Ref": "Release"}
    assert template()["Globals"]["Function"]["AutoPublishAliasAllProperties"] is True
    for name, version in of_type(translated(), "AWS::Lambda::Version").items():
        assert version["Description"] == {"Ref": "Release"}, name


@pytest.mark.parametrize(
    "change", [{"HashingConcurrency": "40"}, {"LogLevel": "DEBUG"}, {"Release": "v2-12345678"}]
)
def test_parameters_alone_replace_no_version_resource(change: dict[str, str]) -> None:
    """A version that only its resource's id replaces would equal the last."""
    before, after = translated(), translated(**change)

    assert set(of_type(before, "AWS::Lambda::Version")) == set(
        of_type(after, "AWS::Lambda::Version")
    )


def test_release_changes_with_the_code_and_with_each_parameter() -> None:
    parameters = {"LogLevel": "INFO", "Stage": "prod"}

    assert release("v1", parameters) == release("v1", dict(reversed(parameters.items())))
    others = {release("v2", parameters), release("v1", parameters | {"LogLevel": "DEBUG"})}
    assert release("v1", parameters) not in others
    pattern = template()["Parameters"]["Release"]["AllowedPattern"]
    for code in ("v1.2.0-14-g2414721-dirty", "release/2026.11", "v1.0.0+b1"):
        assert re.search(pattern, release(code, parameters))


def test_deployment_role_shifts_traffic_of_this_stack_only() -> None:
    (policy,) = resources("AWS::IAM::Role")["DeploymentRole"]["Policies"]
    shift, ask, look = policy["PolicyDocument"]["Statement"]

    assert shift["Resource"]["Fn::Sub"].endswith(":function:${AWS::StackName}-*")
    assert ask["Resource"] == {"Fn::GetAtt": "CheckBeforeTraffic.Arn"}
    assert look["Action"] == "cloudwatch:DescribeAlarms"


def test_tables_that_cannot_be_rebuilt_are_protected_in_prod() -> None:
    protected = {
        name
        for name, properties in resources("AWS::DynamoDB::Table").items()
        if properties.get("DeletionProtectionEnabled") == {"Fn::If": ["ProtectsData", True, False]}
        and properties["PointInTimeRecoverySpecification"]
        == {"PointInTimeRecoveryEnabled": {"Fn::If": ["ProtectsData", True, False]}}
        and template()["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
        and template()["Resources"][name]["UpdateReplacePolicy"] == "Retain"
    }

    names = (
        "Authenticators",
        "Users",
        "Credentials",
        "Sessions",
        "Products",
        "Orders",
        "OauthClients",
        "Grants",
        "Webhooks",
    )
    assert {f"{it}Table" for it in names} == protected
    assert parameters_of("prod")["DataProtection"] == "on"
    assert template()["Conditions"]["ProtectsData"] == {
        "Fn::Equals": [{"Ref": "DataProtection"}, "on"]
    }


def test_domain_and_firewall_exist_on_request_only() -> None:
    conditions = {
        "ApiDomain": "HasDomain",
        "ApiMapping": "HasDomain",
        "ApiRecord": "HasZone",
        "Firewall": "LimitsAddresses",
        "FirewallOfApi": "LimitsAddresses",
    }
    defaults = template()["Parameters"]

    for name, condition in conditions.items():
        assert template()["Resources"][name]["Condition"] == condition
    assert [defaults[it]["Default"] for it in ("DomainName", "CertificateArn", "HostedZoneId")] == [
        *("", "", "")
    ]
    assert defaults["RateLimitPerAddress"]["Default"] == 0
    assert resources("AWS::ApiGateway::DomainName")["ApiDomain"]["SecurityPolicy"] == "TLS_1_2"


@pytest.mark.parametrize(
    ("request_line", "hashes"),
    [
        ("POST /api/users", True),
        ("POST /prod/api/users", True),
        ("POST /prod/api/sessions/", True),
        ("POST /api/access-tokens", True),
        ("POST /api/password-resets", True),
        ("POST //api/users", True),
        ("POST /prod//api/./sessions", True),
        ("POST /api/%75sers", True),
        ("PUT /api/password-resets/abc", True),
        ("PUT /api/users/me", True),
        ("PATCH /prod/api/users/0190a6b2-7c9e-7b1a-8f00-0000000000a1", True),
        ("PUT /api/users/me/password", True),
        ("PUT /api//users//me//password/", True),
        ("GET /api/users", False),
        ("DELETE /api/users/me", False),
        ("POST /api/users/me/orders", False),
        ("PATCH /api/users/me/orders/1", False),
        ("POST /api/products", False),
    ],
)
def test_firewall_counts_password_hashing_requests_separately(
    request_line: str, hashes: bool
) -> None:
    hashing, everything = resources("AWS::WAFv2::WebACL")["Firewall"]["Rules"]
    rate = hashing["Statement"]["RateBasedStatement"]
    statements = rate["ScopeDownStatement"]["AndStatement"]["Statements"]
    method, where = (statement["RegexMatchStatement"] for statement in statements)

    sent, path = request_line.split(" ")
    assert (method["FieldToMatch"], where["FieldToMatch"]) == ({"Method": {}}, {"UriPath": {}})
    found = re.search(method["RegexString"], sent) and re.search(
        where["RegexString"], transformed(path, where["TextTransformations"])
    )
    assert (found is not None) is hashes
    limit = everything["Statement"]["RateBasedStatement"]
    assert limit["Limit"] == {"Ref": "RateLimitPerAddress"}
    assert "ScopeDownStatement" not in limit


def transformed(path: str, transformations: list[dict[str, Any]]) -> str:
    """Normalize a path like the firewall before it compares."""
    kinds = {"URL_DECODE": unquote, "NORMALIZE_PATH": lambda it: re.sub("/+", "/", normpath(it))}
    for transformation in sorted(transformations, key=lambda it: int(it["Priority"])):
        path = kinds[transformation["Type"]](path)
    return path
