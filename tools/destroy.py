"""``make destroy``: delete a development deployment and all its data, after a confirmation."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any  # botocore's clients and responses

from tools.deployments import ROOT, Deployment
from tools.local_cloud.project import retained_resources


class NotDestroyable(Exception):
    """The stack must not be deleted; the message has the reason."""


def destroy(deployment: Deployment, ask: Callable[[str], str]) -> None:
    """Delete both stacks, retained tables, keys and log groups; raise `NotDestroyable`."""
    parameters = deployment.parameters()
    if parameters["Stage"] == "prod":
        raise NotDestroyable("it is prod.")
    if parameters["DataProtection"] == "on":
        raise NotDestroyable(
            "its data is protected. If nobody needs the data, first deploy it with "
            "DataProtection=off."
        )
    name = deployment.stack
    if ask(f"This deletes {name} and all its data. Type {name} to continue: ").strip() != name:
        raise NotDestroyable("the name typed is not the name of the stack.")
    retained = list(_retained(deployment))
    for stack in (deployment.operations_stack, name):
        _delete_stack(deployment, stack)
    _delete_retained(deployment, retained)
    # A function writes this parameter, so CloudFormation does not delete it.
    deployment.client("ssm").delete_parameters(Names=[f"/{name}/jwks"])
    _delete_log_groups(deployment)


def _retained(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """Yield the type and the name of the resources that the deletion of the stack keeps."""
    kept = retained_resources(ROOT / "template.yaml")
    for resource in deployment.resources():
        if resource["LogicalResourceId"] in kept:
            yield resource["ResourceType"], resource["PhysicalResourceId"]


def _delete_stack(deployment: Deployment, name: str) -> None:
    cloudformation = deployment.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)


def _delete_retained(deployment: Deployment, resources: Iterable[tuple[str, str]]) -> None:
    for type_, name in resources:
        if type_ == "AWS::DynamoDB::Table":
            deployment.client("dynamodb").delete_table(TableName=name)
        elif type_ == "AWS::SecretsManager::Secret":
            deployment.client("secretsmanager").delete_secret(
                SecretId=name, ForceDeleteWithoutRecovery=True
            )


def _delete_log_groups(deployment: Deployment) -> None:
    """Delete log groups that functions created again while the stack was deleted."""
    logs = deployment.client("logs")
    prefix = f"/{deployment.stack}/"
    # Any: responses of botocore.
    pages: Any = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    for group in [it["logGroupName"] for page in pages for it in page["logGroups"]]:
        logs.delete_log_group(logGroupName=group)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make destroy", description=__doc__)
    parser.add_argument("--environment", required=True, help="of samconfig.toml")
    deployment = Deployment(parser.parse_args().environment)
    try:
        destroy(deployment, input)
    except NotDestroyable as error:
        sys.exit(f"{deployment.stack} is kept: {error}")
    print(f"{deployment.stack} is deleted.")


if __name__ == "__main__":
    main()
