"""Canary deployments, and version names that change with every parameter."""

import json
import re
import tomllib
from posixpath import normpath
from typing import Any  # resources are of many types
from urllib.parse import unquote

import pytest

from tests.support.expanded_template import of_type, translated
from tests.support.sam_template import ROOT, functions, resources, template

SHIFTING = ["Canary10Percent10Minutes", "Linear10PercentEvery1Minute"]
WITH_TRAFFIC = {f.name for f in functions() if f.route or f.name == "Authorizer"}


def parameters_of(environment: str) -> dict[str, str]:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = config[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=") for pair in overrides.split())


def test_traffic_is_shifted_in_prod_only() -> None:
    assert parameters_of("prod")["Rollout"] == "Canary10Percent10Minutes"
    assert "Rollout" not in parameters_of("staging") | parameters_of("default")
    assert template()["Parameters"]["Rollout"]["Default"] == "AllAtOnce"
    assert template()["Parameters"]["Rollout"]["AllowedValues"] == ["AllAtOnce", *SHIFTING]


def test_all_at_once_deployment_needs_no_codedeploy_and_no_alarm() -> None:
    found = translated()

    assert not [r for r in found.values() if r["Type"].startswith("AWS::CodeDeploy")]
    assert not [r for r in found.values() if "UpdatePolicy" in r]
    assert "CodeDeployServiceRole" not in found


@pytest.mark.parametrize("rollout", SHIFTING)
def test_routes_and_the_authorizer_shift_traffic_and_workers_do_not(rollout: str) -> None:
    found = translated(Rollout=rollout)

    groups = of_type(found, "AWS::CodeDeploy::DeploymentGroup")
    assert set(groups) == {f"{name}DeploymentGroup" for name in WITH_TRAFFIC}
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
    assert len(found) <= 450


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


def test_version_name_contains_every_setting_of_a_parameter() -> None:
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    parameters = template()["Parameters"]

    def parameters_in(variables: dict[str, Any]) -> set[str]:
        found = re.findall(r'"Ref": "(\w+)"', json.dumps(variables))
        return {name for name in found if name in parameters}

    for name, properties in resources("AWS::Serverless::Function").items():
        own = properties.get("Environment", {}).get("Variables", {})
        described = json.dumps(properties["VersionDescription"])
        named = set(re.findall(r"\$\{(\w+)\}", described)) - {"Origins"} | parameters_in(
            json.loads(described)
        )

        assert named == parameters_in(shared | own), (
            f"name each parameter of its settings in the VersionDescription of {name}"
        )


def test_versions_of_an_environment_have_a_description() -> None:
    defaults = {n: p.get("Default", "") for n, p in template()["Parameters"].items()}
    (text, more) = resources("AWS::Serverless::Function")["CreateUser"]["VersionDescription"][
        "Fn::Sub"
    ]
    assert more == {"Origins": {"Fn::Join": [",", {"Ref": "AllowedOrigins"}]}}

    for environment in ("default", "staging", "prod"):
        described = text
        for name, value in (defaults | parameters_of(environment)).items():
            used = "Origins" if name == "AllowedOrigins" else name
            described = described.replace(f"${{{used}}}", str(value))

        assert "$" not in described
        assert len(described) <= 256  # CloudFormation's limit


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
        and template()["Resources"][name]["DeletionPolicy"] == {"Ref": "DataDeletionPolicy"}
        and template()["Resources"][name]["UpdateReplacePolicy"] == {"Ref": "DataDeletionPolicy"}
    }

    assert {
        f"{it}Table" for it in ("Users", "Credentials", "Sessions", "Products", "Orders")
    } == protected
    prod = parameters_of("prod")
    assert (prod["DataProtection"], prod["DataDeletionPolicy"]) == ("on", "Retain")
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
