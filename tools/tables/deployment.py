"""Where the tables are: of the running local stack, or of an environment of samconfig.toml."""

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
_ASKED = "UpdateReadModels"  # any function: all have the same settings


def attach(environment: str | None, local_stack: Path = LOCAL_STACK) -> str:
    """Gives this process the settings of the deployed functions, among them the tables' names.

    Without an environment it is the local stack's, and no credentials of whoever runs this are
    looked at. Ends the program where nothing is deployed; returns
    the stack's name.
    """
    if environment is None:
        if not local_stack.exists():
            sys.exit("No local stack runs: make run, or name a deployment with ENV.")
        use_local(json.loads(local_stack.read_text())["emulator"])
        stack_name = read_deployment(REPOSITORY).stack_name
    else:
        stack_name = _of_account(environment)
    function = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack_name, LogicalResourceId=_ASKED
    )["StackResourceDetail"]["PhysicalResourceId"]
    asked = boto3.client("lambda").get_function_configuration(FunctionName=function)
    os.environ.update(_settings(asked["Environment"]["Variables"]))
    return stack_name


def use_local(endpoint: str) -> None:
    """What listens on this machine is all that boto3 reaches from now on."""
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


def patient_client() -> "DynamoDBClient":
    """One that waits for tables that are busy, as no request of a user could."""
    return boto3.client(
        "dynamodb",
        config=Config(
            retries={"mode": "adaptive", "total_max_attempts": 12}, max_pool_connections=50
        ),
    )


def _of_account(environment: str) -> str:
    """Its stack's name; the account and its credentials are boto3's to find."""
    configuration = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    if environment not in configuration:
        sys.exit(f"samconfig.toml has no environment {environment}.")
    shared = configuration[environment]["global"]["parameters"]
    if "region" in shared:
        os.environ["AWS_DEFAULT_REGION"] = shared["region"]
    name: str = shared["stack_name"]
    return name


def _settings(variables: Mapping[str, str]) -> Mapping[str, str]:
    """A function on the local stack also has its own way to the emulator."""
    return {name: value for name, value in variables.items() if not name.startswith("AWS_")}
