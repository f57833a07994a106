"""The deployer's IAM policies cover the templates, and little else."""

import json
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any  # policies are JSON

import pytest

from tests.support.expanded_template import of_type, translated
from tests.support.sam_template import ROOT

POLICIES = sorted((ROOT / "docs/deployer").glob("policy-*.json"))
TRUST = ROOT / "docs/deployer/trust.json"
MAX_MANAGED_POLICY = 6144  # characters without white space, an IAM quota
MAX_TRUST_POLICY = 2048
PLACEHOLDER = re.compile(r"ACCOUNT|REGION|STACK|REPOSITORY|ENVIRONMENT")

FUNCTION = "lambda:REGION:ACCOUNT:function:STACK-GetUser"
EVENT_SOURCE = "lambda:REGION:ACCOUNT:event-source-mapping:1"
RULE = "events:REGION:ACCOUNT:rule/STACK/STACK-OrderPlaced"
TOPIC = "sns:REGION:ACCOUNT:STACK-AlarmTopic-1"
QUEUE = "sqs:REGION:ACCOUNT:STACK-Queue-1"
APPLICATION = "codedeploy:REGION:ACCOUNT:application:STACK-ServerlessDeploymentApplication-1"
GROUP = "codedeploy:REGION:ACCOUNT:deploymentgroup:STACK-ServerlessDeploymentApplication-1/a"
STAGE = "apigateway:REGION::/restapis/1/stages/prod"
# A resource of each type, and the actions of CloudFormation to create, update and delete one, from
# `handlers` in the schema of the type.
NEEDED = {
    "AWS::ApiGateway::Account": ("apigateway:REGION::/account", "GET PATCH"),
    "AWS::ApiGateway::BasePathMapping": (
        "apigateway:REGION::/domainnames/api.example.com/basepathmappings",
        "DELETE GET PATCH POST",
    ),
    "AWS::ApiGateway::Deployment": ("apigateway:REGION::/restapis/1/deployments", "DELETE POST"),
    "AWS::ApiGateway::DomainName": ("apigateway:REGION::/domainnames", "DELETE GET PATCH POST"),
    "AWS::ApiGateway::RestApi": ("apigateway:REGION::/restapis", "DELETE GET PATCH POST PUT"),
    "AWS::ApiGateway::Stage": (STAGE, "DELETE GET PATCH POST PUT"),
    "AWS::CloudWatch::Alarm": (
        "cloudwatch:REGION:ACCOUNT:alarm:STACK-operations-Alarm-1",
        "DeleteAlarms DescribeAlarms PutMetricAlarm TagResource",
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch::ACCOUNT:dashboard/STACK",
        "DeleteDashboards GetDashboard PutDashboard",
    ),
    "AWS::CodeDeploy::Application": (APPLICATION, "CreateApplication DeleteApplication"),
    "AWS::CodeDeploy::DeploymentGroup": (
        GROUP,
        "CreateDeployment CreateDeploymentGroup DeleteDeploymentGroup UpdateDeploymentGroup",
    ),
    "AWS::DynamoDB::Table": (
        "dynamodb:REGION:ACCOUNT:table/STACK-UsersTable-1",
        "CreateTable DeleteTable DescribeTable UpdateContinuousBackups UpdateTable"
        " UpdateTimeToLive",
    ),
    "AWS::Events::Archive": (
        "events:REGION:ACCOUNT:archive/EventArchive-1",
        "CreateArchive DeleteArchive DescribeArchive UpdateArchive",
    ),
    "AWS::Events::EventBus": (
        "events:REGION:ACCOUNT:event-bus/STACK",
        "CreateEventBus DeleteEventBus DescribeEventBus UpdateEventBus",
    ),
    "AWS::Events::Rule": (RULE, "DeleteRule DescribeRule PutRule PutTargets RemoveTargets"),
    "AWS::IAM::Role": (
        "iam::ACCOUNT:role/STACK-GetUserRole-1",
        "CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy GetRole PutRolePolicy TagRole"
        " UpdateAssumeRolePolicy",
    ),
    "AWS::Lambda::Alias": (f"{FUNCTION}:live", "CreateAlias DeleteAlias GetAlias UpdateAlias"),
    "AWS::Lambda::EventSourceMapping": (
        EVENT_SOURCE,
        "CreateEventSourceMapping DeleteEventSourceMapping UpdateEventSourceMapping TagResource",
    ),
    "AWS::Lambda::Function": (
        FUNCTION,
        "CreateFunction DeleteFunction GetFunction PutFunctionConcurrency TagResource"
        " UpdateFunctionCode UpdateFunctionConfiguration",
    ),
    "AWS::Lambda::LayerVersion": (
        "lambda:REGION:ACCOUNT:layer:ShopLayer1:1",
        "DeleteLayerVersion GetLayerVersion PublishLayerVersion",
    ),
    "AWS::Lambda::Permission": (FUNCTION, "AddPermission GetPolicy RemovePermission"),
    "AWS::Lambda::Version": (f"{FUNCTION}:1", "DeleteFunction PublishVersion"),
    "AWS::Logs::LogGroup": (
        "logs:REGION:ACCOUNT:log-group:/STACK/http",
        "CreateLogGroup DeleteLogGroup PutRetentionPolicy TagResource",
    ),
    "AWS::Logs::MetricFilter": (
        "logs:REGION:ACCOUNT:log-group:/STACK/http",
        "DeleteMetricFilter DescribeMetricFilters PutMetricFilter",
    ),
    "AWS::Logs::QueryDefinition": (
        "logs:REGION:ACCOUNT:query-definition:1",
        "DeleteQueryDefinition DescribeQueryDefinitions PutQueryDefinition",
    ),
    "AWS::Route53::RecordSet": (
        "route53:::hostedzone/1",
        "ChangeResourceRecordSets GetHostedZone ListResourceRecordSets",
    ),
    "AWS::SES::ConfigurationSet": (
        "ses:REGION:ACCOUNT:configuration-set/STACK",
        "CreateConfigurationSet DeleteConfigurationSet GetConfigurationSet"
        " PutConfigurationSetSuppressionOptions TagResource",
    ),
    "AWS::SES::ConfigurationSetEventDestination": (
        "ses:REGION:ACCOUNT:configuration-set/STACK",
        "CreateConfigurationSetEventDestination DeleteConfigurationSetEventDestination"
        " GetConfigurationSetEventDestinations UpdateConfigurationSetEventDestination",
    ),
    "AWS::SES::EmailIdentity": (
        "ses:REGION:ACCOUNT:identity/shop@example.com",
        "CreateEmailIdentity DeleteEmailIdentity GetEmailIdentity",
    ),
    "AWS::SNS::Subscription": (TOPIC, "Subscribe Unsubscribe"),
    "AWS::SNS::Topic": (TOPIC, "CreateTopic DeleteTopic SetTopicAttributes TagResource"),
    "AWS::SNS::TopicPolicy": (TOPIC, "SetTopicAttributes"),
    "AWS::SQS::Queue": (QUEUE, "CreateQueue DeleteQueue GetQueueAttributes SetQueueAttributes"),
    "AWS::SQS::QueuePolicy": (QUEUE, "SetQueueAttributes"),
    "AWS::SecretsManager::Secret": (
        "secretsmanager:REGION:ACCOUNT:secret:SigningKeysSecret-1",
        "CreateSecret DeleteSecret DescribeSecret TagResource UpdateSecret",
    ),
    "AWS::WAFv2::WebACL": (
        "wafv2:REGION:ACCOUNT:regional/webacl/Firewall-1/2",
        "CreateWebACL DeleteWebACL GetWebACL UpdateWebACL",
    ),
    "AWS::WAFv2::WebACLAssociation": (STAGE, "AssociateWebACL DisassociateWebACL"),
    "AWS::XRay::SamplingRule": (
        "xray:REGION:ACCOUNT:sampling-rule/STACK-resets",
        "CreateSamplingRule DeleteSamplingRule UpdateSamplingRule",
    ),
}
SERVICES = {"AWS::WAFv2::WebACLAssociation": "wafv2"}  # whose ARN is of another service
# AWS offers no ARN for these actions, or they list the account's resources.
ACCOUNT_WIDE = {
    *("cloudformation:ValidateTemplate", "codedeploy:StopDeployment", "lambda:GetAccountSettings"),
    *("cloudwatch:ListDashboards", "dynamodb:ListTables", "events:ListEventBuses"),
    *("logs:DeleteQueryDefinition", "logs:DescribeIndexPolicies", "logs:DescribeLogGroups"),
    *("logs:DescribeQueryDefinitions", "logs:PutQueryDefinition", "ses:GetAccount"),
    "ses:DescribeConfigurationSet",
    *("sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
    "xray:GetSamplingRules",
}
FORBIDDEN = [
    ("dynamodb:GetItem", "dynamodb:REGION:ACCOUNT:table/STACK-UsersTable-1"),
    ("dynamodb:DeleteTable", "dynamodb:REGION:ACCOUNT:table/another-UsersTable-1"),
    ("secretsmanager:GetSecretValue", "secretsmanager:REGION:ACCOUNT:secret:SigningKeysSecret-1"),
    ("lambda:InvokeFunction", "lambda:REGION:ACCOUNT:function:STACK-CreateAdmin"),
    ("cloudformation:DeleteStack", "cloudformation:REGION:ACCOUNT:stack/STACK/1"),
    ("cloudformation:ExecuteChangeSet", "cloudformation:REGION:ACCOUNT:stack/another/1"),
    ("iam:PassRole", "iam::ACCOUNT:role/Admin"),
    # The role that has these policies is outside its own scope.
    ("iam:PutRolePolicy", "iam::ACCOUNT:role/deploy-STACK"),
    ("s3:GetObject", "s3:::another-bucket/key"),
]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements() -> Iterator[Any]:
    for path in POLICIES:
        yield from json.loads(path.read_text())["Statement"]


def is_allowed(action: str, resource: str) -> bool:
    """Return whether a statement matches; its conditions are not evaluated."""
    return any(
        any(fnmatchcase(action, it) for it in listed(statement["Action"]))
        and any(fnmatchcase(f"arn:aws:{resource}", it) for it in listed(statement["Resource"]))
        for statement in statements()
    )


def types() -> set[str]:
    """Return the types of both templates, after SAM's expansion with a canary."""
    written = {
        type_
        for path in ROOT.glob("*.yaml")
        for type_ in re.findall(r"^    Type: (AWS::[\w:]+)$", path.read_text(), re.MULTILINE)
    }
    expanded = {it["Type"] for it in translated(Rollout="Canary10Percent10Minutes").values()}
    found = written | expanded
    return {type_ for type_ in found if not type_.startswith(("AWS::Serverless::", "Custom::"))}


def name(path: Path) -> str:
    return path.name


def test_every_resource_type_of_the_templates_is_covered() -> None:
    found = types()

    assert found >= {"AWS::CodeDeploy::Application", "AWS::CloudWatch::Dashboard"}
    assert found - NEEDED.keys() == set(), "add its actions to NEEDED and to docs/deployer"


@pytest.mark.parametrize("type_", NEEDED)
def test_deployer_may_manage_a_resource(type_: str) -> None:
    resource, actions = NEEDED[type_]
    service = SERVICES.get(type_, resource.partition(":")[0])

    for action in actions.split():
        assert is_allowed(f"{service}:{action}", resource), action


def test_layers_and_log_groups_have_names_that_the_policy_covers() -> None:
    expanded = translated()
    layers = [it["LayerName"] for it in of_type(expanded, "AWS::Lambda::LayerVersion").values()]
    groups = [it["LogGroupName"] for it in of_type(expanded, "AWS::Logs::LogGroup").values()]

    assert layers and groups
    for layer in map(literal, layers):
        assert is_allowed("lambda:PublishLayerVersion", f"lambda:REGION:ACCOUNT:layer:{layer}")
    for group in map(literal, groups):
        assert is_allowed("logs:CreateLogGroup", f"logs:REGION:ACCOUNT:log-group:{group}")


def literal(value: str | dict[str, str]) -> str:
    text = value if isinstance(value, str) else value["Fn::Sub"]
    return text.replace("${AWS::StackName}", "STACK")


def test_stacks_and_uploads_are_covered() -> None:
    for stack in ("STACK", "STACK-operations", "aws-sam-cli-managed-default"):
        for action in ("CreateChangeSet", "DescribeStacks", "ExecuteChangeSet"):
            arn = f"cloudformation:REGION:ACCOUNT:stack/{stack}/1"
            assert is_allowed(f"cloudformation:{action}", arn), stack
    for action in ("GetObject", "PutObject"):
        assert is_allowed(f"s3:{action}", "s3:::aws-sam-cli-managed-default-samclisourcebucket-1/a")


@pytest.mark.parametrize(("action", "resource"), FORBIDDEN)
def test_deployer_has_no_other_permission(action: str, resource: str) -> None:
    assert not is_allowed(action, resource)


def test_account_wide_permissions_are_necessary() -> None:
    for statement in statements():
        assert statement["Effect"] == "Allow"
        actions = set(listed(statement["Action"]))
        assert not [it for it in actions if it.partition(":")[2] in ("", "*")], statement["Sid"]
        if "*" in listed(statement["Resource"]) and "Condition" not in statement:
            assert actions <= ACCOUNT_WIDE, statement["Sid"]


def test_roles_are_passed_to_known_services_only() -> None:
    [passing] = [it for it in statements() if "iam:PassRole" in listed(it["Action"])]

    services = {f"{it}.amazonaws.com" for it in ("apigateway", "codedeploy", "lambda")}
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == services


@pytest.mark.parametrize("path", POLICIES, ids=name)
def test_policy_fits_in_a_managed_policy(path: Path) -> None:
    assert len("".join(path.read_text().split())) <= MAX_MANAGED_POLICY - 400, (
        "leave room for names"
    )


def test_trust_policy_names_repository_and_environment() -> None:
    [statement] = json.loads(TRUST.read_text())["Statement"]
    issuer = "token.actions.githubusercontent.com"

    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{issuer}")
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "repo:REPOSITORY:environment:ENVIRONMENT",
        }
    }
    assert len("".join(TRUST.read_text().split())) <= MAX_TRUST_POLICY


def test_documented_commands_fill_every_placeholder(tmp_path: Path) -> None:
    document = (ROOT / "docs/deploying.md").read_text()
    block = document.partition("### The deployer's role")[2].partition("```sh\n")[2]
    filling, _, creating = block.partition("```")[0].partition("# Once in an account\n")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    subprocess.run(["sh", "-euc", filling], cwd=tmp_path, check=True)

    filled = {path.stem: path.read_text() for path in (tmp_path / ".local/deployer").iterdir()}
    assert filled.keys() == {path.stem for path in [*POLICIES, TRUST]}
    for text in filled.values():
        assert json.loads(text)["Statement"]
        assert not PLACEHOLDER.search(text)
    for file in re.findall(r"file://\.local/deployer/([\w-]+)\.json", creating):
        assert file in filled
