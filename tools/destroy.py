"""``make destroy``: delete a development deployment and all its data, after a confirmation."""

import argparse
import sys
from collections.abc import Callable, Collection, Iterator

from botocore.exceptions import ClientError, WaiterError

from tools.deployments import Deployment
from tools.leftovers import log_groups, retained_secrets, retained_tables
from tools.local_cloud.project import retained_resources


class NotDestroyable(Exception):
    """Nothing was deleted; the message has the reason."""


class NotDestroyed(Exception):
    """The deletion did not finish; the message has the reason and the next step."""


def destroy(deployment: Deployment, ask: Callable[[str], str]) -> None:
    """Delete both stacks, retained tables, keys and log groups.

    If the stack is gone already, delete what it left. Raise `NotDestroyable` before anything is
    deleted, or `NotDestroyed`.
    """
    stacks = [
        name
        for name in (deployment.operations_stack, deployment.stack)
        if deployment.describe_stack(name) is not None
    ]
    _check_protection(deployment, stacks)
    # An earlier stack of this name may have left tables beside those of the present one.
    tables = {*_retained(deployment, stacks, "AWS::DynamoDB::Table"), *retained_tables(deployment)}
    secrets = {
        *_retained(deployment, stacks, "AWS::SecretsManager::Secret"),
        *retained_secrets(deployment),
    }
    if not (stacks or tables or secrets or log_groups(deployment)):
        raise NotDestroyable("there is no such stack, and it left nothing.")
    _check_tables(deployment, tables)
    name = deployment.stack
    if ask(_question(name, stacks, tables)).strip() != name:
        raise NotDestroyable("the name typed is not the name of the stack.")
    for stack in stacks:
        _delete_stack(deployment, stack)
    _delete_data(deployment, tables, secrets)
    for group in log_groups(deployment):  # created again by functions during the deletion, too
        deployment.client("logs").delete_log_group(logGroupName=group)


def _check_protection(deployment: Deployment, stacks: Collection[str]) -> None:
    parameters = deployment.configured
    if deployment.stack in stacks:
        parameters = deployment.parameters()
    if parameters.get("Stage") == "prod":
        raise NotDestroyable("it is prod.")
    if parameters.get("DataProtection") == "on":
        raise NotDestroyable(
            "its data is protected. If nobody needs the data, first deploy it with "
            "DataProtection=off."
        )
    for stack in stacks:
        if (deployment.describe_stack(stack) or {}).get("EnableTerminationProtection"):
            raise NotDestroyable(f"{stack} has termination protection.")


def _check_tables(deployment: Deployment, tables: Collection[str]) -> None:
    dynamodb = deployment.client("dynamodb")
    protected = [
        table
        for table in sorted(tables)
        if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled")
    ]
    if protected:
        raise NotDestroyable(
            f"tables have deletion protection: {', '.join(protected)}. If nobody needs their data: "
            "aws dynamodb update-table --no-deletion-protection-enabled --table-name <table>"
        )


def _question(name: str, stacks: Collection[str], tables: Collection[str]) -> str:
    stated = f"This deletes {name} and all its data."
    if not stacks:
        stated = f"The stack {name} is gone. This deletes the data that it left."
    listed = "".join(f"\n  table {table}" for table in sorted(tables))
    return f"{stated}{listed}\nType {name} to continue: "


def _retained(deployment: Deployment, stacks: Collection[str], type_: str) -> Iterator[str]:
    """Yield the names of the resources of a type that the deletion of the stack keeps."""
    if deployment.stack not in stacks:
        return
    kept = retained_resources(deployment.template)
    for resource in deployment.resources():
        is_there = resource.get("ResourceStatus") != "DELETE_COMPLETE"
        if resource["LogicalResourceId"] in kept and resource["ResourceType"] == type_ and is_there:
            yield resource["PhysicalResourceId"]


def _delete_stack(deployment: Deployment, name: str) -> None:
    cloudformation = deployment.client("cloudformation")
    # By id: somebody may create a stack of the same name meanwhile.
    id_ = (deployment.describe_stack(name) or {}).get("StackId", name)
    cloudformation.delete_stack(StackName=name)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=id_)
    except WaiterError as error:
        failed = "".join(
            f"\n  {it['LogicalResourceId']}: {it.get('ResourceStatusReason', 'no reason')}"
            for it in deployment.resources(name)
            if it["ResourceStatus"] == "DELETE_FAILED"
        )
        raise NotDestroyed(
            f"CloudFormation did not delete {name}: {error}{failed}\n"
            "Its data is kept so far. Remove the cause, then run make destroy "
            f"ENV={deployment.environment} again."
        ) from None


def _delete_data(deployment: Deployment, tables: Collection[str], secrets: Collection[str]) -> None:
    dynamodb = deployment.client("dynamodb")
    for table in sorted(tables):
        try:
            dynamodb.delete_table(TableName=table)
        except ClientError as error:
            # A table whose creation failed is deleted with the stack.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise NotDestroyed(f"{table} is not deleted: {error}") from None
    for secret in sorted(secrets):
        deployment.client("secretsmanager").delete_secret(
            SecretId=secret, ForceDeleteWithoutRecovery=True
        )
    # A function writes this parameter, so CloudFormation does not delete it.
    deployment.client("ssm").delete_parameters(Names=[f"/{deployment.stack}/jwks"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="make destroy", description=__doc__)
    parser.add_argument("--environment", required=True, help="of samconfig.toml")
    deployment = Deployment(parser.parse_args().environment)
    try:
        destroy(deployment, input)
    except EOFError:
        sys.exit(f"{deployment.stack} is kept: nobody typed its name.")
    except NotDestroyable as error:
        sys.exit(f"{deployment.stack} is kept: {error}")
    except (NotDestroyed, ClientError) as error:
        sys.exit(f"{deployment.stack} is not deleted completely: {error}")
    print(f"{deployment.stack} is deleted.")


if __name__ == "__main__":
    main()
