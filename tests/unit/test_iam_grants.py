"""Grants of a template and requested permissions have comparable names."""

from typing import Any

import pytest

from tests.support.iam_grants import Grant, asked, granted
from tests.support.permission_records import Asked, Record

ACCOUNT = "us-east-1:000000000000"
HERE = "arn:${AWS::Partition}:SERVICE:${AWS::Region}:${AWS::AccountId}"


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def template(*statements: tuple[str, Any]) -> dict[str, dict[str, Any]]:
    policy = {"Statement": [{"Action": a, "Resource": resource} for a, resource in statements]}
    return {
        "Work": {"Type": "AWS::Lambda::Function", "Properties": {"Role": arn("WorkRole")}},
        "WorkRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {"Policies": [{"PolicyDocument": policy}]},
        },
        "Pears": {"Type": "AWS::DynamoDB::Table"},
        "Key": {"Type": "AWS::SecretsManager::Secret"},
        "Told": {"Type": "AWS::Events::EventBus"},
        "Dead": {"Type": "AWS::SQS::Queue"},
    }


def record(action: str, resource: str, role: str = "role-1", *, allowed: bool = True) -> Record:
    names = {
        "WorkRole": "role-1",
        "Pears": "shop-local-Pears-1",
        "Key": f"arn:aws:secretsmanager:{ACCOUNT}:secret:Key-1-a1",
        "Told": "shop-local",
        "Dead": "http://127.0.0.1:4566/000000000000/Dead-1",
    }
    return Record([], names, [Asked(role, action, resource, allowed)])


@pytest.mark.parametrize(
    ("action", "written", "requested"),
    [
        ("dynamodb:GetItem", arn("Pears"), f"dynamodb:{ACCOUNT}:table/shop-local-Pears-1"),
        (
            "dynamodb:Query",
            {"Fn::Sub": "${Pears.Arn}/index/by_id"},
            f"dynamodb:{ACCOUNT}:table/shop-local-Pears-1/index/by_id",
        ),
        (
            "dynamodb:GetRecords",
            {"Fn::GetAtt": ["Pears", "StreamArn"]},
            f"dynamodb:{ACCOUNT}:table/shop-local-Pears-1/stream/2026-11-23T07:23:21.044Z",
        ),
        (
            "secretsmanager:GetSecretValue",
            {"Ref": "Key"},
            f"secretsmanager:{ACCOUNT}:secret:Key-1-a1",
        ),
        ("events:PutEvents", arn("Told"), f"events:{ACCOUNT}:event-bus/shop-local"),
        ("sqs:SendMessage", arn("Dead"), f"sqs:{ACCOUNT}:Dead-1"),
        (
            "ssm:GetParameter",
            {"Fn::Sub": f"{HERE}:parameter/${{AWS::StackName}}/jwks".replace("SERVICE", "ssm")},
            f"ssm:{ACCOUNT}:parameter/shop-local/jwks",
        ),
        (
            "ses:SendEmail",
            {"Fn::Sub": f"{HERE}:identity/${{MailFrom}}".replace("SERVICE", "ses")},
            f"ses:{ACCOUNT}:identity/shop@example.com",
        ),
    ],
)
def test_granted_and_requested_permissions_have_equal_names(
    action: str, written: dict[str, Any], requested: str
) -> None:
    expanded = template((action, written))

    assert granted(expanded) == asked(expanded, record(action, f"arn:aws:{requested}"))


def test_denied_permission_is_requested_and_not_used() -> None:
    expanded = template(("dynamodb:GetItem", arn("Pears")))
    denied = record(
        "dynamodb:PutItem", f"arn:aws:dynamodb:{ACCOUNT}:table/shop-local-Pears-1", allowed=False
    )

    assert asked(expanded, denied) == {Grant("Work", "dynamodb:PutItem", "Pears")}
    assert asked(expanded, denied, with_denied=False) == set()


def test_requests_of_other_roles_do_not_count() -> None:
    other = record("sqs:SendMessage", f"arn:aws:sqs:{ACCOUNT}:Dead-1", role="of-a-test")

    assert asked(template(), other) == set()


def test_unknown_resource_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="how this names a resource"):
        granted(template(("sns:Publish", {"Fn::ImportValue": "topic"})))
