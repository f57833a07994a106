"""Traces: one per request, from the gateway to the functions, in a file."""

import io
import json
import socket
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.waiting import eventually
from tools.local_cloud.clients import client
from tools.local_cloud.emulator_process import EmulatorProcess
from tools.local_cloud.free_port import free_port
from tools.local_cloud.stack import LocalStack
from tools.local_cloud.traces import Span, read_documents, trees

HEADER = b'{"format": "json", "version": 1}\n'
TOKEN = {"Authorization": "Allow"}


def traced(stack: LocalStack, request_id: str) -> Span:
    def find() -> list[Span]:
        roots = trees(read_documents(stack.emulator.traces))
        return [it for it in roots if request_id in it.request_ids()]

    (found,) = eventually(find)
    return found


# Any: variables of the function.
def seen(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 200
    variables: dict[str, Any] = response.json()["variables"]
    return variables


def test_gateway_authorizer_and_function_are_one_trace(
    api: httpx2.Client, stack: LocalStack
) -> None:
    response = api.get("/guarded", headers=TOKEN)
    gateway = traced(stack, response.headers["x-amzn-RequestId"])
    authorizer, function = gateway.below

    assert "Authorizer" in authorizer.name
    assert "Echo" in function.name
    assert {it.document["trace_id"] for it in (gateway, authorizer, function)} == {
        gateway.document["trace_id"]
    }
    assert gateway.start <= authorizer.start <= authorizer.end <= function.start
    assert function.end <= gateway.end
    header = dict(it.split("=") for it in seen(response)["_X_AMZN_TRACE_ID"].split(";"))
    assert header == {
        "Root": gateway.document["trace_id"],
        "Parent": function.document["id"],
        "Sampled": "1",
    }


def test_cold_start_is_a_subsegment_of_its_function(api: httpx2.Client, stack: LocalStack) -> None:
    name = stack.resources()["Echo"]
    lambda_ = client("lambda", stack.emulator.endpoint, stack.deployment.region)
    lambda_.update_function_configuration(FunctionName=name, Description="colder")
    version = lambda_.publish_version(FunctionName=name)["Version"]
    lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    responses = [api.get("/echo/1") for _ in range(2)]
    cold, warm = (traced(stack, it.headers["x-amzn-RequestId"]).below[0] for it in responses)

    (starting,) = cold.below
    assert starting.name == "Initialization"
    assert cold.start <= starting.start < starting.end < cold.end
    assert warm.below == []


def test_trace_has_the_route_and_not_the_path(api: httpx2.Client, stack: LocalStack) -> None:
    response = api.get("/echo/a-secret-in-the-path", params={"q": "a-secret-in-the-query"})
    gateway = traced(stack, response.headers["x-amzn-RequestId"])

    assert gateway.document["aws"]["api_gateway"]["route"] == "GET /echo/{id}"
    assert gateway.document["http"] == {"response": {"status": 200}}
    assert "a-secret" not in stack.emulator.traces.read_text()


def test_gateway_error_is_traced(api: httpx2.Client, stack: LocalStack) -> None:
    gateway = traced(stack, api.get("/nowhere").json()["id"])

    assert gateway.document["http"]["response"]["status"] == 404
    assert gateway.below == []


def test_subsegment_of_a_function_is_its_child(api: httpx2.Client, stack: LocalStack) -> None:
    response = api.get("/echo/1")
    header = dict(it.split("=") for it in seen(response)["_X_AMZN_TRACE_ID"].split(";"))
    now = time.time()
    document = {
        "name": "dynamodb",
        "id": "sent",
        "trace_id": header["Root"],
        "parent_id": header["Parent"],
        "start_time": now,
        "end_time": now,
    }
    send(seen(response)["AWS_XRAY_DAEMON_ADDRESS"], HEADER + json.dumps(document).encode())

    request_id = response.headers["x-amzn-RequestId"]
    (sent,) = eventually(lambda: traced(stack, request_id).below[0].below)
    assert sent.document == document


def test_malformed_datagram_is_ignored(api: httpx2.Client, stack: LocalStack) -> None:
    address = seen(api.get("/echo/1"))["AWS_XRAY_DAEMON_ADDRESS"]
    send(address, b"")
    send(address, b"no newline")
    send(address, HEADER + b'{"id": "after"}')

    assert eventually(lambda: '"after"' in stack.emulator.traces.read_text())


def test_daemon_listens_on_loopback_only(api: httpx2.Client) -> None:
    host, _, port = seen(api.get("/echo/1"))["AWS_XRAY_DAEMON_ADDRESS"].partition(":")

    assert host == "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError):
        other.bind((host, int(port)))


def test_trace_file_keeps_the_newest_while_it_is_read(
    api: httpx2.Client, stack: LocalStack
) -> None:
    address = seen(api.get("/echo/1"))["AWS_XRAY_DAEMON_ADDRESS"]
    done = threading.Event()
    failed: list[Exception] = []

    def read() -> None:
        while not done.is_set():
            try:
                read_documents(stack.emulator.traces)
            except Exception as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(9000):
        send(address, HEADER + json.dumps({"id": f"many-{number}"}).encode())
        if number % 100 == 0:
            time.sleep(0.01)
    assert eventually(lambda: "many-8999" in stack.emulator.traces.read_text())
    done.set()
    reader.join()

    documents = read_documents(stack.emulator.traces)
    assert failed == []
    assert 4000 <= len(documents) <= 8000
    assert documents[-1] == {"id": "many-8999"}


@pytest.mark.parametrize("sample", [True, False])
def test_invocation_is_traced_only_if_sampled(tmp_path: Path, sample: bool) -> None:
    region = "us-east-1"
    emulator = EmulatorProcess(tmp_path, free_port(), free_port(), "none", region, sample=sample)
    emulator.start()
    try:
        role = client("iam", emulator.endpoint, region).create_role(
            RoleName="any", AssumeRolePolicyDocument="{}"
        )
        lambda_ = client("lambda", emulator.endpoint, region)
        lambda_.create_function(
            FunctionName="shown",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="shown.handler",
            Code={"ZipFile": zip_file("shown.py", SHOWN)},
            TracingConfig={"Mode": "Active"},
        )
        header = json.loads(lambda_.invoke(FunctionName="shown")["Payload"].read())
        assert header.endswith(f";Sampled={int(sample)}")
        if sample:
            assert eventually(lambda: read_documents(emulator.traces))
    finally:
        emulator.stop()

    assert [it["name"] for it in read_documents(emulator.traces)] == ["shown"] * sample


SHOWN = "import os\ndef handler(*_): return os.environ['_X_AMZN_TRACE_ID']\n"


def zip_file(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def send(address: str, datagram: bytes) -> None:
    host, _, port = address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.sendto(datagram, (host, int(port)))
