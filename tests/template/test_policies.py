"""Resource and role policies that no scanner checks, in the template as AWS expands it."""

import json
from typing import Any

import pytest

from tests.support.expanded_template import of_type, translated

# Any: properties of the expanded template.
type Resources = dict[str, dict[str, Any]]

RESOURCE_POLICIES = (
    "AWS::Events::EventBusPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
)


@pytest.fixture(scope="module")
def expanded() -> Resources:
    return translated()


def test_queues_topics_and_buses_accept_named_sources_only(expanded: Resources) -> None:
    for type_ in RESOURCE_POLICIES:
        for name, policy in of_type(expanded, type_).items():
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Principal"].keys() == {"Service"}, name
                conditions = statement["Condition"]
                assert "*" not in json.dumps(statement | {"Condition": None}), name
                sources = {key for condition in conditions.values() for key in condition}
                assert sources and sources <= {"aws:SourceArn", "aws:SourceAccount"}, name
                # A wildcard may be part of a name only, and of this account's own resources.
                if "*" in json.dumps(conditions):
                    account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
                    assert conditions["StringEquals"] == account, name


def test_queue_accepts_a_rule_of_this_template(expanded: Resources) -> None:
    rules = of_type(expanded, "AWS::Events::Rule")

    for name, policy in of_type(expanded, "AWS::SQS::QueuePolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            named = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            for source in named if isinstance(named, list) else [named]:
                rule, attribute = source["Fn::GetAtt"]
                assert rule in rules and attribute == "Arn", name


def test_functions_are_invoked_by_services_for_a_named_source_only(
    expanded: Resources,
) -> None:
    for name, permission in of_type(expanded, "AWS::Lambda::Permission").items():
        assert permission["Action"] == "lambda:InvokeFunction", name
        assert permission["Principal"] in ("apigateway.amazonaws.com", "events.amazonaws.com"), name
        assert permission["SourceArn"], name


def test_function_roles_are_not_shared(expanded: Resources) -> None:
    roles = of_type(expanded, "AWS::IAM::Role")
    for name, function in of_type(expanded, "AWS::Lambda::Function").items():
        assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        [trust] = roles[f"{name}Role"]["AssumeRolePolicyDocument"]["Statement"]

        assert trust["Principal"] == {"Service": ["lambda.amazonaws.com"]}, name
        assert trust["Action"] == ["sts:AssumeRole"], name


def test_permissions_are_in_roles_only(expanded: Resources) -> None:
    identities = {it["Type"] for it in expanded.values() if it["Type"].startswith("AWS::IAM::")}

    assert identities == {"AWS::IAM::Role"}
