"""A deployment by its environment in samconfig.toml, for tools that work on it from outside."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import botocore.session

from tools.local_cloud.clients import client

ROOT = Path(__file__).parent.parent


class Deployment:
    """`default` is the local cloud: that of `AWS_ENDPOINT_URL`, or else the one that runs here.

    Others are AWS, as the shell is logged in.
    """

    def __init__(self, environment: str, running: Path = ROOT / ".local/stack.json") -> None:
        configuration = tomllib.loads((ROOT / "samconfig.toml").read_text())
        if environment not in configuration or environment == "version":
            raise SystemExit(f"There is no environment {environment} in samconfig.toml.")
        shared = configuration[environment]["global"]["parameters"]
        wanted = configuration[environment]["deploy"]["parameters"]["parameter_overrides"]
        self.stack: str = shared["stack_name"]
        # What samconfig.toml says, which a deployment may not have yet.
        self.wanted: dict[str, str] = dict(pair.split("=", 1) for pair in wanted.split())
        self._region: str | None = shared.get("region")
        self.endpoint: str | None = None
        self._url: str | None = None
        if environment == "default" and "AWS_ENDPOINT_URL" not in os.environ:
            if not running.exists():
                raise SystemExit("The local cloud does not run here: make run")
            info = json.loads(running.read_text())
            self.endpoint, self._url = info["emulator"], info["url"]

    # Any: botocore makes its clients at run time.
    def client(self, service: str) -> Any:
        if self.endpoint is not None:
            return client(service, self.endpoint, str(self._region))
        return botocore.session.Session().create_client(service, self._region)

    # Any: botocore makes its exceptions at run time, and answers are of many types.
    def described(self) -> dict[str, Any] | None:
        """The stack as CloudFormation describes it; None if there is none."""
        cloudformation = self.client("cloudformation")
        try:
            (stack,) = cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        found: dict[str, Any] = stack
        return found

    def deployed(self) -> dict[str, Any]:
        """As `described`; raises `SystemExit` if there is none."""
        stack = self.described()
        if stack is None:
            raise SystemExit(f"There is no stack {self.stack}.")
        return stack

    def parameters(self) -> dict[str, str]:
        """What is deployed."""
        found = self.deployed().get("Parameters", [])
        return {it["ParameterKey"]: it["ParameterValue"] for it in found}

    def url(self) -> str:
        """Where the API answers."""
        if self._url is not None:
            return self._url
        outputs = {it["OutputKey"]: it["OutputValue"] for it in self.deployed()["Outputs"]}
        return str(outputs["ApiUrl"])

    def operator(self) -> str:
        """The ARN of whoever runs this."""
        arn: str = self.client("sts").get_caller_identity()["Arn"]
        return arn

    # Any: what a function takes and answers is any JSON.
    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """What the function of this logical id answers; raises `SystemExit` where it fails."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=self.stack, LogicalResourceId=function
        )["StackResourceDetail"]
        answer = self.client("lambda").invoke(
            FunctionName=found["PhysicalResourceId"], Qualifier="live", Payload=json.dumps(event)
        )
        told = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise SystemExit(f"{function} failed: {json.dumps(told)}")
        return told

    def queues(self) -> dict[str, str]:
        """The URLs of the template's queues, by their names in it."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.stack)
            for found in page["StackResourceSummaries"]
            if found["ResourceType"] == "AWS::SQS::Queue"
        }

    def queue(self, name: str) -> str:
        """The URL of one; raises `SystemExit`."""
        queues = self.queues()
        if name not in queues:
            raise SystemExit(f"There is no queue {name}, but {', '.join(sorted(queues))}.")
        return queues[name]

    def attribute(self, url: str, name: str) -> str:
        """Of a queue, or empty if it has none of this name."""
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        value: str = found.get("Attributes", {}).get(name, "")
        return value
