"""The settings of a deployment: the local stack, or an environment of samconfig.toml."""

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tools.local_cloud.clients import CREDENTIALS
from tools.local_cloud.emulator_process import REPOSITORY
from tools.local_cloud.free_port import HOST
from tools.local_cloud.project import read_deployment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOCAL_STACK = REPOSITORY / ".local/stack.json"  # exists while `make run` is ready
_ANY_FUNCTION = "GetUser"  # all functions have the same settings


def attach(environment: str | None, local_stack: Path = LOCAL_STACK) -> str:
    """Set the environment variables of the deployed functions, such as table names.

    Without an environment, the local stack is used, and the shell's AWS credentials are not read.
    Return the stack's name; raise `SystemExit` if nothing is deployed.
    """
    if environment is None:
        if not local_stack.exists():
            sys.exit("The local stack is not running: make run, or set ENV to a deployment.")
        use_local(json.loads(local_stack.read_text())["emulator"])
        stack_name = read_deployment(REPOSITORY).stack_name
    else:
        stack_name = _select_environment(environment)
    function = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack_name, LogicalResourceId=_ANY_FUNCTION
    )["StackResourceDetail"]["PhysicalResourceId"]
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=function)
    os.environ.update(_without_aws_settings(configuration["Environment"]["Variables"]))
    return stack_name


def use_local(endpoint: str) -> None:
    """Restrict boto3 to this local endpoint."""
    for name in [it for it in os.environ if it.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= CREDENTIALS | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": read_deployment(REPOSITORY).region,
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }


def retrying_client() -> "DynamoDBClient":
    """Return a client that retries throttled calls longer than a user's request could."""
    return boto3.client(
        "dynamodb",
        config=Config(
            retries={"mode": "adaptive", "total_max_attempts": 12}, max_pool_connections=50
        ),
    )


def _select_environment(environment: str) -> str:
    """Return the stack's name; boto3 finds account and credentials."""
    configuration = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    if environment not in configuration:
        sys.exit(f"samconfig.toml has no environment {environment}.")
    shared = configuration[environment]["global"]["parameters"]
    if "region" in shared:
        os.environ["AWS_DEFAULT_REGION"] = shared["region"]
    name: str = shared["stack_name"]
    return name


def _without_aws_settings(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Drop AWS settings: local functions have their own endpoint of the emulator."""
    return {name: value for name, value in variables.items() if not name.startswith("AWS_")}
