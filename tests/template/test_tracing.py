"""Tracing in the template: everything is traced, except routes that would leak secrets."""

import json
import tomllib
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest

from tests.support.expanded_template import of_type, translated
from tests.support.sam_template import ROOT, functions, resources

ROUTES = [function.route for function in functions() if function.route]
# Routes with a token in the path, or with names, emails or the state of a client in the query.
TELLING = {route for route in ROUTES if "oken}" in route} | {
    "GET /api/users",
    "GET /oauth/authorize",
}


@cache
def expanded() -> dict[str, dict[str, Any]]:
    return translated()


def test_gateway_and_every_function_are_traced() -> None:
    (stage,) = of_type(expanded(), "AWS::ApiGateway::Stage").values()
    lambdas = of_type(expanded(), "AWS::Lambda::Function")

    assert stage["TracingEnabled"] is True
    assert len(lambdas) == len(functions())
    assert {it["TracingConfig"]["Mode"] for it in lambdas.values()} == {"Active"}


def test_functions_may_send_traces_by_one_managed_policy() -> None:
    roles = of_type(expanded(), "AWS::IAM::Role")
    of_functions = {
        it["Role"]["Fn::GetAtt"][0] for it in of_type(expanded(), "AWS::Lambda::Function").values()
    }

    for role in (roles[name] for name in of_functions):
        managed = [json.dumps(arn) for arn in role["ManagedPolicyArns"]]
        assert len(managed) == 2
        assert sum("AWSLambdaBasicExecutionRole" in arn for arn in managed) == 1
        assert sum("XRayDaemonWrite" in arn or "XrayWriteOnly" in arn for arn in managed) == 1


def unsampled(route: str) -> bool:
    """Return whether a sampling rule excludes the route."""
    method, _, path = route.partition(" ")
    rules = [it["SamplingRule"] for it in resources("AWS::XRay::SamplingRule").values()]
    return any(
        rule["HTTPMethod"] == method
        and fnmatch(f"/staging{path}", rule["URLPath"])
        and fnmatch(path, rule["URLPath"])
        and (rule["ReservoirSize"], rule["FixedRate"]) == (0, 0)
        for rule in rules
    )


@pytest.mark.parametrize("route", ROUTES)
def test_only_routes_that_could_leak_secrets_are_untraced(route: str) -> None:
    assert len(TELLING) == 4
    assert unsampled(route) == (route in TELLING), (
        f"add a sampling rule for {route} to operations.yaml, since its path contains a token"
    )
    assert unsampled(f"{route}/") == (route in TELLING)  # the gateway accepts both


def test_sampling_rules_belong_to_this_deployment() -> None:
    api = resources("AWS::Serverless::Api")["Api"]
    rules = [it["SamplingRule"] for it in resources("AWS::XRay::SamplingRule").values()]
    longest = max(
        len(environment["global"]["parameters"]["stack_name"])
        for environment in tomllib.loads((ROOT / "samconfig.toml").read_text()).values()
        if isinstance(environment, dict)
    )

    assert (api["Name"], api["StageName"]) == ({"Ref": "AWS::StackName"}, {"Ref": "Stage"})
    assert {it["ServiceName"]["Fn::Sub"] for it in rules} == {"${Shop}/${Stage}"}
    assert len({it["Priority"] for it in rules}) == len(rules)
    for rule in rules:
        name = rule["RuleName"]["Fn::Sub"].replace("${Shop}", "")
        assert longest + len(name) <= 32  # X-Ray's maximum length
