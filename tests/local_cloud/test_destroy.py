"""A stack is deployed, destroyed and deployed again, with every resource that outlives it."""

import json
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT
from tools.deployments import Deployment
from tools.destroy import NotDestroyable, destroy
from tools.leftovers import existing, log_groups, retained_secrets, retained_tables
from tools.local_cloud.project import literal_names
from tools.local_cloud.stack import LocalStack

NAME = "passing"
TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: local}
  DataProtection: {Type: String, Default: "off"}
Resources:
  UsersTable:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      DeletionProtectionEnabled: !Equals [!Ref DataProtection, tables]
  Keys:
    Type: AWS::SecretsManager::Secret
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties: {SecretString: secret}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/${AWS::StackName}/http"}
  Bus:
    Type: AWS::Events::EventBus
    Properties: {Name: !Ref AWS::StackName}
"""
OPERATIONS = """
Resources:
  Alarms: {Type: AWS::SNS::Topic}
"""
SAMCONFIG = f"""
[default.global.parameters]
stack_name = "{NAME}"
region = "eu-central-1"
[default.deploy.parameters]
parameter_overrides = "Stage=local"
"""


@pytest.fixture(scope="module")
def deployment(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    project = tmp_path_factory.mktemp("passing")
    (project / "samconfig.toml").write_text(SAMCONFIG)
    (project / "template.yaml").write_text(TEMPLATE)
    running: Path = project / "stack.json"
    running.write_text(json.dumps({"url": stack.url, "emulator": stack.emulator.endpoint}))
    return Deployment("default", running, project)


def deploy(deployment: Deployment, **parameters: str) -> None:
    cloudformation = deployment.client("cloudformation")
    given = [{"ParameterKey": it, "ParameterValue": parameters[it]} for it in parameters]
    for name, body in ((deployment.stack, TEMPLATE), (deployment.operations_stack, OPERATIONS)):
        values = given if body == TEMPLATE else []
        cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=values)
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1}
        )


def answer(_: str) -> str:
    return NAME


def left(deployment: Deployment) -> list[str]:
    return [
        *retained_tables(deployment),
        *retained_secrets(deployment),
        *log_groups(deployment),
        *existing(deployment, literal_names(deployment.template, NAME)),
    ]


def test_stack_is_deployed_again_after_it_was_destroyed(deployment: Deployment) -> None:
    for _ in range(2):
        deploy(deployment)
        # A function logs while the stack is deleted: its group comes back.
        deployment.client("logs").create_log_group(logGroupName=f"/{NAME}/ops")

        destroy(deployment, answer)

        assert deployment.describe_stack() is None
        assert deployment.describe_stack(deployment.operations_stack) is None
        assert left(deployment) == []


def delete_stacks(deployment: Deployment) -> None:
    cloudformation = deployment.client("cloudformation")
    for name in (deployment.operations_stack, deployment.stack):
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1}
        )


def test_data_of_a_stack_deleted_by_other_means_is_deleted_later(deployment: Deployment) -> None:
    deploy(deployment)
    (table,), (secret,) = retained_tables(deployment), retained_secrets(deployment)
    delete_stacks(deployment)
    assert left(deployment) == [table, secret]

    destroy(deployment, answer)

    assert left(deployment) == []
    with pytest.raises(NotDestroyable, match="left nothing"):
        destroy(deployment, answer)


def test_table_of_a_deleted_stack_is_imported_with_its_data(deployment: Deployment) -> None:
    deploy(deployment)
    (table,) = retained_tables(deployment)
    dynamodb, item = deployment.client("dynamodb"), {"id": {"S": "1"}}
    dynamodb.put_item(TableName=table, Item=item)
    delete_stacks(deployment)

    cloudformation, change = deployment.client("cloudformation"), {"ChangeSetName": "import"}
    cloudformation.create_change_set(
        **change,
        StackName=NAME,
        ChangeSetType="IMPORT",
        TemplateBody=TEMPLATE.partition("  Keys:\n")[0],
        ResourcesToImport=[
            {
                "ResourceType": "AWS::DynamoDB::Table",
                "LogicalResourceId": "UsersTable",
                "ResourceIdentifier": {"TableName": table},
            }
        ],
    )
    ready = cloudformation.get_waiter("change_set_create_complete")
    ready.wait(**change, StackName=NAME, WaiterConfig={"Delay": 1})
    cloudformation.execute_change_set(**change, StackName=NAME)
    imported = cloudformation.get_waiter("stack_import_complete")
    imported.wait(StackName=NAME, WaiterConfig={"Delay": 1})
    cloudformation.update_stack(StackName=NAME, TemplateBody=TEMPLATE)
    updated = cloudformation.get_waiter("stack_update_complete")
    updated.wait(StackName=NAME, WaiterConfig={"Delay": 1})

    assert retained_tables(deployment) == [table]
    assert dynamodb.get_item(TableName=table, Key=item)["Item"] == item
    destroy(deployment, answer)
    assert left(deployment) == []


def test_table_with_deletion_protection_keeps_the_whole_stack(deployment: Deployment) -> None:
    deploy(deployment, DataProtection="tables")
    (table,) = retained_tables(deployment)

    with pytest.raises(NotDestroyable, match=table):
        destroy(deployment, answer)

    assert deployment.describe_stack(deployment.operations_stack) is not None
    deployment.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False)
    destroy(deployment, answer)
    assert left(deployment) == []


def test_stack_with_termination_protection_is_kept(deployment: Deployment) -> None:
    deploy(deployment)
    deployment.protect()

    with pytest.raises(NotDestroyable, match="termination protection"):
        destroy(deployment, answer)

    for name in (deployment.operations_stack, deployment.stack):
        deployment.client("cloudformation").update_termination_protection(
            StackName=name, EnableTerminationProtection=False
        )
    destroy(deployment, answer)
    assert left(deployment) == []


def test_names_of_a_deployed_stack_are_found(deployment: Deployment) -> None:
    deploy(deployment)

    found = existing(deployment, literal_names(deployment.template, NAME))

    assert found == [f"log group /{NAME}/http", f"event bus {NAME}"]
    destroy(deployment, answer)


def test_every_kind_of_name_can_be_looked_up(deployment: Deployment) -> None:
    for template in ("template.yaml", "operations.yaml"):
        assert existing(deployment, literal_names(ROOT / template, "nowhere")) == []
