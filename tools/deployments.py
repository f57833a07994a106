"""Deployments by their environment in samconfig.toml, for operator tools."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session

from tools.local_cloud.clients import client

ROOT = Path(__file__).parent.parent


def is_local_cloud() -> bool:
    """Return whether `AWS_ENDPOINT_URL` is an emulator on this machine."""
    host = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
    return host in ("127.0.0.1", "localhost", "::1")


class Deployment:
    """A deployment and its AWS clients.

    `default` is the local cloud: the one of `AWS_ENDPOINT_URL`, otherwise the one of `make run`.
    Other environments are on AWS, with the credentials of the shell.
    """

    def __init__(
        self,
        environment: str,
        running: Path = ROOT / ".local/stack.json",
        project: Path = ROOT,
    ) -> None:
        configuration = tomllib.loads((project / "samconfig.toml").read_text())
        if environment not in configuration or environment == "version":
            raise SystemExit(f"There is no environment {environment} in samconfig.toml.")
        shared = configuration[environment]["global"]["parameters"]
        configured = configuration[environment]["deploy"]["parameters"]["parameter_overrides"]
        self.environment = environment
        self.template = project / "template.yaml"
        self.stack: str = shared["stack_name"]
        self.operations_stack = f"{self.stack}-operations"
        # Values of samconfig.toml, which may not be deployed yet.
        self.configured: dict[str, str] = dict(pair.split("=", 1) for pair in configured.split())
        self.region: str | None = shared.get("region")
        self.endpoint: str | None = None
        self._url: str | None = None
        if environment == "default" and "AWS_ENDPOINT_URL" not in os.environ:
            if not running.exists():
                raise SystemExit("The local cloud is not running: make run")
            info = json.loads(running.read_text())
            self.endpoint, self._url = info["emulator"], info["url"]

    @property
    def is_local(self) -> bool:
        """Whether the stack is in a local cloud, which lacks some APIs of AWS."""
        return self.endpoint is not None or "AWS_ENDPOINT_URL" in os.environ

    # Any: botocore creates its clients at run time.
    def client(self, service: str) -> Any:
        if self.endpoint is not None:
            return client(service, self.endpoint, str(self.region))
        return botocore.session.Session().create_client(service, self.region)

    # Any: botocore creates its exceptions at run time, and responses have many types.
    def describe_stack(self, name: str | None = None) -> dict[str, Any] | None:
        """Return CloudFormation's description of a stack, or None if it does not exist.

        Without a name it is the shop's stack.
        """
        cloudformation = self.client("cloudformation")
        try:
            (stack,) = cloudformation.describe_stacks(StackName=name or self.stack)["Stacks"]
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        found: dict[str, Any] = stack
        return found

    def require_stack(self) -> dict[str, Any]:
        """Return the description of the stack; raise `SystemExit` if it does not exist."""
        stack = self.describe_stack()
        if stack is None:
            raise SystemExit(f"There is no stack {self.stack}.")
        return stack

    def parameters(self) -> dict[str, str]:
        """Return the deployed parameters."""
        found = self.require_stack().get("Parameters", [])
        return {it["ParameterKey"]: it["ParameterValue"] for it in found}

    def url(self) -> str:
        """Return the URL of the API."""
        if self._url is not None:
            return self._url
        outputs = {it["OutputKey"]: it["OutputValue"] for it in self.require_stack()["Outputs"]}
        url = str(outputs["ApiUrl"])
        if not is_local_cloud():
            return url
        # On AWS, this host may belong to another account.
        parts = urlsplit(url)
        api = parts.netloc.partition(".")[0]
        return f"{os.environ['AWS_ENDPOINT_URL']}/restapis/{api}{parts.path}/_user_request_"

    def operator(self) -> str:
        """Return the ARN of the current AWS identity."""
        arn: str = self.client("sts").get_caller_identity()["Arn"]
        return arn

    # Any: payloads are JSON.
    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke the function with this logical id; return its response.

        Raise `SystemExit` if the function fails.
        """
        found = self.client("cloudformation").describe_stack_resource(
            StackName=self.stack, LogicalResourceId=function
        )["StackResourceDetail"]
        response = self.client("lambda").invoke(
            FunctionName=found["PhysicalResourceId"], Qualifier="live", Payload=json.dumps(event)
        )
        payload = json.load(response["Payload"])
        if "FunctionError" in response:
            raise SystemExit(f"{function} failed: {json.dumps(payload)}")
        return payload

    def protect(self) -> None:
        """Turn on the termination protection of both stacks: nobody deletes them by mistake."""
        cloudformation = self.client("cloudformation")
        for name in (self.stack, self.operations_stack):
            cloudformation.update_termination_protection(
                StackName=name, EnableTerminationProtection=True
            )

    def resources(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return CloudFormation's summary of each resource of a stack, by default the shop's."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        found = pages.paginate(StackName=name or self.stack)
        return [summary for page in found for summary in page["StackResourceSummaries"]]

    def queues(self) -> dict[str, str]:
        """Return the URLs of the queues by logical id."""
        return {
            it["LogicalResourceId"]: it["PhysicalResourceId"]
            for it in self.resources()
            if it["ResourceType"] == "AWS::SQS::Queue"
        }

    def queue(self, name: str) -> str:
        """Return the URL of a queue; raise `SystemExit` if it does not exist."""
        queues = self.queues()
        if name not in queues:
            raise SystemExit(f"There is no queue {name}. Queues: {', '.join(sorted(queues))}.")
        return queues[name]

    def attribute(self, url: str, name: str) -> str:
        """Return an attribute of a queue, or an empty string if the queue does not have it."""
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        value: str = found.get("Attributes", {}).get(name, "")
        return value
