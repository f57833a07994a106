"""A deployment by its environment in samconfig.toml, for tools that work on its queues."""

import json
import tomllib
from pathlib import Path
from typing import Any

import botocore.session

from tools.local_cloud.clients import client

ROOT = Path(__file__).parent.parent


class Deployment:
    """`default` is the local cloud while it runs; others are AWS, as the shell is logged in."""

    def __init__(self, environment: str, running: Path = ROOT / ".local/stack.json") -> None:
        configuration = tomllib.loads((ROOT / "samconfig.toml").read_text())
        shared = configuration[environment]["global"]["parameters"]
        self._stack: str = shared["stack_name"]
        self._region: str | None = shared.get("region")
        self._endpoint: str | None = None
        if environment == "default":
            if not running.exists():
                raise SystemExit("The local cloud does not run here: make run")
            self._endpoint = json.loads(running.read_text())["emulator"]

    # Any: botocore makes its clients at run time.
    def client(self, service: str) -> Any:
        if self._endpoint is not None:
            return client(service, self._endpoint, str(self._region))
        return botocore.session.Session().create_client(service, self._region)

    def queues(self) -> dict[str, str]:
        """The URLs of the template's queues, by their names in it."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for page in pages.paginate(StackName=self._stack)
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
