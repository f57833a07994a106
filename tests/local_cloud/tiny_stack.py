"""A stack of the tests' own, deployed without SAM's command line."""

import io
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tools.local_cloud.clients import client
from tools.local_cloud.emulator_process import EmulatorProcess
from tools.local_cloud.free_port import free_port

SOURCE = Path(__file__).parent / "tiny"
NAME = "tiny"
REGION = "eu-central-1"


@dataclass
class TinyStack:
    emulator: EmulatorProcess

    @classmethod
    def started(cls, home: Path) -> "TinyStack":
        stack = cls(EmulatorProcess(home, free_port(), free_port(), NAME, REGION))
        stack.emulator.start()
        return stack

    # Any: botocore makes its clients at run time.
    def client(self, service: str) -> Any:
        return client(service, self.emulator.endpoint, REGION)

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.emulator.api_port}", timeout=30)

    def deploy(self) -> None:
        storage, formation = self.client("s3"), self.client("cloudformation")
        storage.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name in ("function", "layer"):
            storage.put_object(Bucket=NAME, Key=f"{name}.zip", Body=zipped(SOURCE / name))
        formation.create_stack(
            StackName=NAME,
            TemplateBody=(SOURCE / "template.yaml").read_text(),
            Parameters=[{"ParameterKey": "Bucket", "ParameterValue": NAME}],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        while (state := self._state()).endswith("IN_PROGRESS"):
            time.sleep(0.1)
        if state != "CREATE_COMPLETE":
            events = formation.describe_stack_events(StackName=NAME)["StackEvents"]
            raise RuntimeError([it.get("ResourceStatusReason") for it in events])

    def _state(self) -> str:
        stacks = self.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
        return str(stacks[0]["StackStatus"])

    def resource(self, logical_id: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(
            StackName=NAME, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])


def zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()
